#include "finewatt/engine/kernels/cpu_kernels.h"

#include "finewatt/engine/kernels/cpu_kernels_sets.h"

namespace finewatt {

std::vector<CpuKernels> supported_kernels() {
    std::vector<CpuKernels> sets = {plain::kernels()};
#if defined(__x86_64__)
    const bool has_v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool has_v4 = has_v3 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (has_v3) {
        sets.push_back(x86_64_v3::kernels());
    }
    if (has_v4) {
        sets.push_back(x86_64_v4::kernels());
    }
#endif
    return sets;
}

const CpuKernels& cpu_kernels() {
    static const CpuKernels chosen = supported_kernels().back();
    return chosen;
}

}  // namespace finewatt
