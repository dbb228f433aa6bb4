#include "finewatt/engine/cuda/cuda_probe_internal.h"

#include <fmt/format.h>

#include <cuda_runtime_api.h>

namespace finewatt {

Result<CudaGpu> find_cuda_gpu() {
    int count = 0;
    const cudaError_t status = cudaGetDeviceCount(&count);
    if (status != cudaSuccess || count == 0) {
        static_cast<void>(cudaGetLastError());  // or the next call would report it again
        return FINEWATT_ERROR(
            kUnsupported,
            "--device cuda: expected a GPU, found none ({}); check that nvidia-smi "
            "lists one and that CUDA_VISIBLE_DEVICES shows it, or use --device "
            "cpu",
            status == cudaSuccess ? "no device" : cudaGetErrorString(status));
    }
    cudaDeviceProp properties{};
    if (const cudaError_t failed = cudaGetDeviceProperties(&properties, 0); failed != cudaSuccess) {
        return FINEWATT_ERROR(kUnsupported,
                              "--device cuda: the GPU does not answer ({}); check it with "
                              "nvidia-smi, or use --device cpu",
                              cudaGetErrorString(failed));
    }
    return CudaGpu{static_cast<const char*>(properties.name), properties.major, properties.minor};
}

std::optional<std::string> built_cuda_version() {
    return fmt::format("{}.{}", CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
}

}  // namespace finewatt
