// A model of a GPU's blocks on the CPU, so that the kernels of the .cu files are run and tested
// where no GPU is: every thread of a block has a stack of its own (ucontext) and runs until it
// waits at a barrier; blocks run one after the other. Main function: emulate. For tests only: it
// shows what kernels compute, not how fast, and not races between blocks.
#pragma once

#include "finewatt/engine/cuda/launch_shape_internal.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>

#define __global__
#define __device__
// One block at a time runs, so that a static array is a block's own.
#define __shared__ static

namespace finewatt {

struct EmulatedIndex {
    unsigned x = 0;
    unsigned y = 0;
};

// Named as CUDA names them.
extern EmulatedIndex threadIdx;
extern EmulatedIndex blockIdx;
extern EmulatedIndex blockDim;
extern EmulatedIndex gridDim;

/// Run `kernel` as every thread of every block of the shape. One thread at a time.
void emulate(const LaunchShape& shape, const std::function<void()>& kernel);

/// Wait until all threads of the block that have not ended are here.
void __syncthreads();  // NOLINT(bugprone-reserved-identifier): CUDA's name

/// The same for the 32 threads of a warp.
void __syncwarp();  // NOLINT(bugprone-reserved-identifier)

/// Return the value of the thread of this warp whose lane differs by `lanes`.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
float __shfl_xor_sync(unsigned mask, float value, int lanes);

inline float atomicAdd(float* to, float value) {
    const float before = *to;
    *to += value;
    return before;
}

}  // namespace finewatt
