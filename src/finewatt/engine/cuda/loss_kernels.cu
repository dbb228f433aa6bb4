// Cross-entropies, the gradient norm and AdamW; see device_kernels_internal.h.
#include "finewatt/engine/cuda/kernel_tools_internal.cuh"

#include <algorithm>

namespace finewatt {
namespace {

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
__global__ void outcome_kernel(DeviceAdamW arrays, std::int64_t pieces, const StepValues* values) {
    Two sum;
    for (std::int64_t i = threadIdx.x; i < pieces; i += blockDim.x) {
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
    LaunchShape pieces = flat_blocks(arrays.size);
    pieces.blocks_x = std::min(pieces.blocks_x, static_cast<unsigned>(kNormPieces));
    launch(square_sums_kernel, pieces, stream, arrays.size, arrays.gradients, arrays.partials);
    launch(outcome_kernel, LaunchShape{1, 1, 256}, stream, arrays, std::int64_t{pieces.blocks_x},
           values);
    launch(adamw_kernel, flat_blocks(arrays.size), stream, arrays, values);
}

}  // namespace finewatt
