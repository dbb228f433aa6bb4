// The tables of data/ that the build puts into the library (cmake/FinewattEmbed.cmake).
#pragma once

#include <string_view>

namespace finewatt::embedded {

/// data/cpu_tdp/cpu_tdp_watts.csv: lines "name,tdp_w,cores" after one header line; no field is
/// quoted.
std::string_view cpu_tdp_watts();

/// data/nvidia_power_sensor/power_sensor.csv: columns gpu, architecture, driver, field, update_ms,
/// window_ms, error_pct_low, error_pct_high.
std::string_view nvidia_power_sensor();

/// data/gpu_tdp/gpu_tdp_watts.csv: columns name, tdp_watts.
std::string_view gpu_tdp_watts();

}  // namespace finewatt::embedded
