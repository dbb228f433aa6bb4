#include "finewatt/record/channel.h"

#include <array>
#include <utility>

namespace finewatt {
namespace {

constexpr std::array<std::pair<Domain, std::string_view>, 7> kDomains{{
    {Domain::kPackage, "package"},
    {Domain::kDram, "dram"},
    {Domain::kCore, "core"},
    {Domain::kPsys, "psys"},
    {Domain::kGpu, "gpu"},
    {Domain::kNode, "node"},
    {Domain::kOther, "other"},
}};

constexpr std::array<std::pair<Provenance, std::string_view>, 5> kProvenances{{
    {Provenance::kMeasured, "measured"},
    {Provenance::kDerived, "derived"},
    {Provenance::kModelled, "modelled"},
    {Provenance::kAssumed, "assumed"},
    {Provenance::kMixed, "mixed"},
}};

}  // namespace

std::string_view domain_name(Domain domain) {
    for (const auto& [value, name] : kDomains) {
        if (value == domain) {
            return name;
        }
    }
    return "other";
}

std::optional<Domain> parse_domain(std::string_view name) {
    for (const auto& [value, known] : kDomains) {
        if (known == name) {
            return value;
        }
    }
    return std::nullopt;
}

std::string_view provenance_name(Provenance provenance) {
    for (const auto& [value, name] : kProvenances) {
        if (value == provenance) {
            return name;
        }
    }
    return "assumed";
}

std::optional<Provenance> parse_provenance(std::string_view name) {
    for (const auto& [value, known] : kProvenances) {
        if (known == name) {
            return value;
        }
    }
    return std::nullopt;
}

}  // namespace finewatt
