// Carbon of measured energy: energy x PUE x carbon intensity of the place, bounds times bounds.
//
// Main functions: grid_factor (place -> intensity), carbon_of (energy -> emissions), set_carbon
// (fills a run). The tables are part of the program (data/egrid, data/zip_subregion and
// data/*_intensity; editions.h lists them); nothing is read from disk or network. No place is ever
// guessed.
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
    /// "eGRID2021" or "EEA 2015"; just the year, or a table's name without one, will do. Nothing =
    /// the newest that has the basis for this place.
    std::optional<std::string> edition{};
    /// Nothing = co2 for ZIP codes and subregions and co2e for the rest, as those tables are
    /// published.
    std::optional<CarbonBasis> basis{};
    /// Power usage effectiveness: facility energy over energy of the machines; 1 to 10.
    double pue = 1;
};

/// Carbon intensity of a place, with the range that the tables allow; `source` says what spans it.
/// - A ZIP code in several subregions: low and high span them, `intensity` is their mean.
/// - A state: the span of its own figure and those of its subregions in the same edition.
/// - A country: the span of the tables that know it within three years of the chosen one.
/// - A derived figure: what the inputs that are not known could make of it.
/// - Else there is one source, and the three are equal.
struct GridFactor {
    CarbonIntensity intensity;
    CarbonIntensity intensity_low;
    CarbonIntensity intensity_high;
    std::optional<std::string> zone;     ///< "RFCW", "MROW/SRMW", "FRA" or "gcp/us-central1"
    std::optional<std::string> edition;  ///< "eGRID2023"
    std::optional<std::string> basis;    ///< empty when an intensity was given without a basis
    /// "published" as the table prints it, "derived" from what it prints, or "given" by the user.
    std::string provenance;
    std::string source;
};

/// Look a place up. Call it before a long job, so that a wrong place costs nothing. Errors: not
/// found, listing near matches, or listing the editions there are; invalid argument for a PUE
/// below 1 or above 10, or for a basis that the table does not have.
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
