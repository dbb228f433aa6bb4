// The parts that one instruction set's table of kernels is put together from; one *_body.cpp file
// each. Included by those files and by table_body.cpp; see lanes_internal.h.
#pragma once

#include "finewatt/engine/kernels/cpu_kernels.h"

namespace finewatt::FINEWATT_KERNELS_NAME {

void add_attention(CpuKernels& set);
void add_activations(CpuKernels& set);
void add_norms(CpuKernels& set);
void add_sums(CpuKernels& set);
void add_cross_entropy(CpuKernels& set);
void add_dense(CpuKernels& set);

}  // namespace finewatt::FINEWATT_KERNELS_NAME
