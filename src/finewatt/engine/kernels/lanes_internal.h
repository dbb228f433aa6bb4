// Lanes: as many floats side by side as one register holds, in the compiler's vector extension. For
// the *_body.cpp files only, which CMake compiles once for each instruction set, with
// FINEWATT_KERNELS_NAME as its name. No inline function of a library may be used there: the linker
// could keep the copy with the wider instructions for the whole program.
#pragma once

#include "finewatt/engine/kernels/cpu_kernels.h"

#include <cstdint>

#define FINEWATT_INLINE [[gnu::always_inline]] inline

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

// Not more than a register holds: compilers take wider vectors through memory.
#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
using Lanes = float __attribute__((vector_size(4 * kLanes)));
using IntLanes = std::int32_t __attribute__((vector_size(4 * kLanes)));
using WordLanes = std::uint32_t __attribute__((vector_size(4 * kLanes)));
using HalfLanes = std::uint16_t __attribute__((vector_size(2 * kLanes)));

/// Where a vector lies in a row: kLanes elements from `first`, or fewer at the end of the row.
struct Whole {
    std::int64_t first;
};

struct Part {
    std::int64_t first;
    std::int64_t count;
};

/// Call work(Whole) along a row of `size` elements, and work(Part) for the rest.
template <class Work>
FINEWATT_INLINE void for_lanes(std::int64_t size, const Work& work) {
    std::int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) {
        work(Whole{i});
    }
    if (i < size) {
        work(Part{i, size - i});
    }
}

FINEWATT_INLINE std::int64_t round_up(std::int64_t size, std::int64_t step) {
    return (size + step - 1) / step * step;
}

FINEWATT_INLINE std::int64_t smaller(std::int64_t a, std::int64_t b) {
    return a < b ? a : b;
}

FINEWATT_INLINE Lanes all(float value) {
    return value - Lanes{};
}

FINEWATT_INLINE Lanes select(IntLanes where, Lanes yes, Lanes no) {
    return where ? yes : no;
}

/// The larger and the smaller of each pair; b where one is a NaN.
FINEWATT_INLINE Lanes larger(Lanes a, Lanes b) {
    return a > b ? a : b;
}

FINEWATT_INLINE Lanes smaller(Lanes a, Lanes b) {
    return a < b ? a : b;
}

template <class To, class From>
FINEWATT_INLINE To same_bits(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    __builtin_memcpy(&to, &from, sizeof to);
    return to;
}

FINEWATT_INLINE WordLanes lane_numbers() {
    WordLanes numbers{};
    for (int i = 0; i < kLanes; ++i) {
        numbers[i] = static_cast<std::uint32_t>(i);
    }
    return numbers;
}

// ---- memory ----

FINEWATT_INLINE Lanes load(const float* from) {
    Lanes lanes;
    __builtin_memcpy(&lanes, from, sizeof lanes);
    return lanes;
}

FINEWATT_INLINE void store(float* to, Lanes lanes) {
    __builtin_memcpy(to, &lanes, sizeof lanes);
}

FINEWATT_INLINE Lanes load(const Bfloat16* from) {
    HalfLanes halves;
    __builtin_memcpy(&halves, from, sizeof halves);
    return same_bits<Lanes>(__builtin_convertvector(halves, WordLanes) << 16);
}

/// The nearest bf16, ties to even. Adding 0x7FFF and the last kept bit carries into the upper half
/// exactly then; a NaN is made quiet instead, for the carry could turn it into a number.
FINEWATT_INLINE HalfLanes to_halves(Lanes lanes) {
    const WordLanes bits = same_bits<WordLanes>(lanes);
    const WordLanes rounded = bits + 0x7FFFU + ((bits >> 16) & 1U);
    const WordLanes quiet = bits | 0x400000U;
    const auto is_nan = (bits & 0x7FFFFFFFU) > 0x7F800000U;
    return __builtin_convertvector((is_nan ? quiet : rounded) >> 16, HalfLanes);
}

FINEWATT_INLINE void store(Bfloat16* to, Lanes lanes) {
    const HalfLanes halves = to_halves(lanes);
    __builtin_memcpy(to, &halves, sizeof halves);
}

template <class T>
FINEWATT_INLINE Lanes load(const T* row, Whole at) {
    return load(row + at.first);
}

/// Lanes beyond the row's end are 0.
template <class T>
FINEWATT_INLINE Lanes load(const T* row, Part at) {
    T rest[kLanes] = {};
    for (std::int64_t i = 0; i < at.count; ++i) {
        rest[i] = row[at.first + i];
    }
    return load(rest);
}

template <class T>
FINEWATT_INLINE void store(T* row, Whole at, Lanes lanes) {
    store(row + at.first, lanes);
}

template <class T>
FINEWATT_INLINE void store(T* row, Part at, Lanes lanes) {
    T rest[kLanes];
    store(rest, lanes);
    for (std::int64_t i = 0; i < at.count; ++i) {
        row[at.first + i] = rest[i];
    }
}

/// The lanes that belong to the row; `otherwise` beyond its end.
FINEWATT_INLINE Lanes inside(Whole, Lanes lanes, float) {
    return lanes;
}

FINEWATT_INLINE Lanes inside(Part at, Lanes lanes, float otherwise) {
    const auto count = static_cast<std::uint32_t>(at.count);
    return (lane_numbers() < count) ? lanes : all(otherwise);
}

// ---- across lanes ----

FINEWATT_INLINE float sum_of(Lanes lanes) {
    for (int width = kLanes / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; ++i) {
            lanes[i] += lanes[i + width];
        }
    }
    return lanes[0];
}

FINEWATT_INLINE float max_of(Lanes lanes) {
    for (int width = kLanes / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; ++i) {
            lanes[i] = lanes[i] > lanes[i + width] ? lanes[i] : lanes[i + width];
        }
    }
    return lanes[0];
}

// ---- dropout ----

/// The factors of the columns from `first` on; the integers of mask_value (mask_value.h).
FINEWATT_INLINE Lanes mask_of(std::uint64_t key, std::int64_t first, const MaskRule& rule) {
    const WordLanes columns = lane_numbers() + static_cast<std::uint32_t>(first);
    WordLanes x = columns * 0x9E3779B1U + static_cast<std::uint32_t>(key);
    x = (x ^ (x >> 16)) * 0x85EBCA6BU + static_cast<std::uint32_t>(key >> 32);
    x = (x ^ (x >> 13)) * 0xC2B2AE35U;
    x ^= x >> 16;
    return (x < rule.threshold) ? Lanes{} : all(rule.kept);
}

}  // namespace
}  // namespace finewatt::FINEWATT_KERNELS_NAME
