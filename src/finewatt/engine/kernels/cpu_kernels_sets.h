// The sets of kernels that the *_body.cpp files are compiled to. Names as in the x86-64 psABI's
// micro-architecture levels; `plain` uses what the whole program is compiled for. For
// cpu_kernels.cpp, tests and benchmarks; the model asks cpu_kernels().
#pragma once

#include "finewatt/engine/kernels/cpu_kernels.h"

#include <vector>

namespace finewatt {

namespace plain {
CpuKernels kernels();
}

namespace x86_64_v3 {
CpuKernels kernels();
}

namespace x86_64_v4 {
CpuKernels kernels();
}

/// Return all sets that this machine's CPU can run, the best last; never empty. Any thread.
std::vector<CpuKernels> supported_kernels();

}  // namespace finewatt
