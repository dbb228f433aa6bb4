#include "finewatt/engine/compute_device.h"

#include "finewatt/engine/cuda/cuda_probe_internal.h"

#include <fmt/format.h>

namespace finewatt {
namespace {

ComputeDevice device_of(const CudaGpu& gpu) {
    return {DeviceKind::kCuda, fmt::format("cuda: {} (sm_{}{})", gpu.name, gpu.major, gpu.minor)};
}

}  // namespace

Result<ComputeDevice> choose_device(std::string_view name) {
    if (name == "cpu") {
        return ComputeDevice{};
    }
    if (name != "auto" && name != "cuda") {
        return FINEWATT_ERROR(kInvalidArgument, "--device: expected auto, cpu or cuda, found '{}'",
                              name);
    }
    const Result<CudaGpu> gpu = find_cuda_gpu();
    if (gpu) {
        return device_of(*gpu);
    }
    if (name == "auto") {
        return ComputeDevice{};
    }
    return tl::unexpected(gpu.error());
}

Status check_device_precision(const ComputeDevice& device, Precision precision) {
    if (device.kind == DeviceKind::kCpu) {
        return check_precision(precision);
    }
    if (precision == Precision::kFloat32) {
        return {};
    }
    FINEWATT_ASSIGN(const CudaGpu gpu, find_cuda_gpu());
    if (gpu.major >= 8) {
        return {};
    }
    return FINEWATT_ERROR(kUnsupported,
                          "precision bf16: expected a GPU of compute capability 8.0 or more, found "
                          "{} with {}.{}; use fp32",
                          gpu.name, gpu.major, gpu.minor);
}

std::string built_devices() {
    const std::optional<std::string> version = built_cuda_version();
    return version ? fmt::format("cpu, cuda {}", *version) : "cpu";
}

}  // namespace finewatt
