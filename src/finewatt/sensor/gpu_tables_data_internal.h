// The texts of data/nvidia_power_sensor/power_sensor.csv and data/gpu_tdp/gpu_tdp_watts.csv; the
// build makes their .cpp file from them.
#pragma once

#include <string_view>

namespace finewatt {

/// Columns gpu, architecture, driver, field, update_ms, window_ms, error_pct_low, error_pct_high.
extern const std::string_view kNvidiaPowerSensorCsv;

/// Columns name, tdp_watts.
extern const std::string_view kGpuTdpCsv;

}  // namespace finewatt
