// The trainer that is the CPU: FastModel and FlatAdamW over the model's own memory.
#include "finewatt/engine/device_trainer_internal.h"
#include "finewatt/engine/packed_step_internal.h"

#include <fmt/format.h>

#include <utility>

namespace finewatt {
namespace {

std::span<float> floats_of(const at::Tensor& flat) {
    return {flat.mutable_data_ptr<float>(), static_cast<std::size_t>(flat.numel())};
}

class CpuTrainer final : public DeviceTrainer {
  public:
    CpuTrainer(const Model& model, FastModel fast, const AdamWOptions& options)
        : model_(model),
          fast_(std::move(fast)),
          first_moments_(at::zeros({model.layout().size()}, at::kFloat)),
          second_moments_(at::zeros({model.layout().size()}, at::kFloat)),
          adamw_({floats_of(model.flat_values()), floats_of(model.flat_gradients()),
                  floats_of(first_moments_), floats_of(second_moments_), fast_.low_values(),
                  model.layout().decayed_size()},
                 options) {}

    void submit(std::span<const Batch> batches, double rate, const DropoutStep& first) override {
        PackedStep step = pack_step(model_, batches, rate);
        StepRecord& record = step.record;
        DropoutStep dropout = first;
        for (const PackedInput& input : step.inputs) {
            record.loss += fast_.step(input, dropout, step.scale);
            step.scale.is_added = true;
            dropout.step += 1;
        }
        record.grad_norm = adamw_.gradient_norm();
        record.step = ++steps_;
        if (is_finite(record)) {
            adamw_.step(record.grad_norm, rate, FlatAdamW::Gradients::kKept);
        }
        finished_.push_back(record);
    }

    std::vector<StepRecord> take_finished(Wait /*wait*/) override {
        return std::exchange(finished_, {});
    }

    at::Tensor forward(const PackedInput& input) override { return fast_.forward(input); }

    void read_values() override {}  // there is only one copy

    void write_values() override { fast_.refresh_low_values(); }

    OptimizerState read_optimizer() override { return {first_moments_, second_moments_, steps_}; }

    void write_optimizer(const OptimizerState& state) override {
        first_moments_.copy_(state.first_moments);  // nothing to do where it is the same memory
        second_moments_.copy_(state.second_moments);
        steps_ = state.steps;
        adamw_.set_steps(state.steps);
    }

    std::string describe_products() const override { return fast_.describe_products(); }

    TrainingSettings surroundings() const override {
        return {{"threads", fmt::format("{}", at::get_num_threads())},
                {"matrix products", fast_.product_providers()},
                {"kernels", std::string(cpu_kernels().name)}};
    }

  private:
    const Model& model_;
    FastModel fast_;
    at::Tensor first_moments_;
    at::Tensor second_moments_;
    FlatAdamW adamw_;
    std::vector<StepRecord> finished_;
    std::int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<DeviceTrainer> make_cpu_trainer(const Model& model, FastModel fast,
                                                const AdamWOptions& options) {
    return std::make_unique<CpuTrainer>(model, std::move(fast), options);
}

}  // namespace finewatt
