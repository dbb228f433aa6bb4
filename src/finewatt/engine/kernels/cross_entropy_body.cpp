// Softmax cross-entropy of one row of classes, or of one column over a sequence.
#include "finewatt/engine/kernels/lanes_math_internal.h"
#include "finewatt/engine/kernels/parts_internal.h"

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

/// Neighbouring elements one after the other.
struct Dense {
    template <class T, class At>
    FINEWATT_INLINE Lanes read(const T* row, At at) const {
        return load(row, at);
    }

    template <class T, class At>
    FINEWATT_INLINE void write(T* row, At at, Lanes lanes) const {
        store(row, at, lanes);
    }
};

/// Neighbouring elements `stride` apart.
struct Strided {
    std::int64_t stride;

    FINEWATT_INLINE static std::int64_t count_of(Whole) { return kLanes; }

    FINEWATT_INLINE static std::int64_t count_of(Part at) { return at.count; }

    template <class T, class At>
    FINEWATT_INLINE Lanes read(const T* row, At at) const {
        T values[kLanes] = {};
        for (std::int64_t i = 0; i < count_of(at); ++i) {
            values[i] = row[(at.first + i) * stride];
        }
        return load(values);
    }

    template <class T, class At>
    FINEWATT_INLINE void write(T* row, At at, Lanes lanes) const {
        T values[kLanes];
        store(values, lanes);
        for (std::int64_t i = 0; i < count_of(at); ++i) {
            row[(at.first + i) * stride] = values[i];
        }
    }
};

FINEWATT_INLINE float value_of(const float* from) {
    return *from;
}

FINEWATT_INLINE float value_of(const Bfloat16* from) {
    return same_bits<float>(static_cast<std::uint32_t>(from->bits) << 16);
}

constexpr float kLowest = -3.0e38F;

template <class T, class Row>
float cross_entropy_of(const ClassLogits& what, const Row& row, const T* logits, T* gradient) {
    if (what.label < 0 || what.label >= what.classes) {
        if (gradient != nullptr) {
            for_lanes(what.classes, [&](auto at) { row.write(gradient, at, Lanes{}); });
        }
        return 0;
    }
    Lanes best = all(kLowest);
    for_lanes(what.classes,
              [&](auto at) { best = larger(best, inside(at, row.read(logits, at), kLowest)); });
    const float largest = max_of(best);
    Lanes sums{};
    for_lanes(what.classes,
              [&](auto at) { sums += inside(at, exp_of(row.read(logits, at) - largest), 0); });
    const float sum = sum_of(sums);
    const float loss = largest - value_of(logits + what.label * what.stride) + __builtin_logf(sum);
    if (gradient != nullptr) {
        const float scale = what.factor / sum;
        const auto label = static_cast<std::uint32_t>(what.label);
        for_lanes(what.classes, [&](auto at) {
            const WordLanes numbers = lane_numbers() + static_cast<std::uint32_t>(at.first);
            const Lanes target = (numbers == label) ? all(what.factor) : Lanes{};
            row.write(gradient, at, exp_of(row.read(logits, at) - largest) * scale - target);
        });
    }
    return loss;
}

template <class T>
float cross_entropy(const ClassLogits& what, const T* logits, T* gradient) {
    if (what.stride == 1) {
        return cross_entropy_of(what, Dense{}, logits, gradient);
    }
    return cross_entropy_of(what, Strided{what.stride}, logits, gradient);
}

}  // namespace

void add_cross_entropy(CpuKernels& set) {
    set.f32.cross_entropy = cross_entropy<float>;
    set.bf16.cross_entropy = cross_entropy<Bfloat16>;
}

}  // namespace finewatt::FINEWATT_KERNELS_NAME
