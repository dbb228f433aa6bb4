// The text of data/cpu_tdp/cpu_tdp_watts.csv; the build makes its .cpp file from it.
#pragma once

#include <string_view>

namespace finewatt {

/// Lines "name,tdp_w,cores" after one header line; no field is quoted.
extern const std::string_view kCpuTdpCsv;

}  // namespace finewatt
