// Models and batches for the tests of the device path, and its CPU twin's answers. Shared by the
// tests over the emulation and by those on a GPU.
#pragma once

#include "finewatt/engine/adamw.h"
#include "finewatt/engine/fast_model_internal.h"
#include "finewatt/engine/model_cases_internal.h"
#include "finewatt/engine/training_step_internal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace finewatt::testing {

/// A model of sizes that the device's kernels take. Attention has no dropout: its masks are drawn
/// by the device.
struct DeviceCase {
    ModelKind kind;
    ModelConfig config;

    Model model() const { return Model(config, kind.head, kind.labels, 11); }
};

/// `index` from 0: the kind of model, and with it the activation and the sizes.
inline DeviceCase device_case(std::size_t index) {
    DeviceCase made;
    made.kind = all_model_kinds()[index % 6];
    made.config = small_config(made.kind.family, 0.1);
    made.config.attention_probs_dropout_prob = 0;
    // 48 columns are less than a warp of threads has, 160 more.
    const bool is_wide = index % 2 == 1;
    made.config.num_attention_heads = is_wide ? 5 : 3;
    made.config.hidden_size = is_wide ? 160 : 48;
    made.config.intermediate_size = is_wide ? 264 : 40;
    made.config.hidden_act = std::vector<Activation>{Activation::kGelu, Activation::kGeluTanh,
                                                     Activation::kRelu}[index % 3];
    made.config.initializer_range = 1.0 / std::sqrt(static_cast<double>(made.config.hidden_size));
    return made;
}

inline double norm_of(const at::Tensor& tensor) {
    return std::sqrt(tensor.to(at::kDouble).square().sum().item<double>());
}

/// Expect |got - want| <= relative |want| for each parameter; those whose own is tiny are judged by
/// the size of the whole.
inline void expect_near_parameters(const Model& model, const at::Tensor& got,
                                   const at::Tensor& want, double relative) {
    const double whole = norm_of(want);
    for (const ParameterSpec& spec : model.layout().specs()) {
        const at::Tensor b = parameter_view(want, spec);
        EXPECT_LE(norm_of(parameter_view(got, spec) - b), relative * (norm_of(b) + 1e-2 * whole))
            << spec.name;
    }
}

inline AdamWOptions adamw_for_tests() {
    AdamWOptions options;
    options.weight_decay = 0.05;
    options.max_grad_norm = 0.7;  // clips
    return options;
}

}  // namespace finewatt::testing
