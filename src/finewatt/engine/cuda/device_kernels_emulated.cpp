// The kernels over the emulation, for tests.
#define FINEWATT_EMULATED_GPU
#include "finewatt/engine/cuda/loss_kernels.cu"
#include "finewatt/engine/cuda/norm_kernels.cu"
#undef FINEWATT_INSTANTIATE
#include "finewatt/engine/cuda/row_kernels.cu"
