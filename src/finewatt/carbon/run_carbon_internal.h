// The carbon summary of a run, for the parts beyond operation: a copy to change, and the way back.
#pragma once

#include "finewatt/record/run.h"

#include <string>
#include <utility>

namespace finewatt {

/// Return the run's summary; where it has none, an empty one whose reason is the run's
/// carbon_reason (no place was named).
inline CarbonSummary carbon_of_run(const RunRecord& run) {
    if (run.carbon) {
        return *run.carbon;
    }
    CarbonSummary carbon;
    carbon.reason = run.carbon_reason.value_or("no place named");
    return carbon;
}

/// Put a changed summary into the run.
inline void store_carbon(RunRecord& run, CarbonSummary&& carbon) {
    run.carbon = std::move(carbon);
    run.carbon_reason.reset();
}

/// Say why a figure that rests on the energy is unknown.
inline std::string unknown_energy_reason(const EnergySummary& energy) {
    return "unknown, because the energy is: " + energy.reason.value_or("no reason was given");
}

}  // namespace finewatt
