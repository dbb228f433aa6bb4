// What is known of the power sensors of NVIDIA boards (data/nvidia_power_sensor): how often a
// reading is renewed, over how long it is averaged, and how wrong it was against a meter.
//
// Main function: find_nvidia_sensor. Source: "Part-time Power Measurements", arXiv 2312.02741.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// The readings of power that NVML has: nvmlDeviceGetPowerUsage, field 185, field 186.
enum class NvidiaPowerField { kDraw, kAverage, kInstant };

/// What the table says of one reading of one board.
struct NvidiaSensor {
    std::optional<double> update_ms;  ///< period of renewal
    std::optional<double> window_ms;  ///< averaging window; nothing = unknown
    /// The true value lies in [1 - gain_error_low, 1 + gain_error_high] x the reading. Nothing =
    /// this board was never compared with a meter.
    std::optional<double> gain_error_low;
    std::optional<double> gain_error_high;
    std::string basis;  ///< which rows these figures are from, or that the board is unknown
};

/// Look a board up by NVML's name; else by its chip; else take the worst of its architecture's
/// boards (shortest window, longest period); else say that it is unknown. Of the rows that fit,
/// those of the nearest driver branch count. A gain error is taken from the same board only, over
/// all its rows, and always contains the reading itself.
/// `architecture` is in lower case ("ampere") or empty, `driver` a version ("535.54.03").
NvidiaSensor find_nvidia_sensor(std::string_view name, std::string_view architecture,
                                std::string_view driver, NvidiaPowerField field);

}  // namespace finewatt
