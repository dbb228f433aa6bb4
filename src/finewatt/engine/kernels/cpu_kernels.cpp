#include "finewatt/engine/kernels/cpu_kernels.h"

#include "finewatt/engine/kernels/cpu_kernels_sets.h"

namespace finewatt {
namespace {

CpuKernels choose_kernels() {
#if defined(__x86_64__)
    const bool has_v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool has_v4 = has_v3 && __builtin_cpu_supports("avx512f") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (has_v4) {
        return x86_64_v4::kernels();
    }
    if (has_v3) {
        return x86_64_v3::kernels();
    }
#endif
    return plain::kernels();
}

}  // namespace

const CpuKernels& cpu_kernels() {
    static const CpuKernels chosen = choose_kernels();
    return chosen;
}

}  // namespace finewatt
