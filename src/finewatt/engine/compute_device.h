// ComputeDevice: which device a job computes on, by the words of --device. Main functions:
// choose_device, check_device_precision, built_devices. Free of LibTorch, so that programs can
// include it. In a build without FINEWATT_WITH_CUDA the only device is the CPU.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/engine/fast_options.h"

#include <string>
#include <string_view>

namespace finewatt {

enum class DeviceKind { kCpu, kCuda };

/// A device that this process can compute on.
struct ComputeDevice {
    DeviceKind kind = DeviceKind::kCpu;
    /// For people and for the engine event: "cpu", or "cuda: " with the name of the GPU.
    std::string description = "cpu";
};

/// Return the device for "auto", "cpu" or "cuda". "auto" is the first GPU where this build has CUDA
/// and a GPU is there, else the CPU. Errors: invalid argument for other words; unsupported for
/// "cuda" when this build has no CUDA, or no GPU is found.
Result<ComputeDevice> choose_device(std::string_view name);

/// Return an error (unsupported) that says why the device should not compute in `precision`.
Status check_device_precision(const ComputeDevice& device, Precision precision);

/// Return what this build can compute on, for --version: "cpu" or "cpu, cuda 13.0".
std::string built_devices();

}  // namespace finewatt
