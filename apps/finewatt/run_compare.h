// Two runs, or two groups of repeats, side by side: differences and ratios with intervals.
//
// Main function: compare_groups. With repeats on both sides the intervals come from their spread
// (stats/): Welch, Fieller, Hedges' g. With a single run on a side they come from the range of the
// measurement, and say nothing about repeats. Not for choosing the runs, nor for printing.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"
#include "finewatt/run_metrics.h"
#include "finewatt/stats/interval.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace finewatt::app {

/// The runs of one side, and the word that chose them.
struct RunGroup {
    std::string key;
    std::vector<RunRecord> runs;
};

struct CompareOptions {
    /// Names of metrics; empty = all that some run has.
    std::vector<std::string> metrics{};
    bool across_domains = false;     ///< totals of different domains may be compared
    bool across_provenance = false;  ///< measured and modelled totals may be compared
    double confidence = 0.95;
};

/// One metric of one side: the mean over its runs that have it.
struct GroupFigure {
    std::vector<double> values;  ///< of the runs that have it
    std::optional<double> mean;
    std::optional<double> sd;  ///< with two values or more
    /// Mean of the ends of the runs' measurement ranges, where all have one.
    std::optional<double> low;
    std::optional<double> high;
    std::string reason;  ///< why the mean is unknown
};

/// What an interval rests on.
enum class CompareMethod {
    kNone,         ///< there is none
    kRepeats,      ///< the spread between repeats
    kMeasurement,  ///< the range of the measurement of single runs
};

/// A figure that may have an interval; without one the reason says why.
struct ComparedFigure {
    std::optional<double> best;
    std::optional<double> low;
    std::optional<double> high;
    std::string reason;
};

/// One line of a comparison. Differences are B less A, ratios B over A.
struct MetricComparison {
    std::string metric;
    std::string unit;
    GroupFigure a;
    GroupFigure b;
    CompareMethod method = CompareMethod::kNone;
    ComparedFigure difference;
    ComparedFigure ratio;
    std::optional<stats::Interval> effect;  ///< Hedges' g; with repeats only
    std::optional<double> p_value;          ///< Welch's test of equal means; with repeats only
    std::optional<double> p_value_rank;     ///< Mann-Whitney's; with repeats only
};

struct Comparison {
    RunGroup a;
    RunGroup b;
    double confidence = 0.95;
    std::vector<MetricComparison> metrics;
    std::vector<std::string> notes;  ///< what limits the comparison, a sentence each
};

/// Compare two groups, neither empty. Errors: invalid argument when a run is in both, when a metric
/// rests on energy totals of different domains, provenance or gases and the options do not allow it
/// (naming which differ, and the option), or for a confidence outside (0, 1); not found for an
/// unknown metric.
Result<Comparison> compare_groups(RunGroup a, RunGroup b, const CompareOptions& options);

}  // namespace finewatt::app
