// DeviceTrainer: training steps and forward passes of a Model on a device that works beside the
// CPU. Main type: DeviceTrainer; main function: make_cuda_trainer. Steps are queued and their
// losses come some steps later, so that the device never waits for the host. The CPU as
// a trainer wraps TrainingStep and FastModel, so that a training loop needs one kind only.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/batch.h"
#include "finewatt/engine/adamw.h"
#include "finewatt/engine/dropout_internal.h"
#include "finewatt/engine/fast_options.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/packed_input_internal.h"
#include "finewatt/engine/step_log.h"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace finewatt {

class FastModel;

/// Trains a copy of a Model in the device's memory. One thread at a time. Errors of the device are
/// exceptions of LibTorch, as those of FastModel are; jobs catch them at their edge.
class DeviceTrainer {
  public:
    /// Whether take_finished waits.
    enum class Wait { kNo, kForAll };

    DeviceTrainer() = default;
    DeviceTrainer(const DeviceTrainer&) = delete;
    DeviceTrainer& operator=(const DeviceTrainer&) = delete;
    DeviceTrainer(DeviceTrainer&&) = delete;
    DeviceTrainer& operator=(DeviceTrainer&&) = delete;
    virtual ~DeviceTrainer() = default;

    /// Queue one update over all batches; the meaning is TrainingStep::run's. Waits only while
    /// several steps are under way. Once a loss or a gradient was not finite, this step and all
    /// later ones leave the weights as they are.
    virtual void submit(std::span<const Batch> batches, double rate, const DropoutStep& first) = 0;

    /// Return the records of the steps that ended since the last call, in order; `step` counts from
    /// 1, `time` is left to the caller. After a record that is not finite, the later ones mean
    /// nothing.
    virtual std::vector<StepRecord> take_finished(Wait wait) = 0;

    /// Return the logits without dropout, as FastModel::forward does. A CPU tensor, float32.
    virtual at::Tensor forward(const PackedInput& input) = 0;

    /// Wait for all steps and copy the weights into the model's own memory, e.g. before saving.
    virtual void read_values() = 0;

    /// Copy the model's own weights to the device, after somebody changed them. The optimizer's
    /// moments stay.
    virtual void write_values() = 0;

    /// Return who computes what, for the log and the engine event.
    virtual std::string describe() const = 0;
};

/// Make the trainer that is the CPU itself: submit computes at once, with the bits of TrainingStep.
/// Model and fast path must outlive it.
std::unique_ptr<DeviceTrainer> make_cpu_trainer(const Model& model, FastModel& fast,
                                                const AdamWOptions& options);

/// Make a trainer on the first GPU and copy the weights there. The model must outlive it and must
/// be float32. Errors: as choose_device("cuda"); unsupported for sizes that
/// the kernels cannot compute (check_device_model); with a build without
/// FINEWATT_WITH_CUDA always unsupported.
Result<std::unique_ptr<DeviceTrainer>> make_cuda_trainer(const Model& model, Precision precision,
                                                         const AdamWOptions& options,
                                                         std::uint64_t seed);

}  // namespace finewatt
