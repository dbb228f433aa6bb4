// Emissions of energy that was used over hours in which the grid changed: the power trace of a run,
// piece by piece, times the intensity of its hour.
//
// Main types: EnergyTrace, SeriesCarbonOptions. Main functions: energy_trace, carbon_over_time,
// set_carbon_over_time. Energy outside the series is an error, never extrapolated unless asked for.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/carbon/intensity_series.h"
#include "finewatt/record/run.h"
#include "finewatt/units/quantity.h"

#include <chrono>
#include <span>
#include <vector>

namespace finewatt {

/// Energy of one stretch of time, spread evenly over it: [begin, end).
struct EnergyStep {
    WallTime begin;
    WallTime end;
    Joules energy;
};

/// Energy over time, of one machine. Steps may overlap (several channels) and need no order.
struct EnergyTrace {
    std::vector<EnergyStep> steps;
};

/// Make the trace of a run from the power of its channels, `t_s` counting from `started_at`. Give
/// only the channels that are counted in the total: what is given is added up. A series begins at
/// the run's start. Errors: invalid argument for times that do not grow, powers that are negative
/// or not finite, lists of different lengths, or no power at all.
Result<EnergyTrace> energy_trace(WallTime started_at, std::span<const PowerSeries> power);

/// Make the trace of an energy spread evenly over a time, for runs without a power trace. Error:
/// invalid argument for a time that is not above zero.
Result<EnergyTrace> even_trace(WallTime started_at, std::chrono::nanoseconds duration,
                               Joules energy);

struct SeriesCarbonOptions {
    double pue = 1;  ///< power usage effectiveness, a ratio of 1 or more
    /// Use the nearest interval for energy outside the series; the summary's source says how much
    /// that was. Without it such energy is an error.
    bool is_extrapolating = false;
};

/// Compute the emissions of an energy used as the trace says. The trace gives the shape: which
/// share of the energy fell into which interval; the total and its range come from `energy`. The
/// summary's intensity is the mean weighted by energy; low and high come from the lower ends (of
/// energy and of intensities where the series has them) and the upper ends. An unknown energy
/// gives unknown carbon and a reason.
///
/// A trace without any energy counts by time instead. Errors: those of check_series; not found,
/// naming the hours that the series lacks; invalid argument for a PUE that Pue::of refuses or an
/// empty trace.
Result<CarbonSummary> carbon_over_time(const IntensitySeries& series, const EnergyTrace& trace,
                                       const EnergySummary& energy,
                                       const SeriesCarbonOptions& options = {});

/// Fill a run's `carbon` by carbon_over_time. `power` are the run's stored series; those of
/// channels that the run does not count are left out. With no power stored the energy is spread
/// evenly over the run, and the source says so. Errors: those of carbon_over_time; then the run
/// is unchanged.
Status set_carbon_over_time(RunRecord& run, const IntensitySeries& series,
                            std::span<const PowerSeries> power,
                            const SeriesCarbonOptions& options = {});

}  // namespace finewatt
