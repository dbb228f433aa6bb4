#include "finewatt/carbon/carbon.h"

#include "finewatt/base/ascii.h"
#include "finewatt/carbon/near_matches_internal.h"
#include "finewatt/carbon/tables_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

using carbon_tables::CountryRate;
using carbon_tables::SubregionRate;

/// "; did you mean A, B?" or nothing.
std::string did_you_mean(std::string_view wanted, const std::vector<Candidate>& candidates) {
    const std::vector<std::string> near = near_matches(wanted, candidates);
    return near.empty() ? "" : fmt::format("; near matches: {}", fmt::join(near, ", "));
}

std::optional<CarbonIntensity> rate_of(const SubregionRate& row, CarbonBasis basis) {
    return basis == CarbonBasis::kCo2 ? row.co2 : row.co2e;
}

/// Editions (years) in which every one of the subregions has a rate of this basis, newest first.
std::vector<int> years_with(const std::vector<SubregionRate>& table,
                            const std::vector<std::string>& subregions, CarbonBasis basis) {
    std::map<int, std::size_t, std::greater<>> found;
    for (const SubregionRate& row : table) {
        const bool is_asked =
            std::find(subregions.begin(), subregions.end(), row.subregion) != subregions.end();
        if (is_asked && rate_of(row, basis)) {
            ++found[row.year];
        }
    }
    std::vector<int> years;
    for (const auto& [year, count] : found) {
        if (count == subregions.size()) {
            years.push_back(year);
        }
    }
    return years;
}

/// Read "eGRID2021", "egrid2021" or "2021" as one of the years that there are.
Result<int> choose_year(const std::vector<int>& years, const CarbonOptions& options,
                        CarbonBasis basis, std::string_view zone) {
    if (years.empty()) {
        return FINEWATT_ERROR(kNotFound, "subregion {}: no edition has a {} rate; try --basis {}",
                              zone, carbon_basis_name(basis),
                              basis == CarbonBasis::kCo2 ? "co2e" : "co2");
    }
    if (!options.edition) {
        return years.front();
    }
    const std::string wanted = ascii_lower(*options.edition);
    for (const int year : years) {
        if (wanted == fmt::format("egrid{}", year) || wanted == fmt::format("{}", year)) {
            return year;
        }
    }
    std::vector<std::string> names;
    for (const int year : years) {
        names.push_back(fmt::format("eGRID{}", year));
    }
    return FINEWATT_ERROR(kNotFound,
                          "subregion {}: edition '{}' has no {} rate here; editions that have: {}",
                          zone, *options.edition, carbon_basis_name(basis), fmt::join(names, ", "));
}

Result<GridFactor> subregion_factor(const std::vector<std::string>& subregions,
                                    const CarbonOptions& options) {
    FINEWATT_ASSIGN(const std::vector<SubregionRate> table, carbon_tables::subregion_rates());
    const CarbonBasis basis = options.basis.value_or(CarbonBasis::kCo2);
    const std::string zone = fmt::format("{}", fmt::join(subregions, "/"));
    FINEWATT_ASSIGN(const int year,
                    choose_year(years_with(table, subregions, basis), options, basis, zone));
    std::vector<CarbonIntensity> rates;
    std::vector<std::string> rows;
    for (const std::string& subregion : subregions) {
        for (const SubregionRate& row : table) {
            const std::optional<CarbonIntensity> rate = rate_of(row, basis);
            if (row.year == year && row.subregion == subregion && rate) {
                rates.push_back(*rate);
                rows.push_back(fmt::format("{} {:.4g} g/kWh ({})", subregion,
                                           rate->as_grams_per_kwh(), row.source_tag));
            }
        }
    }
    GridFactor factor;
    for (const CarbonIntensity rate : rates) {
        factor.intensity = factor.intensity + rate / static_cast<double>(rates.size());
    }
    factor.intensity_low = *std::min_element(rates.begin(), rates.end());
    factor.intensity_high = *std::max_element(rates.begin(), rates.end());
    factor.zone = zone;
    factor.edition = fmt::format("eGRID{}", year);
    factor.basis = std::string(carbon_basis_name(basis));
    factor.source =
        fmt::format("US EPA eGRID{} total output rate: {}", year, fmt::join(rows, ", "));
    return factor;
}

Result<GridFactor> named_subregion_factor(const std::string& name, const CarbonOptions& options) {
    FINEWATT_ASSIGN(const std::vector<SubregionRate> table, carbon_tables::subregion_rates());
    std::vector<Candidate> candidates;
    for (const SubregionRate& row : table) {
        if (row.subregion == name) {
            return subregion_factor({name}, options);
        }
        const std::string shown =
            row.name.empty() ? row.subregion : fmt::format("{} ({})", row.subregion, row.name);
        candidates.push_back({row.subregion, shown});
        candidates.push_back({row.name, shown});
    }
    return FINEWATT_ERROR(kNotFound,
                          "eGRID subregion '{}' is not in the table{}; a US ZIP code "
                          "finds its own (zip:15213)",
                          name, did_you_mean(name, candidates));
}

Result<GridFactor> zip_factor(const std::string& zip, const CarbonOptions& options) {
    FINEWATT_ASSIGN(const std::vector<std::string> subregions,
                    carbon_tables::subregions_of_zip(zip));
    FINEWATT_ASSIGN(GridFactor factor, subregion_factor(subregions, options));
    factor.source += fmt::format("; ZIP {} by EPA Power Profiler ZIP table 2018 v9", zip);
    return factor;
}

Result<GridFactor> country_row_factor(const CountryRate& row, const CarbonOptions& options) {
    const std::string edition = fmt::format("Ember {}", row.year);
    if (options.basis == CarbonBasis::kCo2) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "country {}: the table has co2e only, co2 was asked for; use --basis "
                              "co2e or name the intensity (intensity:474.5)",
                              row.alpha3);
    }
    if (options.edition && ascii_lower(*options.edition) != ascii_lower(edition) &&
        *options.edition != fmt::format("{}", row.year)) {
        return FINEWATT_ERROR(kNotFound,
                              "country {}: edition '{}' is not in the table; the one there is: {}",
                              row.alpha3, *options.edition, edition);
    }
    GridFactor factor;
    factor.intensity = factor.intensity_low = factor.intensity_high = row.co2e;
    factor.zone = row.alpha3;
    factor.edition = edition;
    factor.basis = std::string(carbon_basis_name(CarbonBasis::kCo2e));
    factor.source = fmt::format("Ember via Our World in Data: {}, mean of {}", row.name, row.year);
    return factor;
}

Result<GridFactor> country_factor(const std::string& code, const CarbonOptions& options) {
    FINEWATT_ASSIGN(const std::vector<CountryRate> table, carbon_tables::country_rates());
    std::vector<Candidate> candidates;
    for (const CountryRate& row : table) {
        if (row.alpha3 == code || row.alpha2 == code) {
            return country_row_factor(row, options);
        }
        const std::string shown = fmt::format("{} ({})", row.alpha3, row.name);
        candidates.push_back({row.alpha3, shown});
        candidates.push_back({row.alpha2, shown});
        candidates.push_back({row.name, shown});
    }
    return FINEWATT_ERROR(kNotFound,
                          "country '{}' is not in the table: expected an ISO 3166-1 code of two or "
                          "three letters{}",
                          code, did_you_mean(code, candidates));
}

Result<GridFactor> given_factor(CarbonIntensity intensity, const CarbonOptions& options) {
    if (options.edition) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "edition '{}': expected none beside an intensity, which names no "
                              "table; leave --edition away",
                              *options.edition);
    }
    GridFactor factor;
    factor.intensity = factor.intensity_low = factor.intensity_high = intensity;
    if (options.basis) {
        factor.basis = std::string(carbon_basis_name(*options.basis));
    }
    factor.source = "intensity given by the user";
    return factor;
}

std::optional<double> emissions_kg(const std::optional<Joules>& energy, double pue,
                                   CarbonIntensity intensity) {
    if (!energy) {
        return std::nullopt;
    }
    return (*energy * pue * intensity).as_kilograms();
}

}  // namespace

std::string_view carbon_basis_name(CarbonBasis basis) {
    return basis == CarbonBasis::kCo2 ? "co2" : "co2e";
}

Result<CarbonBasis> parse_carbon_basis(std::string_view text) {
    const std::string name = ascii_lower(text);
    if (name == "co2") {
        return CarbonBasis::kCo2;
    }
    if (name == "co2e") {
        return CarbonBasis::kCo2e;
    }
    return FINEWATT_ERROR(kInvalidArgument, "basis: expected co2 or co2e, found '{}'", text);
}

Result<GridFactor> grid_factor(const Place& place, const CarbonOptions& options) {
    if (!std::isfinite(options.pue) || options.pue < 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "PUE: expected a number of 1 or more (facility energy over energy "
                              "of the machines), found {}",
                              options.pue);
    }
    switch (place.kind) {
        case PlaceKind::kZip:
            return zip_factor(place.name, options);
        case PlaceKind::kSubregion:
            return named_subregion_factor(place.name, options);
        case PlaceKind::kCountry:
            return country_factor(place.name, options);
        case PlaceKind::kIntensity:
            break;
    }
    return given_factor(place.intensity, options);
}

Result<CarbonSummary> carbon_of(const EnergySummary& energy, const Place& place,
                                const CarbonOptions& options) {
    FINEWATT_ASSIGN(const GridFactor factor, grid_factor(place, options));
    CarbonSummary carbon;
    carbon.co2_kg = emissions_kg(energy.energy, options.pue, factor.intensity);
    carbon.co2_kg_low = emissions_kg(energy.energy_low, options.pue, factor.intensity_low);
    carbon.co2_kg_high = emissions_kg(energy.energy_high, options.pue, factor.intensity_high);
    carbon.intensity = factor.intensity;
    carbon.zone = factor.zone;
    carbon.edition = factor.edition;
    carbon.basis = factor.basis;
    carbon.source = factor.source;
    carbon.pue = options.pue;
    if (!energy.energy) {
        carbon.reason =
            fmt::format("the energy is unknown: {}", energy.reason.value_or("no reason was given"));
    }
    return carbon;
}

Status set_carbon(RunRecord& run, const std::optional<Place>& place, const CarbonOptions& options) {
    if (!place) {
        run.carbon.reset();
        run.carbon_reason =
            "no place named; name it with --place zip:15213, subregion:RFCW, country:FRA or "
            "intensity:474.5 (g/kWh)";
        return {};
    }
    FINEWATT_ASSIGN(run.carbon, carbon_of(run.energy, *place, options));
    run.carbon_reason.reset();
    return {};
}

}  // namespace finewatt
