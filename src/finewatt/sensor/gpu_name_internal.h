// Comparing names of GPUs as drivers, tables and data sheets write them: "NVIDIA A100-PCIE-40GB" is
// "A100 PCIe 40GB".
//
// Main type: GpuName. Not for CPUs: cpu_tdp_table.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// The words of a name without brands, sorted; and those of the chip alone, without the form of the
/// board (PCIe, SXM, memory size).
struct GpuName {
    std::vector<std::string> words;  ///< e.g. {"40gb", "a100", "pcie"}
    std::vector<std::string> chip;   ///< e.g. {"a100"}
};

GpuName parse_gpu_name(std::string_view name);

/// How well two names agree: not at all; the same chip on another form of board; the same board.
enum class GpuMatch { kNone, kChip, kBoard };

GpuMatch match_gpu_names(const GpuName& a, const GpuName& b);

}  // namespace finewatt
