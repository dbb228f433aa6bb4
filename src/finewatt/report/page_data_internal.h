// The data block of a page with scripts: what its figures show, as one JSON object.
//
// Main function: page_data. Power is thinned here by the rule below; nothing else is computed.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/report/energy_bars_internal.h"
#include "finewatt/report/html_report.h"

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace finewatt::report {

/// The rule for long traces. A page holds about kMostStretches stretches of time over all runs and
/// channels, and each channel at most kMostOfOneSeries and at least kFewestOfOneSeries. A channel
/// with more samples than its share is cut into stretches of equal length, and each keeps its mean
/// (weighted by time, so that the energy under the line stays), its least and its largest power. So
/// no peak is lost, 24 h at 10 Hz (864,000 samples) become 4,000 stretches of 22 s, and a page over
/// 200 such runs stays at a few megabytes.
inline constexpr std::size_t kMostStretches = 160'000;
inline constexpr std::size_t kMostOfOneSeries = 4'000;
inline constexpr std::size_t kFewestOfOneSeries = 60;

/// Return how many stretches each channel may have when there are `series_count` channels.
std::size_t stretches_for(std::size_t series_count);

/// Stretches of equal length; values that are not a number are gaps.
struct PowerGrid {
    double begin_s = 0;
    double step_s = 0;
    std::vector<double> mean_w;
    std::vector<double> low_w;
    std::vector<double> high_w;
};

/// Cut a series into `count` (> 0) stretches from its first to its last sample. Samples that are
/// not finite or do not come after the one before leave a gap.
PowerGrid cut_power(const PowerSeries& series, std::size_t count);

/// Which figures the data have something for.
struct PageData {
    std::string json;  ///< safe inside a <script> element: no <, > or &
    bool has_power = false;
    bool has_bars = false;
    bool has_tokens = false;  ///< two runs or more
};

/// Errors: those of `read_power`; invalid argument when a series has not as many times as powers.
Result<PageData> page_data(std::span<const RunRecord> runs, const std::vector<std::string>& labels,
                           const PowerReader& read_power);

/// Check that each series has as many times as powers. Error: invalid argument.
Status check_series(const std::vector<PowerSeries>& power);

}  // namespace finewatt::report
