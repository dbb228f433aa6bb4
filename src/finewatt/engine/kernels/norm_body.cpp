// LayerNorm with what surrounds it: bias, dropout and residual before it, or the embeddings' sum
// before and dropout after it. Forward and backward.
#include "finewatt/engine/kernels/lanes_internal.h"
#include "finewatt/engine/kernels/parts_internal.h"

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

/// Mean and 1 / standard deviation of a row, in two passes: the difference of large squares would
/// lose what matters.
struct Moments {
    float mean;
    float inverse_deviation;
};

FINEWATT_INLINE Moments moments_of(const float* row, std::int64_t size, float eps) {
    const float count = static_cast<float>(size);
    Lanes sums{};
    for_lanes(size, [&](auto at) { sums += load(row, at); });
    const float mean = sum_of(sums) / count;
    Lanes squares{};
    for_lanes(size, [&](auto at) {
        const Lanes centred = inside(at, load(row, at) - mean, 0);
        squares += centred * centred;
    });
    return {mean, 1.0F / __builtin_sqrtf(sum_of(squares) / count + eps)};
}

/// A row's key; without dropout there is none.
struct RowMask {
    bool is_on;
    std::uint64_t key;
    MaskRule rule;

    RowMask(const std::uint64_t* keys, std::int64_t row, const MaskRule& mask)
        : is_on(keys != nullptr),
          key(keys != nullptr ? keys[row] : 0),
          rule(mask) {}

    FINEWATT_INLINE Lanes apply(std::int64_t first, Lanes lanes) const {
        return is_on ? lanes * mask_of(key, first, rule) : lanes;
    }
};

template <class T>
void norm_forward(const NormRows& rows, const T* x, const float* residual,
                  const NormResults& results) {
    for (std::int64_t r = 0; r < rows.rows; ++r) {
        const std::int64_t first = r * rows.size;
        const RowMask mask(rows.mask_keys, r, rows.mask);
        float* normalised = results.normalised + first;
        for_lanes(rows.size, [&](auto at) {
            Lanes values = load(x + first, at);
            if (rows.bias != nullptr) {
                values += load(rows.bias, at);
            }
            store(normalised, at, load(residual + first, at) + mask.apply(at.first, values));
        });
        const Moments moments = moments_of(normalised, rows.size, rows.eps);
        results.inverse_deviations[r] = moments.inverse_deviation;
        for_lanes(rows.size, [&](auto at) {
            const Lanes values = (load(normalised, at) - moments.mean) * moments.inverse_deviation;
            store(normalised, at, values);
            const Lanes y = values * load(rows.gain, at) + load(rows.shift, at);
            store(results.y + first, at, y);
            if (results.y_low != nullptr) {
                store(results.y_low + first, at, y);
            }
        });
    }
}

void embedding_forward(const EmbeddingRows& rows, const NormResults& results) {
    for (std::int64_t r = 0; r < rows.rows; ++r) {
        const std::int64_t first = r * rows.size;
        const RowMask mask(rows.mask_keys, r, rows.mask);
        const float* word = rows.word_table + rows.word_ids[r] * rows.size;
        const float* position = rows.position_table + rows.position_ids[r] * rows.size;
        const float* type =
            rows.type_ids != nullptr ? rows.type_table + rows.type_ids[r] * rows.size : nullptr;
        float* normalised = results.normalised + first;
        for_lanes(rows.size, [&](auto at) {
            Lanes values = load(word, at);
            if (type != nullptr) {
                values += load(type, at);
            }
            store(normalised, at, values + load(position, at));
        });
        const Moments moments = moments_of(normalised, rows.size, rows.eps);
        results.inverse_deviations[r] = moments.inverse_deviation;
        for_lanes(rows.size, [&](auto at) {
            const Lanes values = (load(normalised, at) - moments.mean) * moments.inverse_deviation;
            store(normalised, at, values);
            const Lanes y =
                mask.apply(at.first, values * load(rows.gain, at) + load(rows.shift, at));
            store(results.y + first, at, y);
            if (results.y_low != nullptr) {
                store(results.y_low + first, at, y);
            }
        });
    }
}

/// What one row's backward pass works on.
struct NormRow {
    std::int64_t size;
    const float* gain;
    const float* normalised;
    float inverse_deviation;
    float* gain_gradient;
    float* shift_gradient;
    float* gradient;  ///< in: of y; out: of what was normalised
};

/// upstream(at) gives the lanes of y's gradient, wanted(at, lanes) takes those of the result.
template <class Upstream, class Wanted>
FINEWATT_INLINE void norm_backward_row(const NormRow& row, const Upstream& upstream,
                                       const Wanted& wanted) {
    Lanes sums{};
    Lanes products{};
    for_lanes(row.size, [&](auto at) {
        const Lanes gradient = upstream(at);
        const Lanes normalised = load(row.normalised, at);
        const Lanes weighted = gradient * load(row.gain, at);
        sums += weighted;
        products += weighted * normalised;
        store(row.gain_gradient, at, load(row.gain_gradient, at) + gradient * normalised);
        store(row.shift_gradient, at, load(row.shift_gradient, at) + gradient);
        store(row.gradient, at, weighted);
    });
    const float count = static_cast<float>(row.size);
    const float mean = sum_of(sums) / count;
    const float mean_product = sum_of(products) / count;
    for_lanes(row.size, [&](auto at) {
        const Lanes gradient = row.inverse_deviation * (load(row.gradient, at) - mean -
                                                        load(row.normalised, at) * mean_product);
        store(row.gradient, at, gradient);
        wanted(at, gradient);
    });
}

template <class T, class At>
FINEWATT_INLINE Lanes upstream_of(const NormUpstream<T>& upstream, std::int64_t first, At at) {
    const Lanes gradient = load(upstream.y_gradient + first, at);
    return upstream.product_gradient != nullptr
               ? gradient + load(upstream.product_gradient + first, at)
               : gradient;
}

template <class T>
void norm_backward(const NormRows& rows, const NormUpstream<T>& upstream,
                   const NormGradients<T>& gradients) {
    for (std::int64_t r = 0; r < rows.rows; ++r) {
        const std::int64_t first = r * rows.size;
        const RowMask mask(rows.mask_keys, r, rows.mask);
        const NormRow row{rows.size,
                          rows.gain,
                          upstream.normalised + first,
                          upstream.inverse_deviations[r],
                          gradients.gain,
                          gradients.shift,
                          gradients.residual + first};
        norm_backward_row(
            row, [&](auto at) { return upstream_of(upstream, first, at); },
            [&](auto at, Lanes gradient) {
                const Lanes of_x = mask.apply(at.first, gradient);
                if (gradients.x != nullptr) {
                    store(gradients.x + first, at, of_x);
                }
                if (gradients.bias != nullptr) {
                    store(gradients.bias, at, load(gradients.bias, at) + of_x);
                }
            });
    }
}

template <class T>
void embedding_backward(const EmbeddingRows& rows, const NormUpstream<T>& upstream,
                        const EmbeddingGradients& gradients) {
    for (std::int64_t r = 0; r < rows.rows; ++r) {
        const std::int64_t first = r * rows.size;
        const RowMask mask(rows.mask_keys, r, rows.mask);
        const NormRow row{rows.size,
                          rows.gain,
                          upstream.normalised + first,
                          upstream.inverse_deviations[r],
                          gradients.gain,
                          gradients.shift,
                          gradients.sum + first};
        norm_backward_row(
            row, [&](auto at) { return mask.apply(at.first, upstream_of(upstream, first, at)); },
            [](auto, Lanes) {});
    }
}

template <class T>
void dropout(std::int64_t rows, std::int64_t columns, const std::uint64_t* mask_keys,
             const MaskRule& rule, const T* x, T* y) {
    for (std::int64_t r = 0; r < rows; ++r) {
        const RowMask mask(mask_keys, r, rule);
        const std::int64_t first = r * columns;
        for_lanes(columns, [&](auto at) {
            store(y + first, at, mask.apply(at.first, load(x + first, at)));
        });
    }
}

template <class T>
void add_for(ElementKernels<T>& set) {
    set.norm_forward = norm_forward<T>;
    set.norm_backward = norm_backward<T>;
    set.embedding_backward = embedding_backward<T>;
    set.dropout = dropout<T>;
}

}  // namespace

void add_norms(CpuKernels& set) {
    add_for(set.f32);
    add_for(set.bf16);
    set.embedding_forward = embedding_forward;
}

}  // namespace finewatt::FINEWATT_KERNELS_NAME
