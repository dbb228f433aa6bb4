// Power usage effectiveness (PUE): energy of the facility over energy of the machines, as a type
// that is applied once. facility() takes the machines' energy and gives a FacilityEnergy, which
// facility() does not take again.
//
// Main types: Pue, FacilityEnergy. Source of the definition: ISO/IEC 30134-2:2016.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"
#include "finewatt/units/quantity.h"

#include <optional>

namespace finewatt {

/// A ratio from 1 (no overhead) to 10. Value type.
class Pue {
  public:
    /// Error: invalid argument for a ratio below 1, above 10 (a mistake in the unit) or not finite.
    static Result<Pue> of(double ratio);

    constexpr double as_ratio() const { return ratio_; }

  private:
    explicit constexpr Pue(double ratio) : ratio_(ratio) {}

    double ratio_;
};

/// Energy that the whole facility took. The PUE is inside, so it cannot be applied again.
class FacilityEnergy {
  public:
    constexpr Joules total() const { return total_; }

    friend constexpr FacilityEnergy facility(Joules machines, Pue pue);

  private:
    explicit constexpr FacilityEnergy(Joules total) : total_(total) {}

    Joules total_;
};

/// Return the facility's energy for an energy of the machines.
constexpr FacilityEnergy facility(Joules machines, Pue pue) {
    return FacilityEnergy(machines * pue.as_ratio());
}

/// Set `carbon.facility_energy` and its range from the run's energy and `carbon.pue`; unknown
/// energies stay unknown. Error: invalid argument for a PUE that Pue::of refuses.
Status set_facility_energy(CarbonSummary& carbon, const EnergySummary& energy);

}  // namespace finewatt
