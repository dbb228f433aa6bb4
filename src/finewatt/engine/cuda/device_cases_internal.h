// Models and batches for the tests of trainers. Shared by the tests of the CPU, of the emulation
// and on a GPU.
#pragma once

#include "finewatt/engine/adamw.h"
#include "finewatt/engine/device_trainer_internal.h"
#include "finewatt/engine/fast_model_internal.h"
#include "finewatt/engine/model_cases_internal.h"

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

/// Make the trainer of the CPU with the fast path as it is made by default.
inline std::unique_ptr<DeviceTrainer> cpu_trainer_for_tests(const Model& model) {
    return make_cpu_trainer(model, FastModel(model, {}), adamw_for_tests());
}

/// Run one step and wait for it. There is none under way.
inline StepRecord train_step(DeviceTrainer& trainer, std::span<const Batch> batches, double rate,
                             const DropoutStep& first) {
    trainer.submit(batches, rate, first);
    return trainer.take_finished(DeviceTrainer::Wait::kForAll).at(0);
}

/// Run steps, wait for them, and return their records. Every third has two batches, the others
/// one; their numbers are from .. to - 1.
inline std::vector<StepRecord> train_steps(DeviceTrainer& trainer,
                                           const std::vector<Batch>& batches, std::int64_t from,
                                           std::int64_t to) {
    std::int64_t batch_number = 0;
    std::vector<StepRecord> records;
    for (std::int64_t step = 0; step < to; ++step) {
        const std::size_t first = static_cast<std::size_t>(step) % batches.size();
        const std::size_t count = first == 0 ? 2 : 1;
        if (step >= from) {
            trainer.submit(std::span(batches).subspan(first, count),
                           1e-4 * static_cast<double>(20 - step), {3, batch_number});
        }
        batch_number += static_cast<std::int64_t>(count);
    }
    return trainer.take_finished(DeviceTrainer::Wait::kForAll);
}

/// Three batches of uneven texts.
inline std::vector<Batch> three_batches(BatchingMode mode) {
    return {batch_of(sequences_of({5, 20, 1, 9}), mode), batch_of(sequences_of({12, 3}), mode),
            batch_of(sequences_of({2, 30, 11, 7, 7}), mode)};
}

}  // namespace finewatt::testing
