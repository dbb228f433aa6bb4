// The sets of kernels that cpu_kernels_body.cpp is compiled to. Names as in the x86-64 psABI's
// micro-architecture levels; `plain` uses what the whole program is compiled for.
#pragma once

#include "finewatt/engine/kernels/cpu_kernels.h"

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

}  // namespace finewatt
