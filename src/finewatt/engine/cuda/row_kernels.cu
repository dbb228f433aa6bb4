// Activations, sums over rows, dropout, gathering and scattering of rows; see
// device_kernels_internal.h. A grid's x runs over columns, its y over rows.
#include "finewatt/engine/cuda/kernel_tools_internal.cuh"

namespace finewatt {
namespace {

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

}  // namespace

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

#define FINEWATT_INSTANTIATE(T)                                                                    \
    template void activation_forward(DeviceStream, const ActivationRows&, const T*, T*);           \
    template void activation_backward(DeviceStream, const ActivationRows&, const T*, const T*, T*, \
                                      float*);                                                     \
    template void column_sums(DeviceStream, std::int64_t, std::int64_t, const T*, float*)

FINEWATT_INSTANTIATE(float);
FINEWATT_INSTANTIATE(Bfloat16);

}  // namespace finewatt
