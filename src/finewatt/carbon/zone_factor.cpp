#include "finewatt/base/ascii.h"
#include "finewatt/carbon/factors_internal.h"
#include "finewatt/carbon/zone_rates_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

namespace finewatt {
namespace {

using carbon_tables::edition_name;
using carbon_tables::ZoneRate;
using carbon_tables::ZoneTable;

/// Two tables that are further apart tell of another grid, not of another way of counting.
constexpr int kSameGridYears = 3;

/// A figure and the table that it stands in.
struct FoundRate {
    const ZoneTable* table = nullptr;
    ZoneRate rate;
};

/// Return every figure of a place, newest first, the preferred table first within a year. Tables
/// without aliases are searched by the code that another table has for the alias.
Result<std::vector<FoundRate>> rates_of(PlaceKind kind, const std::string& code_or_alias) {
    std::vector<FoundRate> all;
    std::string code = code_or_alias;
    for (const ZoneTable& table : carbon_tables::zone_tables()) {
        if (table.kind != kind) {
            continue;
        }
        FINEWATT_ASSIGN(std::vector<ZoneRate> rates, carbon_tables::zone_rates(table));
        for (ZoneRate& rate : rates) {
            // A cloud's region without its provider would be a guess.
            if (kind != PlaceKind::kCloud && !rate.alias.empty() && rate.alias == code_or_alias) {
                code = rate.code;
            }
            all.push_back({&table, std::move(rate)});
        }
    }
    std::vector<FoundRate> found;
    std::copy_if(all.begin(), all.end(), std::back_inserter(found),
                 [&code](const FoundRate& one) { return one.rate.code == code; });
    std::stable_sort(found.begin(), found.end(), [](const FoundRate& a, const FoundRate& b) {
        return a.rate.year.value_or(0) > b.rate.year.value_or(0);
    });
    return found;
}

Error unknown_place(PlaceKind kind, const std::string& code) {
    std::vector<Candidate> candidates;
    std::vector<Candidate> regions;  // of clouds, without their provider
    for (const ZoneTable& table : carbon_tables::zone_tables()) {
        if (table.kind != kind) {
            continue;
        }
        const Result<std::vector<ZoneRate>> rates = carbon_tables::zone_rates(table);
        if (!rates) {
            return rates.error();
        }
        for (const ZoneRate& rate : *rates) {
            const std::string shown =
                rate.name.empty() ? rate.code : fmt::format("{} ({})", rate.code, rate.name);
            for (const std::string& name : {rate.code, rate.alias, rate.name}) {
                if (!name.empty()) {
                    candidates.push_back({name, shown});
                }
            }
            regions.push_back({rate.alias, shown});
        }
    }
    std::string near = near_matches_text(code, candidates);
    const std::size_t slash = code.find('/');
    if (near.empty() && kind == PlaceKind::kCloud && slash != std::string::npos) {
        near = near_matches_text(std::string_view(code).substr(slash + 1), regions);
    }
    std::string_view expected = "a code such as FRA (ISO 3166-1, two or three letters)";
    if (kind == PlaceKind::kState) {
        expected = "a code such as PA (two letters)";
    } else if (kind == PlaceKind::kRegion) {
        expected = "a code such as CA-ON, SE3 or EU-27";
    } else if (kind == PlaceKind::kCloud) {
        expected = "PROVIDER/REGION such as gcp/us-central1";
    }
    return FINEWATT_ERROR(kNotFound,
                          "{} '{}' is not in the tables: expected {}{}; `finewatt carbon places` "
                          "lists them",
                          place_kind_name(kind), code, expected, near);
}

/// Small letters, no spaces: "Ember 2023" and "ember2023" are the same.
std::string squeezed(std::string_view edition) {
    std::string text = ascii_lower(edition);
    text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
    return text;
}

bool is_edition(const FoundRate& found, const std::string& wanted) {
    const std::optional<int> year = found.rate.year;
    return wanted == squeezed(edition_name(*found.table, year)) ||
           wanted == squeezed(found.table->series) || (year && wanted == fmt::format("{}", *year));
}

Result<FoundRate> choose_rate(PlaceKind kind, const std::vector<FoundRate>& found,
                              const CarbonOptions& options) {
    if (!options.edition) {
        return found.front();
    }
    const std::string wanted = squeezed(*options.edition);
    std::vector<std::string> names;
    for (const FoundRate& rate : found) {
        if (is_edition(rate, wanted)) {
            return rate;
        }
        names.push_back(edition_name(*rate.table, rate.rate.year));
    }
    return FINEWATT_ERROR(
        kNotFound, "{} {}: edition '{}' is not in the tables; editions that have it: {}",
        place_kind_name(kind), found.front().rate.code, *options.edition, fmt::join(names, ", "));
}

/// Return the figures of other tables that tell of the same grid: one a table, the nearest year.
std::vector<NamedRate> other_sources(const std::vector<FoundRate>& found, const FoundRate& chosen) {
    std::vector<NamedRate> rates;
    for (const ZoneTable& table : carbon_tables::zone_tables()) {
        const FoundRate* nearest = nullptr;
        int distance = kSameGridYears + 1;
        for (const FoundRate& other : found) {
            if (other.table != &table || &table == chosen.table || !other.rate.year ||
                !chosen.rate.year) {
                continue;
            }
            const int years = std::abs(*other.rate.year - *chosen.rate.year);
            if (years < distance) {
                nearest = &other;
                distance = years;
            }
        }
        if (nearest != nullptr) {
            const std::string name = edition_name(table, nearest->rate.year);
            rates.push_back(
                {name, nearest->rate.intensity,
                 fmt::format("{} {:.4g} g/kWh", name, nearest->rate.intensity.as_grams_per_kwh())});
        }
    }
    return rates;
}

/// Return what spans the range beside the chosen figure itself.
Result<std::vector<NamedRate>> range_rates(PlaceKind kind, const std::vector<FoundRate>& found,
                                           const FoundRate& chosen) {
    if (kind != PlaceKind::kState) {
        return other_sources(found, chosen);
    }
    FINEWATT_ASSIGN(const std::vector<std::string> subregions,
                    carbon_tables::subregions_of_state(chosen.rate.code));
    return subregion_rates_of(subregions, chosen.rate.year.value_or(0), CarbonBasis::kCo2e);
}

}  // namespace

Result<GridFactor> zone_factor(PlaceKind kind, const std::string& code,
                               const CarbonOptions& options) {
    FINEWATT_ASSIGN(const std::vector<FoundRate> found, rates_of(kind, code));
    if (found.empty()) {
        return unknown_place(kind, code);
    }
    if (options.basis == CarbonBasis::kCo2) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{} {}: the tables have co2e only, co2 was asked for; use --basis "
                              "co2e or name the intensity (intensity:474.5)",
                              place_kind_name(kind), found.front().rate.code);
    }
    FINEWATT_ASSIGN(const FoundRate chosen, choose_rate(kind, found, options));
    FINEWATT_ASSIGN(const std::vector<NamedRate> spanning, range_rates(kind, found, chosen));
    GridFactor factor;
    factor.intensity = chosen.rate.intensity;
    factor.intensity_low = chosen.rate.low;
    factor.intensity_high = chosen.rate.high;
    std::vector<std::string> rows;
    for (const NamedRate& rate : spanning) {
        factor.intensity_low = std::min(factor.intensity_low, rate.intensity);
        factor.intensity_high = std::max(factor.intensity_high, rate.intensity);
        rows.push_back(rate.text);
    }
    factor.zone = chosen.rate.code;
    factor.edition = edition_name(*chosen.table, chosen.rate.year);
    factor.basis = std::string(carbon_basis_name(CarbonBasis::kCo2e));
    factor.provenance = std::string(chosen.table->provenance);
    factor.source = fmt::format("{} ({}{})", chosen.table->publisher, chosen.rate.name,
                                chosen.rate.year ? fmt::format(", {}", *chosen.rate.year) : "");
    if (!rows.empty()) {
        factor.source += fmt::format("; the range spans {}", fmt::join(rows, ", "));
    }
    return factor;
}

}  // namespace finewatt
