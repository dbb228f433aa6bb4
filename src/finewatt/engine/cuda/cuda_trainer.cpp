// The trainer on a GPU: one stream, a ring of batches under way, and a CUDA graph for each bucket.
#include "finewatt/base/check.h"
#include "finewatt/engine/cuda/compute_device.h"
#include "finewatt/engine/cuda/cuda_ops_internal.h"
#include "finewatt/engine/cuda/device_trainer_internal.h"
#include "finewatt/engine/cuda/pending_steps_internal.h"
#include "finewatt/engine/fast_model_internal.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <cuda_runtime_api.h>
#include <mutex>
#include <optional>
#include <utility>

namespace finewatt {
namespace {

/// Batches under way. Enough that the device never waits for the host, and few enough that a loss
/// that is not finite is seen soon.
constexpr std::size_t kSlots = 8;

/// Graphs that are kept; each holds about a megabyte of launches.
constexpr std::size_t kMostBuckets = 16;

/// An event that is waited for with a sleeping thread: a spinning core is wasted energy.
class DoneEvent {
  public:
    DoneEvent() {
        C10_CUDA_CHECK(
            cudaEventCreateWithFlags(&event_, cudaEventDisableTiming | cudaEventBlockingSync));
    }

    DoneEvent(const DoneEvent&) = delete;
    DoneEvent& operator=(const DoneEvent&) = delete;
    DoneEvent(DoneEvent&&) = delete;
    DoneEvent& operator=(DoneEvent&&) = delete;

    ~DoneEvent() { static_cast<void>(cudaEventDestroy(event_)); }

    void record(DeviceStream stream) { C10_CUDA_CHECK(cudaEventRecord(event_, stream)); }

    void wait() const { C10_CUDA_CHECK(cudaEventSynchronize(event_)); }

    bool is_done() const {
        const cudaError_t status = cudaEventQuery(event_);
        if (status != cudaErrorNotReady) {
            C10_CUDA_CHECK(status);
        }
        return status == cudaSuccess;
    }

  private:
    cudaEvent_t event_ = nullptr;
};

at::Tensor pinned(std::int64_t size) {
    return at::empty({size}, at::TensorOptions().dtype(at::kInt).pinned_memory(true));
}

/// A batch on its way: what the device still reads, and where its result will be.
struct Slot {
    at::Tensor block;  ///< pinned
    at::Tensor outcome = pinned(sizeof(StepOutcome) / sizeof(std::int32_t));
    DoneEvent done;
    std::optional<StepRecord> record;  ///< of the step that ends with this batch
};

/// One pass over a bucket: run once as it is, captured the second time, replayed from then on.
struct CapturedPass {
    bool has_run = false;
    std::unique_ptr<at::cuda::CUDAGraph> graph;
};

struct Bucket {
    DeviceInput input;
    CapturedPass first;  ///< sets the gradients
    CapturedPass added;  ///< adds to them
};

class CudaTrainer final : public DeviceTrainer {
  public:
    CudaTrainer(const Model& model, Precision precision, const AdamWOptions& options,
                std::string device)
        : model_(model),
          options_(options),
          device_(std::move(device)),
          precision_(precision),
          stream_(c10::cuda::getStreamFromPool()) {
        const c10::cuda::CUDAStreamGuard guard(stream_);
        state_ = DeviceState::make(model, precision, stream_.device());
        pass_ = make_device_pass(model_, state_, ops_);
        stream_.synchronize();
    }

    CudaTrainer(const CudaTrainer&) = delete;
    CudaTrainer& operator=(const CudaTrainer&) = delete;
    CudaTrainer(CudaTrainer&&) = delete;
    CudaTrainer& operator=(CudaTrainer&&) = delete;

    ~CudaTrainer() override {
        static_cast<void>(cudaStreamSynchronize(stream_.stream()));  // graphs may still run
    }

    void submit(std::span<const Batch> batches, double rate, const DropoutStep& first) override {
        const c10::cuda::CUDAStreamGuard guard(stream_);
        std::vector<PackedInput> inputs;
        LossScale scale{0, 0, false};
        StepRecord record;
        record.step = ++steps_;
        record.lr = rate;
        for (const Batch& batch : batches) {
            inputs.push_back(pack_input(batch));
            const LossScale one = mean_loss(model_, inputs.back());
            scale.divisor += one.divisor;
            scale.ends_divisor += one.ends_divisor;
            record.tokens_real += batch.tokens_real;
            record.tokens_padded += batch.tokens_padded;
        }
        DropoutStep dropout = first;
        for (std::size_t i = 0; i < inputs.size(); ++i, ++dropout.step) {
            StepValues values = step_values(dropout, options_, rate, steps_);
            set_loss_factors(values, model_.head_kind(), scale.divisor, scale.ends_divisor);
            Slot& slot = free_slot();
            const DeviceInput input = run_batch(slot, inputs[i], values, i > 0);
            if (i + 1 == inputs.size()) {
                update_values(state_, model_, input, stream_.stream());
                slot.outcome.copy_(state_.outcome, /*non_blocking=*/true);
                slot.record = record;
            }
            slot.done.record(stream_.stream());
            C10_CUDA_CHECK(cudaGetLastError());  // of the launches
        }
    }

    std::vector<StepRecord> take_finished(Wait wait) override {
        while (!ring_.is_empty() &&
               (wait == Wait::kForAll || slots_[ring_.oldest()].done.is_done())) {
            finish_oldest();
        }
        return std::exchange(finished_, {});
    }

    at::Tensor forward(const PackedInput& input) override {
        const c10::cuda::CUDAStreamGuard guard(stream_);
        const PassInput host = pass_input_of(input);
        DeviceInput made{{}, InputLayout(exact_shape(host)), 0};
        const at::Tensor block = pinned(made.layout.size);
        made.keys = fill(block, made.layout, {}, host, {});
        made.block = block.to(stream_.device(), /*non_blocking=*/true);
        at::Tensor logits = pass_->forward(made).to(at::kCPU);  // waits
        C10_CUDA_CHECK(cudaGetLastError());
        return logits;
    }

    void read_values() override {
        const c10::cuda::CUDAStreamGuard guard(stream_);
        at::Tensor values = model_.flat_values();
        values.copy_(state_.values);  // waits
    }

    void write_values() override {
        const c10::cuda::CUDAStreamGuard guard(stream_);
        state_.write_values(model_);
        stream_.synchronize();
    }

    std::string describe() const override {
        return fmt::format(
            "{}, products {}, {}", device_, precision_name(precision_),
            precision_ == Precision::kBfloat16 ? "flash attention" : "efficient attention");
    }

  private:
    static std::int64_t fill(const at::Tensor& block, const InputLayout& layout,
                             const StepValues& values, const PassInput& input,
                             const HeadTargets& targets) {
        return fill_input(
            layout, values, input, targets,
            {block.mutable_data_ptr<std::int32_t>(), static_cast<std::size_t>(layout.size)});
    }

    Slot& free_slot() {
        if (ring_.is_full()) {
            finish_oldest();
        }
        return slots_[ring_.push()];
    }

    void finish_oldest() {
        Slot& slot = slots_[ring_.oldest()];
        slot.done.wait();
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
    /// are real changes with each, so that no graph would serve two of them.
    DeviceInput run_batch(Slot& slot, const PackedInput& input, const StepValues& values,
                          bool is_added) {
        const PassInput host = pass_input_of(input);
        const InputShape exact = exact_shape(host);
        const InputLayout layout(input.is_padded ? exact : bucket_of(exact));
        if (!slot.block.defined() || slot.block.numel() < layout.size) {
            slot.block = pinned(layout.size);
        }
        const std::int64_t keys =
            fill(slot.block, layout, values, host, head_targets_of(model_.head_kind(), input));
        const at::Tensor block = slot.block.narrow(0, 0, layout.size);
        if (input.is_padded) {
            const DeviceInput made{block.to(stream_.device(), true), layout, keys};
            pass_->step(made, is_added);
            return made;
        }
        Bucket& bucket = bucket_for(layout, keys);
        bucket.input.block.copy_(block, /*non_blocking=*/true);
        run_bucket(bucket, is_added ? bucket.added : bucket.first, is_added);
        return bucket.input;
    }

    Bucket& bucket_for(const InputLayout& layout, std::int64_t keys) {
        if (Bucket* known = buckets_.find(layout.shape)) {
            return *known;
        }
        if (buckets_.is_full()) {
            stream_.synchronize();  // the graph that goes may still run
        }
        const at::Tensor block =
            at::empty({layout.size}, at::TensorOptions().dtype(at::kInt).device(stream_.device()));
        return buckets_.add(layout.shape, Bucket{{block, layout, keys}, {}, {}});
    }

    void run_bucket(Bucket& bucket, CapturedPass& captured, bool is_added) {
        if (captured.graph == nullptr) {
            if (!captured.has_run) {
                // Libraries set themselves up in a first run, which must not be captured.
                pass_->step(bucket.input, is_added);
                captured.has_run = true;
                return;
            }
            captured.graph = std::make_unique<at::cuda::CUDAGraph>();
            captured.graph->capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
            pass_->step(bucket.input, is_added);
            captured.graph->capture_end();
        }
        captured.graph->replay();
    }

    const Model& model_;
    AdamWOptions options_;
    std::string device_;
    Precision precision_;
    c10::cuda::CUDAStream stream_;
    CudaOps ops_;
    DeviceState state_;
    std::unique_ptr<DevicePass> pass_;
    /// Graphs run one after the other and leave nothing behind, so that they share their memory.
    c10::MempoolId_t pool_ = at::cuda::graph_pool_handle();
    RecentlyUsed<InputShape, Bucket> buckets_{kMostBuckets};
    std::array<Slot, kSlots> slots_;
    SlotRing ring_{kSlots};
    std::vector<StepRecord> finished_;
    std::int64_t steps_ = 0;
};

}  // namespace

Result<std::unique_ptr<DeviceTrainer>> make_cuda_trainer(const Model& model, Precision precision,
                                                         const AdamWOptions& options,
                                                         std::uint64_t seed) {
    FINEWATT_CHECK(model.flat_values().scalar_type() == at::kFloat,
                   "models are trained from float32");
    FINEWATT_ASSIGN(const ComputeDevice device, choose_device("cuda"));
    FINEWATT_TRY(check_device_precision(device, precision));
    FINEWATT_TRY(check_device_model(model.config()));
    // Waiting threads sleep. Without effect where something set the device up before.
    static_cast<void>(cudaSetDeviceFlags(cudaDeviceScheduleBlockingSync));
    static_cast<void>(cudaGetLastError());
    at::Generator generator = at::globalContext().defaultGenerator(at::Device(at::kCUDA, 0));
    {
        const std::lock_guard<std::mutex> lock(generator.mutex());
        generator.set_current_seed(seed);  // attention's dropout draws from it
    }
    return std::make_unique<CudaTrainer>(model, precision, options, device.description);
}

}  // namespace finewatt
