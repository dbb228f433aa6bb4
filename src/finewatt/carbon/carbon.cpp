#include "finewatt/carbon/carbon.h"

#include "finewatt/base/ascii.h"
#include "finewatt/carbon/facility.h"
#include "finewatt/carbon/factors_internal.h"
#include "finewatt/carbon/intensity_series.h"

#include <utility>

namespace finewatt {
namespace {

/// Refuse what is no name of an edition, without an echo.
Status check_edition(const std::optional<std::string>& edition) {
    constexpr std::size_t kLongestEdition = 64;
    if (edition &&
        (edition->empty() || edition->size() > kLongestEdition || !is_printable(*edition))) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "edition: expected a name such as eGRID2021, found {}; `finewatt "
                              "carbon editions` lists them",
                              edition->empty() ? "none" : "a text that is none");
    }
    return {};
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
    factor.provenance = "given";
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
    FINEWATT_TRY(Pue::of(options.pue));
    FINEWATT_TRY(check_edition(options.edition));
    switch (place.kind) {
        case PlaceKind::kZip:
            return zip_factor(place.name, options);
        case PlaceKind::kSubregion:
            return subregion_factor(place.name, options);
        case PlaceKind::kIntensity:
            return given_factor(place.intensity, options);
        default:
            return zone_factor(place.kind, place.name, options);
    }
}

Result<CarbonSummary> carbon_of(const EnergySummary& energy, const Place& place,
                                const CarbonOptions& options) {
    FINEWATT_ASSIGN(const GridFactor factor, grid_factor(place, options));
    CarbonSummary carbon;
    carbon.co2_kg = emissions_kg(energy.energy, options.pue, factor.intensity);
    carbon.co2_kg_low = emissions_kg(energy.energy_low, options.pue, factor.intensity_low);
    carbon.co2_kg_high = emissions_kg(energy.energy_high, options.pue, factor.intensity_high);
    carbon.intensity = factor.intensity;
    carbon.intensity_low = factor.intensity_low;
    carbon.intensity_high = factor.intensity_high;
    carbon.zone = factor.zone;
    carbon.edition = factor.edition;
    carbon.basis = factor.basis;
    carbon.source = factor.source;
    if (factor.provenance != "given") {  // a factor of the user's own does not say
        carbon.intensity_kind = std::string(intensity_kind_name(IntensityKind::kAverage));
    }
    carbon.pue = options.pue;
    FINEWATT_TRY(set_facility_energy(carbon, energy));
    if (!energy.energy) {
        carbon.reason =
            fmt::format("the energy is unknown: {}", energy.reason.value_or("no reason was given"));
    }
    return carbon;
}

Status set_carbon(RunRecord& run, const std::optional<Place>& place, const CarbonOptions& options) {
    if (!place) {
        run.carbon.reset();
        run.carbon_reason = fmt::format("no place named; name it with --place {}", place_forms());
        return {};
    }
    FINEWATT_ASSIGN(run.carbon, carbon_of(run.energy, *place, options));
    run.carbon_reason.reset();
    return {};
}

}  // namespace finewatt
