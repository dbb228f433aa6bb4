#include "finewatt/carbon/editions.h"

#include "finewatt/base/ascii.h"
#include "finewatt/carbon/tables_internal.h"
#include "finewatt/carbon/zone_rates_internal.h"

#include <functional>
#include <map>
#include <set>
#include <utility>

namespace finewatt {
namespace {

using carbon_tables::SubregionRate;
using carbon_tables::ZoneRate;
using carbon_tables::ZoneTable;

Status append_egrid(std::vector<CarbonEdition>& editions) {
    FINEWATT_ASSIGN(const std::vector<SubregionRate> rates, carbon_tables::subregion_rates());
    std::map<int, std::pair<std::size_t, std::size_t>, std::greater<>> places;  // co2, co2e
    for (const SubregionRate& rate : rates) {
        places[rate.year].first += rate.co2 ? 1U : 0U;
        places[rate.year].second += rate.co2e ? 1U : 0U;
    }
    for (const auto& [year, counts] : places) {
        for (const CarbonBasis basis : {CarbonBasis::kCo2, CarbonBasis::kCo2e}) {
            CarbonEdition edition;
            edition.edition = fmt::format("eGRID{}", year);
            edition.basis = basis;
            edition.places = basis == CarbonBasis::kCo2 ? counts.first : counts.second;
            edition.year = year;
            edition.provenance = "published";
            edition.table = "data/egrid";
            edition.source = "US EPA eGRID, total output rate of the subregion";
            if (edition.places > 0) {
                editions.push_back(std::move(edition));
            }
        }
    }
    return {};
}

Status append_zones(const ZoneTable& table, std::vector<CarbonEdition>& editions) {
    FINEWATT_ASSIGN(const std::vector<ZoneRate> rates, carbon_tables::zone_rates(table));
    std::map<int, std::size_t, std::greater<>> places;  // by year; 0 = none stated
    for (const ZoneRate& rate : rates) {
        ++places[rate.year.value_or(0)];
    }
    for (const auto& [year, count] : places) {
        CarbonEdition edition;
        edition.year = year == 0 ? std::nullopt : std::optional(year);
        edition.edition = carbon_tables::edition_name(table, edition.year);
        edition.basis = CarbonBasis::kCo2e;
        edition.kind = table.kind;
        edition.places = count;
        edition.provenance = std::string(table.provenance);
        edition.table = std::string(table.file.substr(0, table.file.rfind('/')));
        edition.source = std::string(table.publisher);
        editions.push_back(std::move(edition));
    }
    return {};
}

/// Adds the places that match, each once.
class PlaceSearch {
  public:
    explicit PlaceSearch(std::string_view text) : wanted_(ascii_lower(text)) {}

    void offer(PlaceKind kind, const std::string& code, const std::string& alias,
               const std::string& name) {
        const bool is_match = holds(code) || holds(alias) || holds(name);
        std::string place = fmt::format("{}:{}", place_kind_name(kind), code);
        if (is_match && seen_.insert(place).second) {
            found_.push_back({std::move(place), name});
        }
    }

    std::vector<KnownPlace> take() { return std::move(found_); }

  private:
    bool holds(std::string_view text) const {
        return ascii_lower(text).find(wanted_) != std::string::npos;
    }

    std::string wanted_;
    std::set<std::string> seen_;
    std::vector<KnownPlace> found_;
};

}  // namespace

Result<std::vector<CarbonEdition>> carbon_editions() {
    std::vector<CarbonEdition> editions;
    FINEWATT_TRY(append_egrid(editions));
    for (const ZoneTable& table : carbon_tables::zone_tables()) {
        FINEWATT_TRY(append_zones(table, editions));
    }
    return editions;
}

Result<std::vector<KnownPlace>> find_places(std::string_view text) {
    PlaceSearch search(text);
    FINEWATT_ASSIGN(const std::vector<SubregionRate> rates, carbon_tables::subregion_rates());
    for (const SubregionRate& rate : rates) {
        search.offer(PlaceKind::kSubregion, rate.subregion, "", rate.name);
    }
    for (const ZoneTable& table : carbon_tables::zone_tables()) {
        FINEWATT_ASSIGN(const std::vector<ZoneRate> zones, carbon_tables::zone_rates(table));
        for (const ZoneRate& zone : zones) {
            search.offer(table.kind, zone.code, zone.alias, zone.name);
        }
    }
    return search.take();
}

}  // namespace finewatt
