// Carbon of measured energy: energy x PUE x carbon intensity of the place, bounds times bounds.
//
// Main functions: grid_factor (place -> intensity), carbon_of (energy -> emissions), set_carbon
// (fills a run). The tables are part of the program (data/egrid, data/zip_subregion,
// data/country_intensity); nothing is read from disk or network. No place is ever guessed.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/carbon/place.h"
#include "finewatt/record/run.h"
#include "finewatt/units/quantity.h"

#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// Which gases a factor counts. The two are never mixed in one figure.
enum class CarbonBasis {
    kCo2,   ///< carbon dioxide alone
    kCo2e,  ///< carbon dioxide equivalent: methane and nitrous oxide too
};

std::string_view carbon_basis_name(CarbonBasis basis);

/// Read "co2" or "co2e" (any case). Error: invalid argument.
Result<CarbonBasis> parse_carbon_basis(std::string_view text);

/// How to choose among the tables.
struct CarbonOptions {
    /// "eGRID2021", or just the year; nothing = the newest that has the basis for this place.
    std::optional<std::string> edition{};
    /// Nothing = co2 for eGRID places and co2e for countries, as those tables are published.
    std::optional<CarbonBasis> basis{};
    /// Power usage effectiveness: facility energy over energy of the machines; 1 or more.
    double pue = 1;
};

/// Carbon intensity of a place. Where a ZIP code lies in several subregions, low and high span
/// them and `intensity` is their mean; else the three are equal.
struct GridFactor {
    CarbonIntensity intensity;
    CarbonIntensity intensity_low;
    CarbonIntensity intensity_high;
    std::optional<std::string> zone;     ///< "RFCW", "MROW/SRMW" or "FRA"
    std::optional<std::string> edition;  ///< "eGRID2023"
    std::optional<std::string> basis;    ///< empty when an intensity was given without a basis
    std::string source;
};

/// Look a place up. Call it before a long job, so that a wrong place costs nothing. Errors: not
/// found, listing near matches, or listing the editions there are; invalid argument for a PUE
/// below 1 or for a basis that the table does not have.
Result<GridFactor> grid_factor(const Place& place, const CarbonOptions& options);

/// Compute the emissions of an energy. Low is the energy's lower bound times the lowest
/// intensity, high the same upwards. When the energy is unknown, so is the carbon, and the
/// summary's reason says why. Errors: those of grid_factor.
Result<CarbonSummary> carbon_of(const EnergySummary& energy, const Place& place,
                                const CarbonOptions& options);

/// Fill a run's `carbon`; without a place leave it empty and set `carbon_reason` to the way to
/// name one. Errors: those of grid_factor.
Status set_carbon(RunRecord& run, const std::optional<Place>& place, const CarbonOptions& options);

}  // namespace finewatt
