// The answers of a build without CUDA.
#include "finewatt/engine/cuda/cuda_probe_internal.h"
#include "finewatt/engine/device_trainer_internal.h"

namespace finewatt {

Result<CudaGpu> find_cuda_gpu() {
    return FINEWATT_ERROR(kUnsupported,
                          "--device cuda: expected a build with CUDA, found one that computes on "
                          "CPUs only; build with -DFINEWATT_WITH_CUDA=ON, as scripts/check-cuda "
                          "does, or use --device cpu");
}

std::optional<std::string> built_cuda_version() {
    return std::nullopt;
}

Result<std::unique_ptr<DeviceTrainer>> make_cuda_trainer(const Model& /*model*/,
                                                         Precision /*precision*/,
                                                         const AdamWOptions& /*options*/) {
    return tl::unexpected(find_cuda_gpu().error());
}

Result<CudaForward> make_cuda_forward(const Model& /*model*/, Precision /*precision*/) {
    return tl::unexpected(find_cuda_gpu().error());
}

}  // namespace finewatt
