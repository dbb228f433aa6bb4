#include "finewatt/engine/training_step_internal.h"

#include <cmath>

namespace finewatt {
namespace {

std::span<float> span_of(const at::Tensor& flat) {
    return {flat.mutable_data_ptr<float>(), static_cast<std::size_t>(flat.numel())};
}

/// The scale that makes the sum of all batches' losses the mean over their targets.
LossScale mean_over_all(const Model& model, const std::vector<PackedInput>& inputs) {
    LossScale scale{0, 0, false};
    for (const PackedInput& input : inputs) {
        const LossScale one = mean_loss(model, input);
        scale.divisor += one.divisor;
        scale.ends_divisor += one.ends_divisor;
    }
    return scale;
}

}  // namespace

TrainingStep::TrainingStep(const Model& model, FastModel& fast, const AdamWOptions& options)
    : model_(model),
      fast_(fast),
      first_moments_(static_cast<std::size_t>(model.layout().size())),
      second_moments_(first_moments_.size()),
      adamw_({span_of(model.flat_values()), span_of(model.flat_gradients()), first_moments_,
              second_moments_, fast.low_values(), model.layout().decayed_size()},
             options) {}

StepRecord TrainingStep::run(std::span<const Batch> batches, double rate,
                             const DropoutStep& first) {
    std::vector<PackedInput> inputs;
    StepRecord record;
    for (const Batch& batch : batches) {
        inputs.push_back(pack_input(batch));
        record.tokens_real += batch.tokens_real;
        record.tokens_padded += batch.tokens_padded;
    }
    LossScale scale = mean_over_all(model_, inputs);
    DropoutStep dropout = first;
    for (const PackedInput& input : inputs) {
        record.loss += fast_.step(input, dropout, scale);
        scale.is_added = true;
        dropout.step += 1;
    }
    record.lr = rate;
    record.grad_norm = adamw_.gradient_norm();
    if (is_finite(record)) {
        adamw_.step(record.grad_norm, rate, FlatAdamW::Gradients::kKept);
    }
    return record;
}

bool is_finite(const StepRecord& record) {
    return std::isfinite(record.loss) && std::isfinite(record.grad_norm);
}

}  // namespace finewatt
