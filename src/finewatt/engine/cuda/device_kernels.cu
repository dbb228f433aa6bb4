// See device_kernels_internal.h. Written in what nvcc and the emulation of the tests both take:
// blocks of threads, __shared__, __syncthreads, warp shuffles and atomicAdd.
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

// ---- LayerNorm: each thread has four columns, the block goes through rows ----

/// Normalise a row whose four values this thread holds, and write the result. The variance is
/// taken of the centred values: the difference of large squares would lose what matters.
__device__ inline void finish_norm(const NormShape& shape, std::int64_t row, Four values,
                                   const RowMask* mask, std::uint64_t base,
                                   const NormResults& results) {
    const std::int64_t column = 4 * static_cast<std::int64_t>(threadIdx.x);
    const bool is_inside = column < shape.size;
    const float count = static_cast<float>(shape.size);
    const float mean = block_sums({sum_of(values), 0}).a / count;
    if (is_inside) {
        values = values + all_of(-mean);
    }
    const float variance = block_sums({sum_of(values * values), 0}).a / count;
    const float inverse = 1.0F / sqrtf(variance + shape.eps);
    if (threadIdx.x == 0) {
        results.inverse_deviations[row] = inverse;
    }
    if (!is_inside) {
        return;
    }
    const std::int64_t at = row * shape.size + column;
    values = values * all_of(inverse);
    store(results.normalised + at, values);
    Four y = values * load(shape.gain + column) + load(shape.shift + column);
    if (mask != nullptr && mask->step != nullptr) {
        y = y * mask_of(*mask, base, row, column);
    }
    store(results.y + at, y);
    if (results.y_low != nullptr) {
        store(results.y_low + at, y);
    }
}

__global__ void embed_forward_kernel(NormShape shape, EmbeddingSum sum, RowMask mask,
                                     NormResults results) {
    const std::int64_t column = 4 * static_cast<std::int64_t>(threadIdx.x);
    const std::uint64_t base = mask_base(mask);
    for (std::int64_t row = blockIdx.x; row < shape.rows; row += gridDim.x) {
        Four values = all_of(0);
        if (column < shape.size) {
            values = load(sum.words + sum.word_ids[row] * shape.size + column);
            if (sum.types != nullptr) {
                values = values + load(sum.types + sum.type_ids[row] * shape.size + column);
            }
            values = values + load(sum.positions + sum.position_ids[row] * shape.size + column);
        }
        finish_norm(shape, row, values, &mask, base, results);
    }
}

template <class T>
__global__ void norm_forward_kernel(NormShape shape, RowMask mask, const float* bias, const T* x,
                                    const float* residual, NormResults results) {
    const std::int64_t column = 4 * static_cast<std::int64_t>(threadIdx.x);
    const std::uint64_t base = mask_base(mask);
    for (std::int64_t row = blockIdx.x; row < shape.rows; row += gridDim.x) {
        Four values = all_of(0);
        if (column < shape.size) {
            const std::int64_t at = row * shape.size + column;
            values = load(x + at) + load(bias + column);
            if (mask.step != nullptr) {
                values = values * mask_of(mask, base, row, column);
            }
            values = load(residual + at) + values;
        }
        finish_norm(shape, row, values, nullptr, base, results);
    }
}

/// The gradient of what was normalised, from that of the result y (Ba et al. 2016): with n the
/// normalised row and g = dy gain, dx = (g - mean(g) - n mean(g n)) / deviation.
__device__ inline Four norm_gradient(const NormShape& shape, const Four& y_gradient,
                                     const Four& normalised, float inverse) {
    const std::int64_t column = 4 * static_cast<std::int64_t>(threadIdx.x);
    const Four g = column < shape.size ? y_gradient * load(shape.gain + column) : all_of(0);
    const Two sums = block_sums({sum_of(g), sum_of(g * normalised)});
    const float count = static_cast<float>(shape.size);
    Four gradient;
    for (int i = 0; i < 4; ++i) {
        gradient.v[i] = inverse * (g.v[i] - sums.a / count - normalised.v[i] * (sums.b / count));
    }
    return gradient;
}

/// `kIsEmbedding`: the mask lies on y, else on x.
template <class T, bool kIsEmbedding>
__global__ void norm_backward_kernel(NormShape shape, RowMask mask, NormUpstream<T> upstream,
                                     NormGradients<T> gradients) {
    const std::int64_t column = 4 * static_cast<std::int64_t>(threadIdx.x);
    const bool is_inside = column < shape.size;
    const std::uint64_t base = mask_base(mask);
    Four bias_sum = all_of(0);
    Four gain_sum = all_of(0);
    Four shift_sum = all_of(0);
    for (std::int64_t row = blockIdx.x; row < shape.rows; row += gridDim.x) {
        const std::int64_t at = row * shape.size + column;
        Four y_gradient = all_of(0);
        Four normalised = all_of(0);
        Four factors = all_of(1);
        if (is_inside) {
            y_gradient = load(upstream.y_gradient + at);
            if (upstream.product_gradient != nullptr) {
                y_gradient = y_gradient + load(upstream.product_gradient + at);
            }
            normalised = load(upstream.normalised + at);
            if (mask.step != nullptr) {
                factors = mask_of(mask, base, row, column);
            }
            if (kIsEmbedding) {
                y_gradient = y_gradient * factors;
            }
        }
        const Four gradient =
            norm_gradient(shape, y_gradient, normalised, upstream.inverse_deviations[row]);
        if (!is_inside) {
            continue;
        }
        gain_sum = gain_sum + y_gradient * normalised;
        shift_sum = shift_sum + y_gradient;
        store(gradients.residual + at, gradient);
        if (!kIsEmbedding) {
            const Four x_gradient = gradient * factors;
            bias_sum = bias_sum + x_gradient;
            store(gradients.x + at, x_gradient);
        }
    }
    if (is_inside) {
        add_atomically(gradients.gain + column, gain_sum);
        add_atomically(gradients.shift + column, shift_sum);
        if (!kIsEmbedding) {
            add_atomically(gradients.bias + column, bias_sum);
        }
    }
}

// ---- activations ----

/// The exact GELU x Phi(x), its tanh form (Hendrycks and Gimpel 2016), ReLU and tanh.
__device__ inline float activation_of(RowActivation kind, float x) {
    constexpr float kFactor = 0.797884561F;  // sqrt(2 / pi)
    constexpr float kCubic = 0.044715F;
    constexpr float kRootOfHalf = 0.707106781F;
    switch (kind) {
        case RowActivation::kGelu:
            return 0.5F * x * (1.0F + erff(x * kRootOfHalf));
        case RowActivation::kGeluTanh:
            return 0.5F * x * (1.0F + tanhf(kFactor * (x + kCubic * x * x * x)));
        case RowActivation::kRelu:
            return x > 0 ? x : 0.0F;
        case RowActivation::kTanh:
            break;
    }
    return tanhf(x);
}

__device__ inline float slope_of(RowActivation kind, float x) {
    constexpr float kFactor = 0.797884561F;
    constexpr float kCubic = 0.044715F;
    constexpr float kRootOfHalf = 0.707106781F;
    constexpr float kDensityAtZero = 0.398942280F;  // 1 / sqrt(2 pi)
    switch (kind) {
        case RowActivation::kGelu:
            return 0.5F * (1.0F + erff(x * kRootOfHalf)) + x * kDensityAtZero * expf(-0.5F * x * x);
        case RowActivation::kGeluTanh: {
            // Beyond 10 the slope is 0 or 1; bounded, so that no square overflows.
            const float bounded = fminf(fmaxf(x, -10.0F), 10.0F);
            const float t = tanhf(kFactor * (bounded + kCubic * bounded * bounded * bounded));
            return 0.5F * (1.0F + t) + 0.5F * bounded * (1.0F - t * t) * kFactor *
                                           (1.0F + 3.0F * kCubic * bounded * bounded);
        }
        case RowActivation::kRelu:
            return x > 0 ? 1.0F : 0.0F;
        case RowActivation::kTanh:
            break;
    }
    const float t = tanhf(x);
    return 1.0F - t * t;
}

/// The first of this thread's four columns in a grid whose x runs over columns.
__device__ inline std::int64_t own_column() {
    return 4 * (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x);
}

template <class T>
__global__ void activation_forward_kernel(ActivationRows rows, const T* x, T* y) {
    const std::int64_t column = own_column();
    if (column >= rows.columns) {
        return;
    }
    const Four bias = load(rows.bias + column);
    for (std::int64_t row = blockIdx.y; row < rows.rows; row += gridDim.y) {
        const std::int64_t at = row * rows.columns + column;
        Four values = load(x + at) + bias;
        for (int i = 0; i < 4; ++i) {
            values.v[i] = activation_of(rows.activation, values.v[i]);
        }
        store(y + at, values);
    }
}

template <class T>
__global__ void activation_backward_kernel(ActivationRows rows, const T* x, const T* y_gradient,
                                           T* x_gradient, float* bias_gradient) {
    const std::int64_t column = own_column();
    if (column >= rows.columns) {
        return;
    }
    const Four bias = load(rows.bias + column);
    Four sum = all_of(0);
    for (std::int64_t row = blockIdx.y; row < rows.rows; row += gridDim.y) {
        const std::int64_t at = row * rows.columns + column;
        Four values = load(x + at) + bias;
        for (int i = 0; i < 4; ++i) {
            values.v[i] = slope_of(rows.activation, values.v[i]);
        }
        const Four gradient = load(y_gradient + at) * values;
        sum = sum + gradient;
        store(x_gradient + at, gradient);
    }
    add_atomically(bias_gradient + column, sum);
}

template <class T>
__global__ void column_sums_kernel(std::int64_t rows, std::int64_t columns, const T* x,
                                   float* sums) {
    const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (column >= columns) {
        return;
    }
    float sum = 0;
    for (std::int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
        sum += load_one(x + row * columns + column);
    }
    atomicAdd(sums + column, sum);
}

__global__ void drop_rows_kernel(std::int64_t rows, std::int64_t columns, RowMask mask,
                                 const float* x, float* y) {
    const std::int64_t column = own_column();
    if (column >= columns) {
        return;
    }
    const std::uint64_t base = mask_base(mask);
    for (std::int64_t row = blockIdx.y; row < rows; row += gridDim.y) {
        const std::int64_t at = row * columns + column;
        store(y + at, load(x + at) * mask_of(mask, base, row, column));
    }
}

__global__ void gather_rows_kernel(std::int64_t count, std::int64_t size, const std::int32_t* ids,
                                   const float* from, float* to) {
    const std::int64_t column = own_column();
    if (column >= size) {
        return;
    }
    for (std::int64_t i = blockIdx.y; i < count; i += gridDim.y) {
        store(to + i * size + column, load(from + ids[i] * size + column));
    }
}

__global__ void scatter_add_rows_kernel(std::int64_t count, std::int64_t size,
                                        const std::int32_t* ids, std::int32_t skipped,
                                        const float* from, float* table) {
    const std::int64_t column = own_column();
    if (column >= size) {
        return;
    }
    for (std::int64_t i = blockIdx.y; i < count; i += gridDim.y) {
        if (ids[i] != skipped) {
            add_atomically(table + ids[i] * size + column, load(from + i * size + column));
        }
    }
}

// ---- cross-entropy: one warp for each softmax ----

__device__ inline float warp_sum(float x) {
    for (int distance = 16; distance > 0; distance /= 2) {
        x += __shfl_xor_sync(0xFFFFFFFFU, x, distance);
    }
    return x;
}

__device__ inline float warp_max(float x) {
    for (int distance = 16; distance > 0; distance /= 2) {
        x = fmaxf(x, __shfl_xor_sync(0xFFFFFFFFU, x, distance));
    }
    return x;
}

/// ClassLogits of cpu_kernels.h; logits become the gradient. All 32 threads of a warp call it.
__device__ inline void warp_cross_entropy(const ClassLogits& what, float* logits, float* loss_sum) {
    const std::int64_t lane = threadIdx.x % 32;
    const bool counts = what.label >= 0 && what.label < what.classes;
    float largest = -INFINITY;
    for (std::int64_t c = lane; c < what.classes; c += 32) {
        // fmaxf drops a NaN, but the sum below keeps it.
        largest = fmaxf(largest, logits[c * what.stride]);
    }
    largest = warp_max(largest);
    float sum = 0;
    for (std::int64_t c = lane; c < what.classes; c += 32) {
        sum += expf(logits[c * what.stride] - largest);
    }
    sum = warp_sum(sum);
    if (lane == 0 && counts) {
        const float of_label = logits[what.label * what.stride];
        atomicAdd(loss_sum, what.factor * (logf(sum) + largest - of_label));
    }
    __syncwarp();  // the label's logit is read before it is overwritten
    for (std::int64_t c = lane; c < what.classes; c += 32) {
        float* logit = logits + c * what.stride;
        const float share = expf(*logit - largest) / sum;
        *logit = counts ? what.factor * (share - (c == what.label ? 1.0F : 0.0F)) : 0.0F;
    }
}

__device__ inline std::int64_t own_warp() {
    return (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
}

__global__ void row_losses_kernel(std::int64_t rows, std::int64_t classes,
                                  const std::int32_t* labels, const StepValues* values,
                                  float* logits, float* loss_sum) {
    const std::int64_t row = own_warp();
    if (row < rows) {
        warp_cross_entropy({classes, 1, labels[row], values->loss_factor}, logits + row * classes,
                           loss_sum);
    }
}

__global__ void span_losses_kernel(SpanTargets targets, const StepValues* values, float* logits,
                                   float* loss_sum) {
    const std::int64_t sequence = own_warp() / 2;
    const bool is_end = own_warp() % 2 == 1;
    if (sequence < targets.sequences) {
        const std::int32_t label = is_end ? targets.ends[sequence] : targets.starts[sequence];
        warp_cross_entropy({targets.length[sequence], 2, label,
                            is_end ? values->ends_factor : values->loss_factor},
                           logits + 2 * targets.first[sequence] + (is_end ? 1 : 0), loss_sum);
    }
}

// ---- optimizer ----

__global__ void square_sums_kernel(std::int64_t size, const float* x, float* partials) {
    Two sum;
    const std::int64_t step = 4 * static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = own_column(); i < size; i += step) {
        const Four values = load(x + i);
        sum.a += sum_of(values * values);
    }
    sum = block_sums(sum);
    if (threadIdx.x == 0) {
        partials[blockIdx.x] = sum.a;
    }
}

/// One block. Clipping as torch.nn.utils.clip_grad_norm_: min(1, most / (norm + 1e-6)).
__global__ void outcome_kernel(DeviceAdamW arrays, const StepValues* values) {
    Two sum;
    for (std::int64_t i = threadIdx.x; i < kNormPieces; i += blockDim.x) {
        sum.a += arrays.partials[i];
    }
    sum = block_sums(sum);
    if (threadIdx.x != 0) {
        return;
    }
    const float norm = sqrtf(sum.a);
    const float loss = *arrays.loss_sum;
    const float most = values->max_grad_norm;
    // x - x is 0 for numbers and NaN for all else.
    const bool is_finite = (norm - norm) == 0.0F && (loss - loss) == 0.0F;
    arrays.outcome->loss = loss;
    arrays.outcome->gradient_norm = norm;
    arrays.outcome->clip = most > 0 ? fminf(1.0F, most / (norm + 1e-6F)) : 1.0F;
    if (!is_finite) {
        arrays.outcome->has_diverged = 1;
    }
    *arrays.loss_sum = 0;
}

/// Decoupled weight decay (Loshchilov and Hutter, ICLR 2019), torch.optim.AdamW's order.
__global__ void adamw_kernel(DeviceAdamW arrays, const StepValues* step_values) {
    if (arrays.outcome->has_diverged != 0) {
        return;
    }
    const StepValues f = *step_values;
    const float clip = arrays.outcome->clip;
    const std::int64_t step = 4 * static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    for (std::int64_t i = own_column(); i < arrays.size; i += step) {
        const float keep = i < arrays.decayed_size ? f.keep : 1.0F;
        const Four gradients = load(arrays.gradients + i);
        Four first = load(arrays.first_moments + i);
        Four second = load(arrays.second_moments + i);
        Four value = load(arrays.values + i);
        for (int k = 0; k < 4; ++k) {
            const float g = gradients.v[k] * clip;
            first.v[k] = f.beta1 * first.v[k] + (1.0F - f.beta1) * g;
            second.v[k] = f.beta2 * second.v[k] + (1.0F - f.beta2) * g * g;
            const float root = sqrtf(second.v[k]) * f.second_scale + f.eps;
            value.v[k] = value.v[k] * keep - f.rate * first.v[k] / root;
        }
        store(arrays.first_moments + i, first);
        store(arrays.second_moments + i, second);
        store(arrays.values + i, value);
        if (arrays.low_values != nullptr) {
            store(arrays.low_values + i, value);
        }
    }
}

}  // namespace

void embed_forward(DeviceStream stream, const NormShape& shape, const EmbeddingSum& sum,
                   const RowMask& mask, const NormResults& results) {
    launch(embed_forward_kernel, row_blocks(shape.rows, shape.size), stream, shape, sum, mask,
           results);
}

template <class T>
void embed_backward(DeviceStream stream, const NormShape& shape, const RowMask& mask,
                    const NormUpstream<T>& upstream, float* sum_gradient, float* gain_gradient,
                    float* shift_gradient) {
    const NormGradients<T> gradients{sum_gradient, nullptr, nullptr, gain_gradient, shift_gradient};
    launch(norm_backward_kernel<T, true>, summing_row_blocks(shape.rows, shape.size), stream, shape,
           mask, upstream, gradients);
}

template <class T>
void norm_forward(DeviceStream stream, const NormShape& shape, const RowMask& mask,
                  const float* bias, const T* x, const float* residual,
                  const NormResults& results) {
    launch(norm_forward_kernel<T>, row_blocks(shape.rows, shape.size), stream, shape, mask, bias, x,
           residual, results);
}

template <class T>
void norm_backward(DeviceStream stream, const NormShape& shape, const RowMask& mask,
                   const NormUpstream<T>& upstream, const NormGradients<T>& gradients) {
    launch(norm_backward_kernel<T, false>, summing_row_blocks(shape.rows, shape.size), stream,
           shape, mask, upstream, gradients);
}

template <class T>
void activation_forward(DeviceStream stream, const ActivationRows& rows, const T* x, T* y) {
    launch(activation_forward_kernel<T>, column_blocks(rows.rows, rows.columns, 4), stream, rows, x,
           y);
}

template <class T>
void activation_backward(DeviceStream stream, const ActivationRows& rows, const T* x,
                         const T* y_gradient, T* x_gradient, float* bias_gradient) {
    launch(activation_backward_kernel<T>, summing_column_blocks(rows.rows, rows.columns, 4), stream,
           rows, x, y_gradient, x_gradient, bias_gradient);
}

template <class T>
void column_sums(DeviceStream stream, std::int64_t rows, std::int64_t columns, const T* x,
                 float* sums) {
    launch(column_sums_kernel<T>, summing_column_blocks(rows, columns, 1), stream, rows, columns, x,
           sums);
}

void drop_rows(DeviceStream stream, std::int64_t rows, std::int64_t columns, const RowMask& mask,
               const float* x, float* y) {
    launch(drop_rows_kernel, column_blocks(rows, columns, 4), stream, rows, columns, mask, x, y);
}

void gather_rows(DeviceStream stream, std::int64_t count, std::int64_t size,
                 const std::int32_t* ids, const float* from, float* to) {
    launch(gather_rows_kernel, column_blocks(count, size, 4), stream, count, size, ids, from, to);
}

void scatter_add_rows(DeviceStream stream, std::int64_t count, std::int64_t size,
                      const std::int32_t* ids, std::int32_t skipped, const float* from,
                      float* table) {
    launch(scatter_add_rows_kernel, column_blocks(count, size, 4), stream, count, size, ids,
           skipped, from, table);
}

void row_losses(DeviceStream stream, std::int64_t rows, std::int64_t classes,
                const std::int32_t* labels, const StepValues* values, float* logits,
                float* loss_sum) {
    launch(row_losses_kernel, warp_blocks(rows), stream, rows, classes, labels, values, logits,
           loss_sum);
}

void span_losses(DeviceStream stream, const SpanTargets& targets, const StepValues* values,
                 float* logits, float* loss_sum) {
    launch(span_losses_kernel, warp_blocks(2 * targets.sequences), stream, targets, values, logits,
           loss_sum);
}

void adamw_step(DeviceStream stream, const DeviceAdamW& arrays, const StepValues* values) {
    const LaunchShape pieces{static_cast<unsigned>(kNormPieces), 1, 256};
    launch(square_sums_kernel, pieces, stream, arrays.size, arrays.gradients, arrays.partials);
    launch(outcome_kernel, LaunchShape{1, 1, 256}, stream, arrays, values);
    launch(adamw_kernel, flat_blocks(arrays.size), stream, arrays, values);
}

#define FINEWATT_INSTANTIATE(T)                                                                    \
    template void embed_backward(DeviceStream, const NormShape&, const RowMask&,                   \
                                 const NormUpstream<T>&, float*, float*, float*);                  \
    template void norm_forward(DeviceStream, const NormShape&, const RowMask&, const float*,       \
                               const T*, const float*, const NormResults&);                        \
    template void norm_backward(DeviceStream, const NormShape&, const RowMask&,                    \
                                const NormUpstream<T>&, const NormGradients<T>&);                  \
    template void activation_forward(DeviceStream, const ActivationRows&, const T*, T*);           \
    template void activation_backward(DeviceStream, const ActivationRows&, const T*, const T*, T*, \
                                      float*);                                                     \
    template void column_sums(DeviceStream, std::int64_t, std::int64_t, const T*, float*)

FINEWATT_INSTANTIATE(float);
FINEWATT_INSTANTIATE(Bfloat16);

}  // namespace finewatt
