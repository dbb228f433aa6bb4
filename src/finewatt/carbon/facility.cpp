#include "finewatt/carbon/facility.h"

#include <cmath>

namespace finewatt {
namespace {

/// Above this a ratio is a mistake: even small server closets are at 2 to 3.
constexpr double kLargestPue = 10;

std::optional<Joules> total_of(const std::optional<Joules>& machines, Pue pue) {
    return machines ? std::optional(facility(*machines, pue).total()) : std::nullopt;
}

}  // namespace

Result<Pue> Pue::of(double ratio) {
    if (!std::isfinite(ratio) || ratio < 1 || ratio > kLargestPue) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "PUE: expected a number from 1 to {} (facility energy over energy of "
                              "the machines), found {}",
                              kLargestPue, ratio);
    }
    return Pue(ratio);
}

Status set_facility_energy(CarbonSummary& carbon, const EnergySummary& energy) {
    FINEWATT_ASSIGN(const Pue pue, Pue::of(carbon.pue));
    carbon.facility_energy = total_of(energy.energy, pue);
    carbon.facility_energy_low = total_of(energy.energy_low, pue);
    carbon.facility_energy_high = total_of(energy.energy_high, pue);
    return {};
}

}  // namespace finewatt
