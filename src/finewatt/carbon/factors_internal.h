// Looking a figure up in one family of tables; grid_factor (carbon.h) chooses the family.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/carbon/carbon.h"
#include "finewatt/carbon/near_matches_internal.h"
#include "finewatt/carbon/place.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Return the figure of a ZIP code of five digits: all its subregions. Errors as grid_factor.
Result<GridFactor> zip_factor(const std::string& zip, const CarbonOptions& options);

/// Return the figure of one eGRID subregion. Errors as grid_factor.
Result<GridFactor> subregion_factor(const std::string& name, const CarbonOptions& options);

/// Return the figure of a state, country, region or cloud region. Errors as grid_factor.
Result<GridFactor> zone_factor(PlaceKind kind, const std::string& code,
                               const CarbonOptions& options);

/// Return whether a text is printable ASCII, as every place and edition is. Another could steer a
/// terminal, so it is not echoed.
bool is_printable(std::string_view text);

/// Return "; near matches: A, B", or nothing where nothing is near.
std::string near_matches_text(std::string_view wanted, std::span<const Candidate> candidates);

/// A rate, what it belongs to, and how it is told in GridFactor::source.
struct NamedRate {
    std::string name;
    CarbonIntensity intensity;
    std::string text;  ///< "RFCW 474.5 g/kWh (paper-note)"
};

/// Return the rates that subregions have in one edition (a year) with one basis; subregions
/// without one are left out. Error: corrupt (a bug in the shipped table).
Result<std::vector<NamedRate>> subregion_rates_of(const std::vector<std::string>& subregions,
                                                  int year, CarbonBasis basis);

}  // namespace finewatt
