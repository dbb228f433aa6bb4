#include "finewatt/engine/cuda/device_trainer_internal.h"
#include "finewatt/engine/fast_model_internal.h"
#include "finewatt/engine/training_step_internal.h"

#include <fmt/format.h>

#include <utility>

namespace finewatt {
namespace {

class CpuTrainer final : public DeviceTrainer {
  public:
    CpuTrainer(const Model& model, FastModel& fast, const AdamWOptions& options)
        : fast_(fast),
          training_(model, fast, options) {}

    void submit(std::span<const Batch> batches, double rate, const DropoutStep& first) override {
        finished_.push_back(training_.run(batches, rate, first));
        finished_.back().step = ++steps_;
    }

    std::vector<StepRecord> take_finished(Wait /*wait*/) override {
        return std::exchange(finished_, {});
    }

    at::Tensor forward(const PackedInput& input) override { return fast_.forward(input); }

    void read_values() override {}  // there is only one copy

    void write_values() override { fast_.refresh_low_values(); }

    std::string describe() const override {
        return fmt::format("cpu, products {}", fast_.describe_products());
    }

  private:
    FastModel& fast_;
    TrainingStep training_;
    std::vector<StepRecord> finished_;
    std::int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<DeviceTrainer> make_cpu_trainer(const Model& model, FastModel& fast,
                                                const AdamWOptions& options) {
    return std::make_unique<CpuTrainer>(model, fast, options);
}

}  // namespace finewatt
