#include "finewatt/base/ascii.h"
#include "finewatt/carbon/factors_internal.h"
#include "finewatt/carbon/tables_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

namespace finewatt {
namespace {

using carbon_tables::SubregionRate;

std::optional<CarbonIntensity> rate_of(const SubregionRate& row, CarbonBasis basis) {
    return basis == CarbonBasis::kCo2 ? row.co2 : row.co2e;
}

CarbonBasis other_basis(CarbonBasis basis) {
    return basis == CarbonBasis::kCo2 ? CarbonBasis::kCo2e : CarbonBasis::kCo2;
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

/// "eGRID2021, eGRID2020", or "none".
std::string edition_list(const std::vector<int>& years) {
    std::vector<std::string> names;
    for (const int year : years) {
        names.push_back(fmt::format("eGRID{}", year));
    }
    return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

/// Choose an edition of those that have the basis for all the subregions: the one asked for
/// ("eGRID2021", "egrid2021" or "2021"), else the newest.
Result<int> choose_year(const std::vector<SubregionRate>& table,
                        const std::vector<std::string>& subregions, const CarbonOptions& options,
                        CarbonBasis basis) {
    const std::vector<int> years = years_with(table, subregions, basis);
    const CarbonBasis other = other_basis(basis);
    const std::string zone = fmt::format("{}", fmt::join(subregions, "/"));
    if (years.empty()) {
        return FINEWATT_ERROR(kNotFound,
                              "subregion {}: no edition has a {} rate; try --basis {}, which these "
                              "have: {}",
                              zone, carbon_basis_name(basis), carbon_basis_name(other),
                              edition_list(years_with(table, subregions, other)));
    }
    const std::string wanted = ascii_lower(options.edition.value_or("egrid"));
    if (wanted == "egrid") {
        return years.front();
    }
    for (const int year : years) {
        if (wanted == fmt::format("egrid{}", year) || wanted == fmt::format("{}", year)) {
            return year;
        }
    }
    return FINEWATT_ERROR(kNotFound,
                          "subregion {}: edition '{}' has no {} rate here; editions that have: {}; "
                          "with --basis {}: {}",
                          zone, *options.edition, carbon_basis_name(basis), edition_list(years),
                          carbon_basis_name(other),
                          edition_list(years_with(table, subregions, other)));
}

/// Through which transcription a rate came. A row's tag is that of its CO2; all CO2e rates are of
/// EPA's data explorer (data/egrid/SOURCE.md).
std::string_view tag_of(const SubregionRate& row, CarbonBasis basis) {
    return basis == CarbonBasis::kCo2 ? std::string_view(row.source_tag) : "data-explorer";
}

std::vector<NamedRate> rates_in(const std::vector<SubregionRate>& table,
                                const std::vector<std::string>& subregions, int year,
                                CarbonBasis basis) {
    std::vector<NamedRate> rates;
    for (const std::string& subregion : subregions) {
        for (const SubregionRate& row : table) {
            const std::optional<CarbonIntensity> rate = rate_of(row, basis);
            if (row.year == year && row.subregion == subregion && rate) {
                rates.push_back({subregion, *rate,
                                 fmt::format("{} {:.4g} g/kWh ({})", subregion,
                                             rate->as_grams_per_kwh(), tag_of(row, basis))});
            }
        }
    }
    return rates;
}

Result<GridFactor> factor_of(const std::vector<std::string>& subregions,
                             const CarbonOptions& options) {
    FINEWATT_ASSIGN(const std::vector<SubregionRate> table, carbon_tables::subregion_rates());
    const CarbonBasis basis = options.basis.value_or(CarbonBasis::kCo2);
    FINEWATT_ASSIGN(const int year, choose_year(table, subregions, options, basis));
    const std::vector<NamedRate> rates = rates_in(table, subregions, year, basis);
    GridFactor factor;
    factor.intensity_low = factor.intensity_high = rates.front().intensity;
    std::vector<std::string> rows;
    for (const NamedRate& rate : rates) {
        factor.intensity += rate.intensity / static_cast<double>(rates.size());
        factor.intensity_low = std::min(factor.intensity_low, rate.intensity);
        factor.intensity_high = std::max(factor.intensity_high, rate.intensity);
        rows.push_back(rate.text);
    }
    factor.zone = fmt::format("{}", fmt::join(subregions, "/"));
    factor.edition = fmt::format("eGRID{}", year);
    factor.basis = std::string(carbon_basis_name(basis));
    factor.provenance = rates.size() == 1 ? "published" : "derived";
    factor.source =
        fmt::format("US EPA eGRID{} total output rate: {}", year, fmt::join(rows, ", "));
    return factor;
}

}  // namespace

std::string near_matches_text(std::string_view wanted, std::span<const Candidate> candidates) {
    const std::vector<std::string> near = near_matches(wanted, candidates);
    return near.empty() ? "" : fmt::format("; near matches: {}", fmt::join(near, ", "));
}

Result<std::vector<NamedRate>> subregion_rates_of(const std::vector<std::string>& subregions,
                                                  int year, CarbonBasis basis) {
    FINEWATT_ASSIGN(const std::vector<SubregionRate> table, carbon_tables::subregion_rates());
    return rates_in(table, subregions, year, basis);
}

Result<GridFactor> subregion_factor(const std::string& name, const CarbonOptions& options) {
    FINEWATT_ASSIGN(const std::vector<SubregionRate> table, carbon_tables::subregion_rates());
    std::vector<Candidate> candidates;
    for (const SubregionRate& row : table) {
        if (row.subregion == name) {
            return factor_of({name}, options);
        }
        const std::string shown =
            row.name.empty() ? row.subregion : fmt::format("{} ({})", row.subregion, row.name);
        candidates.push_back({row.subregion, shown});
        candidates.push_back({row.name, shown});
    }
    return FINEWATT_ERROR(kNotFound,
                          "eGRID subregion '{}' is not in the table{}; a US ZIP code "
                          "finds its own (zip:15213)",
                          name, near_matches_text(name, candidates));
}

Result<GridFactor> zip_factor(const std::string& zip, const CarbonOptions& options) {
    FINEWATT_ASSIGN(const std::vector<std::string> subregions,
                    carbon_tables::subregions_of_zip(zip));
    FINEWATT_ASSIGN(GridFactor factor, factor_of(subregions, options));
    factor.source += fmt::format("; ZIP {} by EPA Power Profiler ZIP table 2018 v9", zip);
    return factor;
}

}  // namespace finewatt
