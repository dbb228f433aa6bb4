// Embeddings and LayerNorm with what surrounds them; see device_kernels_internal.h. Each thread has
// four columns, the block goes through rows.
#include "finewatt/engine/cuda/kernel_tools_internal.cuh"

namespace finewatt {
namespace {

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

#define FINEWATT_INSTANTIATE(T)                                                              \
    template void embed_backward(DeviceStream, const NormShape&, const RowMask&,             \
                                 const NormUpstream<T>&, float*, float*, float*);            \
    template void norm_forward(DeviceStream, const NormShape&, const RowMask&, const float*, \
                               const T*, const float*, const NormResults&);                  \
    template void norm_backward(DeviceStream, const NormShape&, const RowMask&,              \
                                const NormUpstream<T>&, const NormGradients<T>&)

FINEWATT_INSTANTIATE(float);
FINEWATT_INSTANTIATE(Bfloat16);

}  // namespace finewatt
