// The queue of steps: a ring of batches under way, and recorded passes for each bucket of sizes.
#include "finewatt/engine/cuda/pending_steps_internal.h"
#include "finewatt/engine/cuda/queued_trainer_internal.h"
#include "finewatt/engine/packed_step_internal.h"

#include <c10/core/StreamGuard.h>

#include <array>
#include <cstring>
#include <optional>
#include <utility>

namespace finewatt {
namespace {

/// Batches under way. Enough that the device never waits for the host, and few enough that a loss
/// that is not finite is seen soon.
constexpr std::size_t kSlots = 8;

/// Recorded passes that are kept; each holds about a megabyte of launches.
constexpr std::size_t kMostBuckets = 16;

constexpr std::int64_t kOutcomeSize = sizeof(StepOutcome) / sizeof(std::int32_t);

/// A batch on its way: what the device still reads, and where its result will be.
struct Slot {
    at::Tensor block;    ///< host_block; made when a batch needs more
    at::Tensor outcome;  ///< host_block
    std::unique_ptr<DeviceMark> done;
    std::optional<StepRecord> record;  ///< of the step that ends with this batch
};

/// One pass over a bucket: run once as it is, recorded the second time, replayed from then on.
struct BucketPass {
    bool has_run = false;
    std::unique_ptr<RecordedWork> work;
};

struct Bucket {
    DeviceInput input;
    BucketPass first;  ///< sets the gradients
    BucketPass added;  ///< adds to them
};

std::int64_t fill(const at::Tensor& block, const InputLayout& layout, const StepValues& values,
                  const PassInput& input, const HeadTargets& targets) {
    return fill_input(
        layout, values, input, targets,
        {block.mutable_data_ptr<std::int32_t>(), static_cast<std::size_t>(layout.size)});
}

std::string products_of(Precision precision) {
    return precision == Precision::kBfloat16 ? "LibTorch for CUDA, flash attention"
                                             : "LibTorch for CUDA, efficient attention";
}

/// A model's copy on a device.
class DeviceModel {
  public:
    DeviceModel(const Model& model, Precision precision, DeviceUse use,
                std::unique_ptr<DeviceRuntime> device)
        : runtime(std::move(device)) {
        const c10::StreamGuard guard(runtime->stream());
        state = DeviceState::make(model, precision, use, runtime->stream().device());
        pass = make_device_pass(model, state, runtime->ops());
        runtime->synchronize();
    }

    at::Tensor forward(const PackedInput& input) {
        const c10::StreamGuard guard(runtime->stream());
        const PassInput host = pass_input_of(input);
        DeviceInput made{{}, InputLayout(exact_shape(host)), 0};
        const at::Tensor block = runtime->host_block(made.layout.size);
        made.keys = fill(block, made.layout, {}, host, {});
        made.block = block.to(state.values.device(), /*non_blocking=*/true);
        at::Tensor logits = pass->forward(made).to(at::kCPU);  // waits
        runtime->check_launches();
        return logits;
    }

    std::unique_ptr<DeviceRuntime> runtime;
    DeviceState state;
    std::unique_ptr<DevicePass> pass;
};

class QueuedTrainer final : public DeviceTrainer {
  public:
    QueuedTrainer(const Model& model, Precision precision, const AdamWOptions& options,
                  std::unique_ptr<DeviceRuntime> runtime)
        : model_(model),
          options_(options),
          precision_(precision),
          device_(model, precision, DeviceUse::kTraining, std::move(runtime)) {
        for (Slot& slot : slots_) {
            slot.outcome = device_.runtime->host_block(kOutcomeSize);
            slot.done = device_.runtime->make_mark();
        }
    }

    QueuedTrainer(const QueuedTrainer&) = delete;
    QueuedTrainer& operator=(const QueuedTrainer&) = delete;
    QueuedTrainer(QueuedTrainer&&) = delete;
    QueuedTrainer& operator=(QueuedTrainer&&) = delete;
    ~QueuedTrainer() override = default;

    void submit(std::span<const Batch> batches, double rate, const DropoutStep& first) override {
        const c10::StreamGuard guard(runtime().stream());
        PackedStep step = pack_step(model_, batches, rate);
        step.record.step = ++steps_;
        DropoutStep dropout = first;
        for (std::size_t i = 0; i < step.inputs.size(); ++i, ++dropout.step) {
            StepValues values = step_values(dropout, options_, rate, steps_);
            set_loss_factors(values, model_.head_kind(), step.scale.divisor,
                             step.scale.ends_divisor);
            runtime().seed_attention(
                dropout_base({dropout, 0, DropoutSite::kAttentionProbabilities}));
            Slot& slot = free_slot();
            const DeviceInput input = run_batch(slot, step.inputs[i], values, i > 0);
            if (i + 1 == step.inputs.size()) {
                update_values(device_.state, model_, input, runtime().ops().stream());
                slot.outcome.copy_(device_.state.outcome, /*non_blocking=*/true);
                slot.record = step.record;
            }
            slot.done->set();
            runtime().check_launches();
        }
    }

    std::vector<StepRecord> take_finished(Wait wait) override {
        while (!ring_.is_empty() &&
               (wait == Wait::kForAll || slots_[ring_.oldest()].done->is_passed())) {
            finish_oldest();
        }
        return std::exchange(finished_, {});
    }

    at::Tensor forward(const PackedInput& input) override { return device_.forward(input); }

    void read_values() override {
        const c10::StreamGuard guard(runtime().stream());
        at::Tensor values = model_.flat_values();
        values.copy_(device_.state.values);  // waits
    }

    void write_values() override {
        const c10::StreamGuard guard(runtime().stream());
        device_.state.write_values(model_);
        runtime().synchronize();
    }

    OptimizerState read_optimizer() override {
        const c10::StreamGuard guard(runtime().stream());
        return {device_.state.first_moments.to(at::kCPU, at::kFloat, false, /*copy=*/true),
                device_.state.second_moments.to(at::kCPU, at::kFloat, false, /*copy=*/true),
                steps_};
    }

    void write_optimizer(const OptimizerState& state) override {
        const c10::StreamGuard guard(runtime().stream());
        device_.state.first_moments.copy_(state.first_moments);
        device_.state.second_moments.copy_(state.second_moments);
        runtime().synchronize();
        steps_ = state.steps;
    }

    std::string describe_products() const override { return products_of(precision_); }

    TrainingSettings surroundings() const override {
        return {{"device", device_.runtime->name()}, {"matrix products", describe_products()}};
    }

  private:
    DeviceRuntime& runtime() { return *device_.runtime; }

    Slot& free_slot() {
        if (ring_.is_full()) {
            finish_oldest();
        }
        return slots_[ring_.push()];
    }

    void finish_oldest() {
        Slot& slot = slots_[ring_.oldest()];
        slot.done->wait();
        if (slot.record) {
            StepOutcome outcome;
            std::memcpy(static_cast<void*>(&outcome), slot.outcome.const_data_ptr<std::int32_t>(),
                        sizeof outcome);
            slot.record->loss = static_cast<double>(outcome.loss);
            slot.record->grad_norm = static_cast<double>(outcome.gradient_norm);
            finished_.push_back(*slot.record);
            slot.record.reset();
        }
        ring_.pop();
    }

    /// Bring a batch to the device and queue its pass. Padded batches keep their shape: which keys
    /// are real changes with each, so that no recorded pass would serve two of them.
    DeviceInput run_batch(Slot& slot, const PackedInput& input, const StepValues& values,
                          bool is_added) {
        const PassInput host = pass_input_of(input);
        const InputShape exact = exact_shape(host);
        const InputLayout layout(input.is_padded ? exact : bucket_of(exact));
        if (!slot.block.defined() || slot.block.numel() < layout.size) {
            slot.block = runtime().host_block(layout.size);
        }
        const std::int64_t keys =
            fill(slot.block, layout, values, host, head_targets_of(model_.head_kind(), input));
        const at::Tensor block = slot.block.narrow(0, 0, layout.size);
        if (input.is_padded) {
            const DeviceInput made{block.to(device_.state.values.device(), true), layout, keys};
            device_.pass->step(made, is_added);
            return made;
        }
        Bucket& bucket = bucket_for(layout, keys);
        bucket.input.block.copy_(block, /*non_blocking=*/true);
        run_bucket(bucket.input, is_added ? bucket.added : bucket.first, is_added);
        return bucket.input;
    }

    Bucket& bucket_for(const InputLayout& layout, std::int64_t keys) {
        if (Bucket* known = buckets_.find(layout.shape)) {
            return *known;
        }
        const at::Tensor block =
            at::empty({layout.size},
                      at::TensorOptions().dtype(at::kInt).device(device_.state.values.device()));
        return buckets_.add(layout.shape, Bucket{{block, layout, keys}, {}, {}});
    }

    /// `input` is a bucket's: it stays where it is.
    void run_bucket(const DeviceInput& input, BucketPass& pass, bool is_added) {
        const auto run = [this, &input, is_added] { device_.pass->step(input, is_added); };
        if (!pass.has_run) {
            run();
            pass.has_run = true;
            return;
        }
        if (pass.work == nullptr) {
            pass.work = runtime().record(run);
        }
        pass.work->replay();
    }

    const Model& model_;
    AdamWOptions options_;
    Precision precision_;
    DeviceModel device_;
    RecentlyUsed<InputShape, Bucket> buckets_{kMostBuckets};
    std::array<Slot, kSlots> slots_;
    SlotRing ring_{kSlots};
    std::vector<StepRecord> finished_;
    std::int64_t steps_ = 0;
};

}  // namespace

std::unique_ptr<DeviceTrainer> make_queued_trainer(const Model& model, Precision precision,
                                                   const AdamWOptions& options,
                                                   std::unique_ptr<DeviceRuntime> runtime) {
    return std::make_unique<QueuedTrainer>(model, precision, options, std::move(runtime));
}

CudaForward make_queued_forward(const Model& model, Precision precision,
                                std::unique_ptr<DeviceRuntime> runtime) {
    // A function can be copied, a DeviceModel cannot.
    const auto shared =
        std::make_shared<DeviceModel>(model, precision, DeviceUse::kInference, std::move(runtime));
    return {[shared](const PackedInput& input) { return shared->forward(input); },
            products_of(precision)};
}

}  // namespace finewatt
