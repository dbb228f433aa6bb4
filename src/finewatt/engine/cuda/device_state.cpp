#include "finewatt/engine/cuda/device_pass_internal.h"
#include "finewatt/engine/packed_input_internal.h"

#include <cmath>

namespace finewatt {
namespace {

/// Four columns for each of the 1,024 threads that a block may have.
constexpr std::int64_t kMostColumns = 4096;

}  // namespace

Status check_device_model(const ModelConfig& config) {
    const std::int64_t head_size = config.head_size();
    if (head_size % 8 != 0 || head_size > 256) {
        return FINEWATT_ERROR(
            kUnsupported,
            "--device cuda: expected heads of a multiple of 8 up to 256 values, "
            "found {} (hidden_size {} / num_attention_heads {}); use --device cpu",
            head_size, config.hidden_size, config.num_attention_heads);
    }
    if (config.hidden_size > kMostColumns) {
        return FINEWATT_ERROR(kUnsupported,
                              "--device cuda: expected a hidden_size of at most {}, found {}; use "
                              "--device cpu",
                              kMostColumns, config.hidden_size);
    }
    if (config.intermediate_size % 8 != 0) {
        return FINEWATT_ERROR(kUnsupported,
                              "--device cuda: expected an intermediate_size that is a multiple of "
                              "8, found {}; use --device cpu",
                              config.intermediate_size);
    }
    return {};
}

DeviceState DeviceState::make(const Model& model, Precision precision, DeviceUse use,
                              at::Device device) {
    const auto zeros = [&](std::int64_t size, at::ScalarType type) {
        return at::zeros({size}, at::TensorOptions().dtype(type).device(device));
    };
    const std::int64_t size = model.layout().size();
    DeviceState state;
    state.values = zeros(size, at::kFloat);
    if (precision == Precision::kBfloat16) {
        state.low_values = zeros(size, at::kBFloat16);
    }
    if (use == DeviceUse::kTraining) {
        state.gradients = zeros(size, at::kFloat);
        state.first_moments = zeros(size, at::kFloat);
        state.second_moments = zeros(size, at::kFloat);
        state.partials = zeros(kNormPieces, at::kFloat);
        state.loss_sum = zeros(1, at::kFloat);
        state.outcome = zeros(sizeof(StepOutcome) / sizeof(std::int32_t), at::kInt);
    }
    state.write_values(model);
    return state;
}

void DeviceState::write_values(const Model& model) const {
    at::Tensor to = values;
    to.copy_(model.flat_values());
    if (low_values.defined()) {
        at::Tensor low = low_values;
        low.copy_(values);
    }
}

const std::int32_t* DeviceInput::at(std::int64_t offset) const {
    return block.const_data_ptr<std::int32_t>() + offset;
}

const StepValues* DeviceInput::values() const {
    return reinterpret_cast<const StepValues*>(block.const_data_ptr<std::int32_t>());
}

at::Tensor DeviceInput::tensor(std::int64_t offset, std::int64_t count) const {
    return block.narrow(0, offset, count);
}

void update_values(const DeviceState& state, const Model& model, const DeviceInput& input,
                   DeviceStream stream) {
    DeviceAdamW arrays;
    arrays.size = model.layout().size();
    arrays.decayed_size = model.layout().decayed_size();
    arrays.values = state.values.mutable_data_ptr<float>();
    arrays.gradients = state.gradients.const_data_ptr<float>();
    arrays.first_moments = state.first_moments.mutable_data_ptr<float>();
    arrays.second_moments = state.second_moments.mutable_data_ptr<float>();
    if (state.low_values.defined()) {
        arrays.low_values =
            reinterpret_cast<Bfloat16*>(state.low_values.mutable_data_ptr<at::BFloat16>());
    }
    arrays.partials = state.partials.mutable_data_ptr<float>();
    arrays.loss_sum = state.loss_sum.mutable_data_ptr<float>();
    arrays.outcome = reinterpret_cast<StepOutcome*>(state.outcome.mutable_data_ptr<std::int32_t>());
    adamw_step(stream, arrays, input.values());
}

StepValues step_values(const DropoutStep& dropout, const AdamWOptions& options, double rate,
                       std::int64_t steps) {
    // The formulas of adamw.h: bias correction of both moments (Kingma and Ba, ICLR 2015).
    const auto count = static_cast<double>(steps);
    StepValues values;
    values.seed = dropout.seed;
    values.step = dropout.step;
    values.rate = static_cast<float>(rate / (1 - std::pow(options.beta1, count)));
    values.keep = static_cast<float>(1 - rate * options.weight_decay);
    values.second_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(options.beta2, count)));
    values.beta1 = static_cast<float>(options.beta1);
    values.beta2 = static_cast<float>(options.beta2);
    values.eps = static_cast<float>(options.eps);
    values.max_grad_norm = static_cast<float>(options.max_grad_norm);
    return values;
}

void set_loss_factors(StepValues& values, HeadKind head, double divisor, double ends_divisor) {
    const double share = head == HeadKind::kQuestionAnswering ? 0.5 : 1;
    values.loss_factor = static_cast<float>(share / divisor);
    values.ends_factor = static_cast<float>(share / ends_divisor);
}

PassInput pass_input_of(const PackedInput& input) {
    PassInput made;
    made.rows = input.ids.size(0);
    made.sequences = input.sequences.size(0);
    made.ids = input.ids.const_data_ptr<std::int32_t>();
    made.positions = input.positions.const_data_ptr<std::int32_t>();
    made.type_ids = input.type_ids.const_data_ptr<std::int32_t>();
    made.places = input.row_places.const_data_ptr<std::int32_t>();
    made.sequence_table = input.sequences.const_data_ptr<std::int32_t>();
    made.first_rows = input.first_rows.const_data_ptr<std::int64_t>();
    return made;
}

HeadTargets head_targets_of(HeadKind head, const PackedInput& input) {
    const auto data = [](const at::Tensor& targets) {
        return targets.defined() && targets.numel() > 0 ? targets.const_data_ptr<std::int64_t>()
                                                        : nullptr;
    };
    switch (head) {
        case HeadKind::kClassification:
            return {data(input.labels), nullptr, nullptr, nullptr};
        case HeadKind::kTokenClassification:
            return {nullptr, data(input.token_labels), nullptr, nullptr};
        case HeadKind::kQuestionAnswering:
            break;
    }
    return {nullptr, nullptr, data(input.answer_starts), data(input.answer_ends)};
}

}  // namespace finewatt
