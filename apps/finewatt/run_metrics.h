// Figures of a run that can be compared, by name: "energy_j", "duration_s", "score:accuracy", …
//
// Main type: Metric. Names are those of the run record where it has the figure. Not for printing:
// the unit says how (run_compare_view.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::app {

/// A figure of one run with the range of its measurement. Without `best` the reason says why.
struct MetricValue {
    std::optional<double> best;
    std::optional<double> low;
    std::optional<double> high;
    std::string reason;
};

/// What a figure rests on, which must be alike in runs that are compared.
enum class MetricBasis {
    kNothing,  ///< time, scores
    kEnergy,   ///< the energy total: its domains and where each comes from
    kCarbon,   ///< the energy total, and the gases that the grid's factor counts
};

struct Metric {
    std::string name;
    std::string unit;  ///< "J", "s", "W", "kg", "1/s", "1/J", "J/1000", "1"
    MetricBasis basis = MetricBasis::kNothing;
    std::function<MetricValue(const RunRecord& run)> value;
};

/// Return the metric of a name. Errors: not found, listing the names there are.
Result<Metric> find_metric(std::string_view name);

/// Return the metrics that some of the runs have, in the order of a table: energy, time, power,
/// carbon, ratios, then scores.
std::vector<Metric> known_metrics(std::span<const RunRecord> runs);

}  // namespace finewatt::app
