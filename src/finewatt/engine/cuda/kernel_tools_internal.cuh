// What the kernels share: launching, four values at a time, dropout's generator, sums of a block.
// Written in what nvcc and the emulation of the tests both take. Included by the .cu files only.
#pragma once

#if defined(FINEWATT_EMULATED_GPU)
#include "finewatt/engine/cuda/emulated_gpu_internal.h"
#else
#include <cuda_runtime.h>
#endif

#include "finewatt/engine/cuda/device_kernels_internal.h"
#include "finewatt/engine/cuda/launch_shape_internal.h"

namespace finewatt {
namespace {

// ---- launching ----

#if defined(FINEWATT_EMULATED_GPU)
template <class... P, class... A>
void launch(void (*kernel)(P...), const LaunchShape& shape, DeviceStream, A... arguments) {
    emulate(shape, [&] { kernel(arguments...); });
}
#else
// A failed launch is found by the caller, who asks cudaGetLastError after queueing a step.
template <class... P, class... A>
void launch(void (*kernel)(P...), const LaunchShape& shape, DeviceStream stream, A... arguments) {
    if (shape.blocks_x == 0 || shape.blocks_y == 0) {
        return;
    }
    kernel<<<dim3(shape.blocks_x, shape.blocks_y), dim3(shape.threads), 0, stream>>>(arguments...);
}
#endif

// ---- four values at a time ----

struct alignas(16) Four {
    float v[4];
};

struct alignas(8) FourLow {
    std::uint16_t v[4];
};

__device__ inline std::uint32_t bits_of(float x) {
    std::uint32_t bits = 0;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}

__device__ inline float float_of(std::uint32_t bits) {
    float x = 0;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}

/// Round to nearest even; a NaN stays a NaN.
__device__ inline std::uint16_t low_of(float x) {
    const std::uint32_t bits = bits_of(x);
    if ((bits & 0x7FFFFFFFU) > 0x7F800000U) {
        return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
    }
    return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

__device__ inline Four load(const float* from) {
    return *reinterpret_cast<const Four*>(from);
}

__device__ inline Four load(const Bfloat16* from) {
    const FourLow low = *reinterpret_cast<const FourLow*>(from);
    Four four;
    for (int i = 0; i < 4; ++i) {
        four.v[i] = float_of(static_cast<std::uint32_t>(low.v[i]) << 16);
    }
    return four;
}

__device__ inline void store(float* to, const Four& four) {
    *reinterpret_cast<Four*>(to) = four;
}

__device__ inline void store(Bfloat16* to, const Four& four) {
    FourLow low;
    for (int i = 0; i < 4; ++i) {
        low.v[i] = low_of(four.v[i]);
    }
    *reinterpret_cast<FourLow*>(to) = low;
}

__device__ inline float load_one(const float* from) {
    return *from;
}

__device__ inline float load_one(const Bfloat16* from) {
    return float_of(static_cast<std::uint32_t>(from->bits) << 16);
}

__device__ inline Four operator+(Four a, const Four& b) {
    for (int i = 0; i < 4; ++i) {
        a.v[i] += b.v[i];
    }
    return a;
}

__device__ inline Four operator*(Four a, const Four& b) {
    for (int i = 0; i < 4; ++i) {
        a.v[i] *= b.v[i];
    }
    return a;
}

__device__ inline Four all_of(float x) {
    return {{x, x, x, x}};
}

__device__ inline float sum_of(const Four& four) {
    return (four.v[0] + four.v[1]) + (four.v[2] + four.v[3]);
}

__device__ inline void add_atomically(float* to, const Four& four) {
    for (int i = 0; i < 4; ++i) {
        atomicAdd(to + i, four.v[i]);
    }
}

// ---- dropout, bit for bit that of dropout_internal.h and kernels/mask_value.h ----

/// SplitMix64's output function (Steele, Lea, Flood, OOPSLA 2014).
__device__ inline std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

/// What the keys of all rows start from; 0 without dropout.
__device__ inline std::uint64_t mask_base(const RowMask& mask) {
    if (mask.step == nullptr) {
        return 0;
    }
    const auto step = static_cast<std::uint64_t>(mask.step->step);
    return mix(mix(mix(mix(mask.step->seed) ^ step) ^ mask.layer) ^ mask.site);
}

/// The factors of four columns of a row.
__device__ inline Four mask_of(const RowMask& mask, std::uint64_t base, std::int64_t row,
                               std::int64_t column) {
    const auto row_in_batch = static_cast<std::uint64_t>(mask.places[2 * row]);
    const auto position = static_cast<std::uint64_t>(mask.places[2 * row + 1]);
    const std::uint64_t key = mix(mix(base ^ row_in_batch) ^ position);
    Four factors;
    for (int i = 0; i < 4; ++i) {
        // A 32-bit finaliser of the MurmurHash3 family (Appleby, 2011).
        std::uint32_t x =
            static_cast<std::uint32_t>(column + i) * 0x9E3779B1U + static_cast<std::uint32_t>(key);
        x = (x ^ (x >> 16)) * 0x85EBCA6BU + static_cast<std::uint32_t>(key >> 32);
        x = (x ^ (x >> 13)) * 0xC2B2AE35U;
        x ^= x >> 16;
        factors.v[i] = x < mask.rule.threshold ? 0.0F : mask.rule.kept;
    }
    return factors;
}

// ---- sums of a block ----

struct Two {
    float a = 0;
    float b = 0;
};

/// Return the sums over all threads of the block, to all of them. All threads must call it.
__device__ inline Two block_sums(Two mine) {
    __shared__ float of_warps[2][32];
    for (int distance = 16; distance > 0; distance /= 2) {
        mine.a += __shfl_xor_sync(0xFFFFFFFFU, mine.a, distance);
        mine.b += __shfl_xor_sync(0xFFFFFFFFU, mine.b, distance);
    }
    const unsigned warp = threadIdx.x / 32;
    if (threadIdx.x % 32 == 0) {
        of_warps[0][warp] = mine.a;
        of_warps[1][warp] = mine.b;
    }
    __syncthreads();
    Two total;
    for (unsigned i = 0; i < blockDim.x / 32; ++i) {
        total.a += of_warps[0][i];
        total.b += of_warps[1][i];
    }
    __syncthreads();  // the array is free again
    return total;
}

/// The first of this thread's four columns in a grid whose x runs over columns.
__device__ inline std::int64_t own_column() {
    return 4 * (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x);
}

}  // namespace
}  // namespace finewatt
