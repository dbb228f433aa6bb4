// What this build and this machine know of CUDA. cuda_probe.cpp answers in a build with CUDA,
// no_cuda.cpp in one without.
#pragma once

#include "finewatt/base/result.h"

#include <optional>
#include <string>

namespace finewatt {

/// A GPU.
struct CudaGpu {
    std::string name;
    int major = 0;  ///< compute capability
    int minor = 0;
};

/// Return the first GPU. Error: unsupported, saying what is missing and what to do.
Result<CudaGpu> find_cuda_gpu();

/// Return the version of CUDA that this build uses, e.g. "13.0"; nothing without CUDA.
std::optional<std::string> built_cuda_version();

}  // namespace finewatt
