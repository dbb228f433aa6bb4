// The kernels of one instruction set. CMake compiles this file once for each of them, with
// FINEWATT_KERNELS_NAME as its name. No inline function of a library may be used here: the linker
// could keep the copy with the wider instructions for the whole program.
#include "finewatt/engine/kernels/cpu_kernels.h"
#include "finewatt/engine/kernels/cpu_kernels_sets.h"
#include "finewatt/engine/kernels/mask_value.h"

#define FINEWATT_TEXT_OF(name) #name
#define FINEWATT_TEXT(name) FINEWATT_TEXT_OF(name)

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

/// Sixteen floats side by side; the compiler splits them where registers are narrower.
constexpr std::int64_t kLanes = 16;
using Lanes = float __attribute__((vector_size(64)));
using IntLanes = std::int32_t __attribute__((vector_size(64)));
/// Rows that are worked on together, so that a loaded vector is used as often.
constexpr std::int64_t kRows = 4;

#define FINEWATT_INLINE [[gnu::always_inline]] inline

FINEWATT_INLINE std::int64_t round_up(std::int64_t size) {
    return (size + kLanes - 1) / kLanes * kLanes;
}

FINEWATT_INLINE Lanes load(const float* from) {
    Lanes lanes;
    __builtin_memcpy(&lanes, from, sizeof lanes);
    return lanes;
}

FINEWATT_INLINE void store(float* to, Lanes lanes) {
    __builtin_memcpy(to, &lanes, sizeof lanes);
}

FINEWATT_INLINE Lanes all(float value) {
    return value - Lanes{};
}

FINEWATT_INLINE Lanes select(IntLanes where, Lanes yes, Lanes no) {
    return where ? yes : no;
}

FINEWATT_INLINE float sum_of(Lanes lanes) {
    for (int width = kLanes / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; ++i) {
            lanes[i] += lanes[i + width];
        }
    }
    return lanes[0];
}

FINEWATT_INLINE float max_of(Lanes lanes) {
    float best = lanes[0];
    for (int i = 1; i < kLanes; ++i) {
        best = lanes[i] > best ? lanes[i] : best;
    }
    return best;
}

/// e^x for x <= 88; 0 below -87. x = n ln 2 + r with |r| <= ln 2 / 2, the two parts of ln 2 and the
/// polynomial of degree 6 as in Cephes' expf (Moshier 1992); relative error below 2e-7.
FINEWATT_INLINE Lanes exp_of(Lanes x) {
    constexpr float kRounder = 12582912.0F;  // 1.5 x 2^23: adding it rounds to an integer
    const IntLanes is_tiny = x < -87.0F;
    const Lanes bounded = select(is_tiny, all(-87.0F), x);
    const Lanes n = (bounded * 1.44269504F + kRounder) - kRounder;
    const Lanes r = bounded - n * 0.693359375F + n * 2.12194440e-4F;
    Lanes p = all(1.9875691500e-4F);
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * r * r + r + 1.0F;
    const IntLanes power = (__builtin_convertvector(n, IntLanes) + 127) << 23;
    Lanes scale;
    __builtin_memcpy(&scale, &power, sizeof scale);
    return select(is_tiny, Lanes{}, p * scale);
}

/// Phi(x), the normal distribution function, and e^(-x^2/2). Formula 7.1.26 of Abramowitz and
/// Stegun for erfc, whose error is below 1.5e-7 and small in the far tail too.
struct Normal {
    Lanes distribution;
    Lanes bell;
};

FINEWATT_INLINE Normal normal_of(Lanes x) {
    const Lanes magnitude = select(x < 0.0F, -x, x) * 0.707106781F;
    const Lanes t = 1.0F / (1.0F + 0.3275911F * magnitude);
    const Lanes bell = exp_of(-magnitude * magnitude);
    Lanes p = all(1.061405429F);
    p = p * t - 1.453152027F;
    p = p * t + 1.421413741F;
    p = p * t - 0.284496736F;
    p = p * t + 0.254829592F;
    const Lanes half_erfc = 0.5F * p * t * bell;
    return {select(x < 0.0F, half_erfc, 1.0F - half_erfc), bell};
}

// ---- attention ----

/// Copy `rows` rows of `size` floats to rows of `padded` floats; what is beyond becomes 0.
void pack_rows(const float* from, std::int64_t stride, std::int64_t rows, std::int64_t size,
               std::int64_t padded, float* to) {
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t i = 0; i < size; ++i) {
            to[r * padded + i] = from[r * stride + i];
        }
        for (std::int64_t i = size; i < padded; ++i) {
            to[r * padded + i] = 0;
        }
    }
}

/// The same, transposed: to[i][r], with rows of `padded` floats.
void pack_columns(const float* from, std::int64_t stride, std::int64_t rows, std::int64_t size,
                  std::int64_t padded, float* to) {
    for (std::int64_t i = 0; i < size; ++i) {
        for (std::int64_t r = 0; r < rows; ++r) {
            to[i * padded + r] = from[r * stride + i];
        }
        for (std::int64_t r = rows; r < padded; ++r) {
            to[i * padded + r] = 0;
        }
    }
}

/// out[4][columns] = a[4][depth] x b[depth][columns]; `columns` is a multiple of kLanes. Rows of a
/// are `a_stride` apart, those of b and out `columns`.
void multiply_rows(const float* a, std::int64_t a_stride, std::int64_t depth, const float* b,
                   std::int64_t columns, float* out) {
    for (std::int64_t c = 0; c < columns; c += kLanes) {
        Lanes sums[kRows] = {};
        for (std::int64_t d = 0; d < depth; ++d) {
            const Lanes values = load(b + d * columns + c);
            for (std::int64_t r = 0; r < kRows; ++r) {
                sums[r] += a[r * a_stride + d] * values;
            }
        }
        for (std::int64_t r = 0; r < kRows; ++r) {
            store(out + r * columns + c, sums[r]);
        }
    }
}

/// out[depth][columns] += a[4][depth]^T x b[4][columns].
void add_outer(const float* a, std::int64_t a_stride, std::int64_t depth, const float* b,
               std::int64_t b_stride, std::int64_t columns, float* out) {
    for (std::int64_t c = 0; c < columns; c += kLanes) {
        Lanes rows[kRows];
        for (std::int64_t r = 0; r < kRows; ++r) {
            rows[r] = load(b + r * b_stride + c);
        }
        for (std::int64_t d = 0; d < depth; ++d) {
            Lanes sum = load(out + d * columns + c);
            for (std::int64_t r = 0; r < kRows; ++r) {
                sum += a[r * a_stride + d] * rows[r];
            }
            store(out + d * columns + c, sum);
        }
    }
}

/// scores -> probabilities over the first `real` of `padded` columns; 0 beyond.
void softmax(float* row, std::int64_t real, std::int64_t padded) {
    constexpr float kLowest = -3.0e38F;
    for (std::int64_t i = real; i < padded; ++i) {
        row[i] = kLowest;
    }
    Lanes best = all(kLowest);
    for (std::int64_t i = 0; i < padded; i += kLanes) {
        const Lanes values = load(row + i);
        best = select(values > best, values, best);
    }
    const float largest = max_of(best);
    Lanes sum{};
    for (std::int64_t i = 0; i < padded; i += kLanes) {
        const Lanes power = exp_of(load(row + i) - largest);
        store(row + i, power);
        sum += power;
    }
    const float inverse = 1.0F / sum_of(sum);
    for (std::int64_t i = 0; i < padded; i += kLanes) {
        store(row + i, load(row + i) * inverse);
    }
}

void fill_mask(std::uint64_t key, const MaskRule& mask, std::int64_t columns, float* row) {
    for (std::int64_t c = 0; c < columns; ++c) {
        row[c] = mask_value(key, static_cast<std::uint32_t>(c), mask.threshold, mask.kept);
    }
}

void multiply_into(float* values, const float* factors, std::int64_t size) {
    for (std::int64_t i = 0; i < size; i += kLanes) {
        store(values + i, load(values + i) * load(factors + i));
    }
}

/// Scratch memory of one head, cut into its parts.
struct Scratch {
    std::int64_t length;  ///< L rounded up to lanes
    std::int64_t depth;   ///< D rounded up to lanes
    float* columns_a;     ///< [D, length]
    float* columns_b;     ///< [D, length]
    float* rows_a;        ///< [L, depth]
    float* sums_a;        ///< [L, depth]
    float* sums_b;        ///< [L, depth]
    float* queries;       ///< [4, depth], scaled
    float* out;           ///< [4, depth]
    float* context;       ///< [4, depth]
    float* scores;        ///< [4, length]
    float* mask;          ///< [4, length]
    float* other;         ///< [4, length]

    Scratch(std::int64_t l, std::int64_t d, float* memory)
        : length(round_up(l)),
          depth(round_up(d)) {
        const auto take = [&memory](std::int64_t floats) {
            float* part = memory;
            memory += floats;
            return part;
        };
        columns_a = take(d * length);
        columns_b = take(d * length);
        rows_a = take(l * depth);
        sums_a = take(l * depth);
        sums_b = take(l * depth);
        queries = take(kRows * depth);
        out = take(kRows * depth);
        context = take(kRows * depth);
        scores = take(kRows * length);
        mask = take(kRows * length);
        other = take(kRows * length);
    }
};

std::int64_t attention_scratch(std::int64_t length, std::int64_t head_size) {
    const std::int64_t l = round_up(length);
    const std::int64_t d = round_up(head_size);
    return 2 * head_size * l + 3 * length * d + kRows * 3 * d + kRows * 3 * l;
}

/// Pack up to four rows; missing ones become 0.
void pack_block(const float* from, std::int64_t stride, std::int64_t rows, std::int64_t size,
                std::int64_t padded, float scale, float* to) {
    for (std::int64_t r = 0; r < kRows; ++r) {
        for (std::int64_t i = 0; i < padded; ++i) {
            to[r * padded + i] = r < rows && i < size ? from[r * stride + i] * scale : 0.0F;
        }
    }
}

std::int64_t rows_left(const AttentionHead& head, std::int64_t first) {
    const std::int64_t rows = head.length - first;
    return rows < kRows ? rows : kRows;
}

/// Probabilities of the queries [first, first + rows) into scratch.scores, and their masks.
void probabilities_of(const AttentionHead& head, std::int64_t first, std::int64_t rows,
                      const Scratch& scratch) {
    pack_block(head.query + first * head.stride, head.stride, rows, head.head_size, scratch.depth,
               head.scale, scratch.queries);
    multiply_rows(scratch.queries, scratch.depth, head.head_size, scratch.columns_a, scratch.length,
                  scratch.scores);
    for (std::int64_t r = 0; r < rows; ++r) {
        softmax(scratch.scores + r * scratch.length, head.key_length, scratch.length);
        if (head.mask_keys != nullptr) {
            fill_mask(head.mask_keys[first + r], head.mask, scratch.length,
                      scratch.mask + r * scratch.length);
        }
    }
    for (std::int64_t i = rows * scratch.length; i < kRows * scratch.length; ++i) {
        scratch.scores[i] = 0;
        scratch.mask[i] = 0;
    }
}

void attention_forward(const AttentionHead& head, float* context, std::int64_t context_stride,
                       float* memory) {
    const Scratch scratch(head.length, head.head_size, memory);
    pack_columns(head.key, head.stride, head.length, head.head_size, scratch.length,
                 scratch.columns_a);
    pack_rows(head.value, head.stride, head.length, head.head_size, scratch.depth, scratch.rows_a);
    for (std::int64_t first = 0; first < head.length; first += kRows) {
        const std::int64_t rows = rows_left(head, first);
        probabilities_of(head, first, rows, scratch);
        if (head.mask_keys != nullptr) {
            multiply_into(scratch.scores, scratch.mask, kRows * scratch.length);
        }
        multiply_rows(scratch.scores, scratch.length, head.key_length, scratch.rows_a,
                      scratch.depth, scratch.out);
        for (std::int64_t r = 0; r < rows; ++r) {
            for (std::int64_t d = 0; d < head.head_size; ++d) {
                context[(first + r) * context_stride + d] = scratch.out[r * scratch.depth + d];
            }
        }
    }
}

/// The gradient of the scores, from probabilities (scratch.scores), masks, and the gradient of the
/// context against all values (scratch.other): P (M dP - sum of dO O).
void score_gradients(const AttentionHead& head, std::int64_t rows, const Scratch& scratch) {
    for (std::int64_t r = 0; r < rows; ++r) {
        float* other = scratch.other + r * scratch.length;
        if (head.mask_keys != nullptr) {
            multiply_into(other, scratch.mask + r * scratch.length, scratch.length);
        }
        Lanes dot{};
        for (std::int64_t d = 0; d < scratch.depth; d += kLanes) {
            dot += load(scratch.out + r * scratch.depth + d) *
                   load(scratch.context + r * scratch.depth + d);
        }
        const float mean = sum_of(dot);
        const float* probabilities = scratch.scores + r * scratch.length;
        for (std::int64_t c = 0; c < scratch.length; c += kLanes) {
            store(other + c, load(probabilities + c) * (load(other + c) - mean));
        }
    }
}

void write_rows(const float* from, std::int64_t padded, std::int64_t rows, std::int64_t size,
                float scale, float* to, std::int64_t stride) {
    for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t i = 0; i < size; ++i) {
            to[r * stride + i] = from[r * padded + i] * scale;
        }
    }
}

void attention_backward(const AttentionHead& head, const float* context,
                        const float* context_gradient, std::int64_t context_stride,
                        const AttentionGradients& gradients, float* memory) {
    const Scratch scratch(head.length, head.head_size, memory);
    const std::int64_t size = head.head_size;
    pack_columns(head.key, head.stride, head.length, size, scratch.length, scratch.columns_a);
    pack_columns(head.value, head.stride, head.length, size, scratch.length, scratch.columns_b);
    pack_rows(head.key, head.stride, head.length, size, scratch.depth, scratch.rows_a);
    for (std::int64_t i = 0; i < head.length * scratch.depth; ++i) {
        scratch.sums_a[i] = 0;
        scratch.sums_b[i] = 0;
    }
    for (std::int64_t first = 0; first < head.length; first += kRows) {
        const std::int64_t rows = rows_left(head, first);
        probabilities_of(head, first, rows, scratch);
        pack_block(context + first * context_stride, context_stride, rows, size, scratch.depth, 1,
                   scratch.context);
        pack_block(context_gradient + first * context_stride, context_stride, rows, size,
                   scratch.depth, 1, scratch.out);
        multiply_rows(scratch.out, scratch.depth, size, scratch.columns_b, scratch.length,
                      scratch.other);
        score_gradients(head, rows, scratch);
        if (head.mask_keys != nullptr) {
            multiply_into(scratch.scores, scratch.mask, kRows * scratch.length);
        }
        add_outer(scratch.scores, scratch.length, head.key_length, scratch.out, scratch.depth,
                  scratch.depth, scratch.sums_b);
        // The scaled queries carry the factor of the keys' gradient.
        add_outer(scratch.other, scratch.length, head.key_length, scratch.queries, scratch.depth,
                  scratch.depth, scratch.sums_a);
        multiply_rows(scratch.other, scratch.length, head.key_length, scratch.rows_a, scratch.depth,
                      scratch.out);
        write_rows(scratch.out, scratch.depth, rows, size, head.scale,
                   gradients.query + first * head.stride, head.stride);
    }
    write_rows(scratch.sums_a, scratch.depth, head.length, size, 1, gradients.key, head.stride);
    write_rows(scratch.sums_b, scratch.depth, head.length, size, 1, gradients.value, head.stride);
}

// ---- element-wise ----

/// The sum of term(i) over whole lanes. Sixteen running sums on every instruction set, so that the
/// order of addition is the same on all.
template <class Term>
FINEWATT_INLINE float sum_terms(std::int64_t size, const Term& term) {
    Lanes sums{};
    std::int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) {
        sums += term(i);
    }
    return sum_of(sums);
}

float norm_forward(const NormRow& row, const float* x, const float* residual, float* normalised,
                   float* y) {
    const std::int64_t size = row.size;
    if (row.mask_key != nullptr) {
        const std::uint64_t key = *row.mask_key;
        for (std::int64_t i = 0; i < size; ++i) {
            normalised[i] = residual[i] + x[i] * mask_value(key, static_cast<std::uint32_t>(i),
                                                            row.mask.threshold, row.mask.kept);
        }
    } else {
        for (std::int64_t i = 0; i < size; ++i) {
            normalised[i] = residual[i] + x[i];
        }
    }
    const std::int64_t whole = size - size % kLanes;
    float sum = sum_terms(size, [&](std::int64_t i) { return load(normalised + i); });
    for (std::int64_t i = whole; i < size; ++i) {
        sum += normalised[i];
    }
    const float count = static_cast<float>(size);
    const float mean = sum / count;
    float squares = sum_terms(size, [&](std::int64_t i) {
        const Lanes centred = load(normalised + i) - mean;
        return centred * centred;
    });
    for (std::int64_t i = whole; i < size; ++i) {
        squares += (normalised[i] - mean) * (normalised[i] - mean);
    }
    const float inverse = 1.0F / __builtin_sqrtf(squares / count + row.eps);
    for (std::int64_t i = 0; i < size; ++i) {
        normalised[i] = (normalised[i] - mean) * inverse;
        y[i] = normalised[i] * row.gain[i] + row.shift[i];
    }
    return inverse;
}

void norm_backward(const NormRow& row, const float* y_gradient, const float* normalised,
                   float inverse_deviation, float* x_gradient, float* residual_gradient,
                   float* gain_gradient, float* shift_gradient) {
    const std::int64_t size = row.size;
    const std::int64_t whole = size - size % kLanes;
    float sum =
        sum_terms(size, [&](std::int64_t i) { return load(y_gradient + i) * load(row.gain + i); });
    float product = sum_terms(size, [&](std::int64_t i) {
        return load(y_gradient + i) * load(row.gain + i) * load(normalised + i);
    });
    for (std::int64_t i = whole; i < size; ++i) {
        sum += y_gradient[i] * row.gain[i];
        product += y_gradient[i] * row.gain[i] * normalised[i];
    }
    const float count = static_cast<float>(size);
    const float mean = sum / count;
    const float mean_product = product / count;
    for (std::int64_t i = 0; i < size; ++i) {
        gain_gradient[i] += y_gradient[i] * normalised[i];
        shift_gradient[i] += y_gradient[i];
        residual_gradient[i] =
            inverse_deviation * (y_gradient[i] * row.gain[i] - mean - normalised[i] * mean_product);
    }
    if (row.mask_key == nullptr) {
        for (std::int64_t i = 0; i < size; ++i) {
            x_gradient[i] = residual_gradient[i];
        }
        return;
    }
    const std::uint64_t key = *row.mask_key;
    for (std::int64_t i = 0; i < size; ++i) {
        x_gradient[i] = residual_gradient[i] * mask_value(key, static_cast<std::uint32_t>(i),
                                                          row.mask.threshold, row.mask.kept);
    }
}

/// Call work(in..., out) on whole lanes, and on a padded copy of the rest.
template <class Work>
FINEWATT_INLINE void for_lanes(std::int64_t size, const float* a, const float* b, float* out,
                               const Work& work) {
    std::int64_t i = 0;
    for (; i + kLanes <= size; i += kLanes) {
        store(out + i, work(load(a + i), load(b + i)));
    }
    if (i == size) {
        return;
    }
    float rest_a[kLanes] = {};
    float rest_b[kLanes] = {};
    for (std::int64_t j = i; j < size; ++j) {
        rest_a[j - i] = a[j];
        rest_b[j - i] = b[j];
    }
    store(rest_a, work(load(rest_a), load(rest_b)));
    for (std::int64_t j = i; j < size; ++j) {
        out[j] = rest_a[j - i];
    }
}

void gelu_forward(std::int64_t size, const float* x, float* y) {
    for_lanes(size, x, x, y,
              [](Lanes values, Lanes) { return values * normal_of(values).distribution; });
}

void gelu_backward(std::int64_t size, const float* x, const float* y_gradient, float* x_gradient) {
    constexpr float kDensityAtZero = 0.398942280F;  // 1 / sqrt(2 pi)
    for_lanes(size, x, y_gradient, x_gradient, [](Lanes values, Lanes gradient) {
        const Normal normal = normal_of(values);
        return gradient * (normal.distribution + values * normal.bell * kDensityAtZero);
    });
}

}  // namespace

CpuKernels kernels() {
    CpuKernels set;
    set.name = FINEWATT_TEXT(FINEWATT_KERNELS_NAME);
    set.attention_scratch = attention_scratch;
    set.attention_forward = attention_forward;
    set.attention_backward = attention_backward;
    set.norm_forward = norm_forward;
    set.norm_backward = norm_backward;
    set.gelu_forward = gelu_forward;
    set.gelu_backward = gelu_backward;
    return set;
}

}  // namespace finewatt::FINEWATT_KERNELS_NAME
