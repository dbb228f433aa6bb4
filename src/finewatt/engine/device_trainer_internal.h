// DeviceTrainer: training steps and forward passes of a Model on the device that computes them, the
// CPU or a GPU. Main types: DeviceTrainer, OptimizerState, ForwardPass; main functions:
// make_cpu_trainer, make_cuda_trainer, make_cuda_forward. A GPU queues steps, and their losses come
// some steps later, so that it never waits for the host; on the CPU a step is over when submit
// returns. Not for the order of batches nor the schedule (training_loop_internal.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/batch.h"
#include "finewatt/engine/adamw.h"
#include "finewatt/engine/dropout_internal.h"
#include "finewatt/engine/fast_model_internal.h"
#include "finewatt/engine/fast_options.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/packed_input_internal.h"
#include "finewatt/engine/step_log.h"
#include "finewatt/engine/training_state_internal.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace finewatt {

/// Returns the logits without dropout, as FastModel::forward does: float32, a CPU tensor.
using ForwardPass = std::function<at::Tensor(const PackedInput&)>;

/// What AdamW knows of the steps before: a checkpoint's part beside the weights.
struct OptimizerState {
    at::Tensor first_moments;  ///< float32 [layout().size()], in the host's memory
    at::Tensor second_moments;
    std::int64_t steps = 0;
};

/// Trains a Model. The model's own memory is the host's copy of the weights; a GPU has another one.
/// One thread at a time. Errors of the device are exceptions of LibTorch, as those of FastModel
/// are; jobs catch them at their edge.
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

    /// Queue forward and backward over all batches and one update. The loss is the mean over the
    /// targets of all batches. Batch i draws the dropout masks of step `first.step + i`. Waits only
    /// while several steps are under way. A step whose loss or gradient is not finite leaves the
    /// weights as they are, and so do all that were queued behind it.
    virtual void submit(std::span<const Batch> batches, double rate, const DropoutStep& first) = 0;

    /// Return the records of the steps that ended since the last call, in order; `step` counts from
    /// 1, `time` is left to the caller. Loss and gradient norm are those before the update. After a
    /// record that is not finite, the later ones mean nothing.
    virtual std::vector<StepRecord> take_finished(Wait wait) = 0;

    /// Return the logits of the weights after all steps so far; see ForwardPass.
    virtual at::Tensor forward(const PackedInput& input) = 0;

    /// Wait for all steps and copy the weights into the model's own memory, e.g. before saving.
    virtual void read_values() = 0;

    /// Take the weights from the model's own memory, after somebody changed them.
    virtual void write_values() = 0;

    /// Wait for all steps and return the optimizer's state. On the CPU the tensors are the
    /// optimizer's own memory.
    virtual OptimizerState read_optimizer() = 0;

    /// Go on from a state: the next step is number `steps` + 1.
    virtual void write_optimizer(const OptimizerState& state) = 0;

    /// Return who computes the products, in words, for the log and the engine event.
    virtual std::string describe_products() const = 0;

    /// Return what may differ between two parts of one training, but can change the last bits.
    virtual TrainingSettings surroundings() const = 0;
};

/// Make the trainer that is the CPU itself. The model must outlive it.
std::unique_ptr<DeviceTrainer> make_cpu_trainer(const Model& model, FastModel fast,
                                                const AdamWOptions& options);

/// Make a trainer on the first GPU and copy the weights there. The model must outlive it and must
/// be float32. Errors: as choose_device("cuda") and check_device_precision; unsupported for sizes
/// that the kernels cannot compute; without FINEWATT_WITH_CUDA always unsupported.
Result<std::unique_ptr<DeviceTrainer>> make_cuda_trainer(const Model& model, Precision precision,
                                                         const AdamWOptions& options);

/// A model on a GPU that only predicts.
struct CudaForward {
    ForwardPass run;
    std::string products;  ///< as DeviceTrainer::describe_products
};

/// Copy the weights to the first GPU, for inference. The model must outlive the result. Errors: as
/// make_cuda_trainer.
Result<CudaForward> make_cuda_forward(const Model& model, Precision precision);

}  // namespace finewatt
