// The board power of known GPUs (data/gpu_tdp): the last resort of the GPU model, where the driver
// tells no power limit.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// Board power of the GPUs that a name can mean, in watts.
struct GpuTdp {
    std::string name;  ///< the rows that matched, joined by ", "
    double tdp_w_low = 0;
    double tdp_w_high = 0;
};

/// Return the row of this board, else the range over all boards with the same chip; nothing when
/// the table does not know it. `name` as a driver gives it ("NVIDIA A100-SXM4-40GB").
std::optional<GpuTdp> find_gpu_tdp(std::string_view name);

}  // namespace finewatt
