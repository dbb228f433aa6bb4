// The kernels over the emulation, for tests.
#define FINEWATT_EMULATED_GPU
#include "finewatt/engine/cuda/device_kernels.cu"
