// The table of one instruction set. CMake compiles this file and the other *_body.cpp files once
// for each of them, with FINEWATT_KERNELS_NAME as its name.
#include "finewatt/engine/kernels/cpu_kernels_sets.h"
#include "finewatt/engine/kernels/parts_internal.h"

#define FINEWATT_TEXT_OF(name) #name
#define FINEWATT_TEXT(name) FINEWATT_TEXT_OF(name)

namespace finewatt::FINEWATT_KERNELS_NAME {

CpuKernels kernels() {
    CpuKernels set;
    set.name = FINEWATT_TEXT(FINEWATT_KERNELS_NAME);
    add_attention(set);
    add_activations(set);
    add_norms(set);
    add_sums(set);
    add_cross_entropy(set);
    add_dense(set);
    return set;
}

}  // namespace finewatt::FINEWATT_KERNELS_NAME
