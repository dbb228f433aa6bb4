// Activations with their bias, forward and backward.
#include "finewatt/engine/kernels/lanes_math_internal.h"
#include "finewatt/engine/kernels/parts_internal.h"

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

// y and dy/dx of each activation.

struct Gelu {
    FINEWATT_INLINE static Lanes value(Lanes x) { return x * normal_of(x).distribution; }

    FINEWATT_INLINE static Lanes slope(Lanes x) {
        constexpr float kDensityAtZero = 0.398942280F;  // 1 / sqrt(2 pi)
        const Normal normal = normal_of(x);
        return normal.distribution + x * normal.bell * kDensityAtZero;
    }
};

/// 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
struct GeluTanh {
    static constexpr float kFactor = 0.797884561F;  // sqrt(2 / pi)
    static constexpr float kCubic = 0.044715F;

    FINEWATT_INLINE static Lanes tanh_part(Lanes x) {
        return tanh_of(kFactor * (x + kCubic * x * x * x));
    }

    FINEWATT_INLINE static Lanes value(Lanes x) { return 0.5F * x * (1.0F + tanh_part(x)); }

    FINEWATT_INLINE static Lanes slope(Lanes x) {
        // Beyond 10 the slope is 0 or 1; bounded, so that no square overflows.
        const Lanes bounded = smaller(larger(x, all(-10)), all(10));
        const Lanes t = tanh_part(bounded);
        const Lanes inner_slope = kFactor * (1.0F + 3.0F * kCubic * bounded * bounded);
        return 0.5F * (1.0F + t) + 0.5F * bounded * (1.0F - t * t) * inner_slope;
    }
};

struct Relu {
    FINEWATT_INLINE static Lanes value(Lanes x) { return select(x > 0.0F, x, Lanes{}); }

    FINEWATT_INLINE static Lanes slope(Lanes x) { return select(x > 0.0F, all(1), Lanes{}); }
};

struct Tanh {
    FINEWATT_INLINE static Lanes value(Lanes x) { return tanh_of(x); }

    FINEWATT_INLINE static Lanes slope(Lanes x) {
        const Lanes t = tanh_of(x);
        return 1.0F - t * t;
    }
};

template <class Kind, class T>
void forward_as(const ActivationRows& rows, const T* x, T* y) {
    if (rows.bias == nullptr) {
        for_lanes(rows.rows * rows.columns,
                  [&](auto at) { store(y, at, Kind::value(load(x, at))); });
        return;
    }
    for (std::int64_t r = 0; r < rows.rows; ++r) {
        const T* from = x + r * rows.columns;
        T* to = y + r * rows.columns;
        for_lanes(rows.columns, [&](auto at) {
            store(to, at, Kind::value(load(from, at) + load(rows.bias, at)));
        });
    }
}

template <class Kind, class T>
void backward_as(const ActivationRows& rows, const T* x, const T* y_gradient, T* x_gradient,
                 float* bias_gradient) {
    for (std::int64_t r = 0; r < rows.rows; ++r) {
        const std::int64_t first = r * rows.columns;
        for_lanes(rows.columns, [&](auto at) {
            Lanes values = load(x + first, at);
            if (rows.bias != nullptr) {
                values += load(rows.bias, at);
            }
            const Lanes gradient = load(y_gradient + first, at) * Kind::slope(values);
            store(x_gradient + first, at, gradient);
            if (bias_gradient != nullptr) {
                store(bias_gradient, at, load(bias_gradient, at) + gradient);
            }
        });
    }
}

template <class T>
void activation_forward(const ActivationRows& rows, const T* x, T* y) {
    switch (rows.activation) {
        case RowActivation::kGelu:
            return forward_as<Gelu>(rows, x, y);
        case RowActivation::kGeluTanh:
            return forward_as<GeluTanh>(rows, x, y);
        case RowActivation::kRelu:
            return forward_as<Relu>(rows, x, y);
        case RowActivation::kTanh:
            return forward_as<Tanh>(rows, x, y);
    }
}

template <class T>
void activation_backward(const ActivationRows& rows, const T* x, const T* y_gradient, T* x_gradient,
                         float* bias_gradient) {
    switch (rows.activation) {
        case RowActivation::kGelu:
            return backward_as<Gelu>(rows, x, y_gradient, x_gradient, bias_gradient);
        case RowActivation::kGeluTanh:
            return backward_as<GeluTanh>(rows, x, y_gradient, x_gradient, bias_gradient);
        case RowActivation::kRelu:
            return backward_as<Relu>(rows, x, y_gradient, x_gradient, bias_gradient);
        case RowActivation::kTanh:
            return backward_as<Tanh>(rows, x, y_gradient, x_gradient, bias_gradient);
    }
}

template <class T>
void add_for(ElementKernels<T>& set) {
    set.activation_forward = activation_forward<T>;
    set.activation_backward = activation_backward<T>;
}

}  // namespace

void add_activations(CpuKernels& set) {
    add_for(set.f32);
    add_for(set.bf16);
}

}  // namespace finewatt::FINEWATT_KERNELS_NAME
