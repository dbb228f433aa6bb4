// DevicePass: forward, loss, backward and update of a model whose buffers lie in a device's memory,
// queued without a single wait. Main types: DeviceState, DeviceInput, DeviceOps, DevicePass. The
// blocks are those of encoder_pass_internal.h and head_pass_internal.h, product for product and
// kernel for kernel; LibTorch's allocator gives the memory, so that what is dead is used again.
//
// Everything that needs a GPU lies behind DeviceOps and device_kernels_internal.h: the tests run
// this very code on the CPU. Shapes: T rows, S sequences, H hidden, A heads, F feed-forward.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/engine/adamw.h"
#include "finewatt/engine/cuda/device_input_internal.h"
#include "finewatt/engine/cuda/device_kernels_internal.h"
#include "finewatt/engine/fast_options.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/packed_input_internal.h"
#include "finewatt/engine/torch_internal.h"

#include <array>
#include <memory>

namespace finewatt {

/// What a model is brought to a device for.
enum class DeviceUse { kTraining, kInference };

/// Everything of a model that lives from step to step. Tensors are handles. For inference there
/// are only the values.
struct DeviceState {
    at::Tensor values;          ///< float32 [layout().size()], as all flat buffers
    at::Tensor gradients;       ///< float32
    at::Tensor first_moments;   ///< float32
    at::Tensor second_moments;  ///< float32
    at::Tensor low_values;      ///< bfloat16; undefined where products read float32
    at::Tensor partials;        ///< float32 [kNormPieces]
    at::Tensor loss_sum;        ///< float32 [1]
    at::Tensor outcome;         ///< int32 [4], a StepOutcome

    /// Copy the model's values to the device; moments, gradients and sums are 0.
    static DeviceState make(const Model& model, Precision precision, DeviceUse use,
                            at::Device device);

    /// Copy the model's values again.
    void write_values(const Model& model) const;
};

/// A batch on the device.
struct DeviceInput {
    at::Tensor block;  ///< int32 [layout.size]
    InputLayout layout;
    std::int64_t keys = 0;  ///< rows that are keys; fewer than T where the batch has padding

    const StepValues* values() const;
    const std::int32_t* at(std::int64_t offset) const;
    /// An array of the layout as a tensor.
    at::Tensor tensor(std::int64_t offset, std::int64_t count) const;
};

/// Where the sequences of an attention lie.
struct AttentionPlaces {
    at::Tensor begins;      ///< int32 [S + 1], rows of queries
    at::Tensor key_begins;  ///< int32 [S + 1], rows of keys and values
    std::int64_t longest = 0;
};

/// Query [T, A, D], key and value [K, A, D]; the last dimension is dense, the others are strided.
using QueryKeyValue = std::array<at::Tensor, 3>;

/// What attention gives and what its backward pass needs again.
struct AttentionKept {
    at::Tensor context;  ///< [T, A, D], dense
    at::Tensor logsumexp;
    at::Tensor random_seed;  ///< which masks were drawn; undefined without dropout
    at::Tensor random_offset;
};

/// What only the device's libraries do.
class DeviceOps {
  public:
    DeviceOps() = default;
    DeviceOps(const DeviceOps&) = delete;
    DeviceOps& operator=(const DeviceOps&) = delete;
    DeviceOps(DeviceOps&&) = delete;
    DeviceOps& operator=(DeviceOps&&) = delete;
    virtual ~DeviceOps() = default;

    /// Return the stream that everything is queued on.
    virtual DeviceStream stream() const = 0;

    /// Return dropout(softmax(Q K^T / sqrt(D))) V within each sequence. Masks come from the
    /// device's generator, not from counters.
    virtual AttentionKept attention(const QueryKeyValue& in, const AttentionPlaces& places,
                                    double dropout) const = 0;

    /// Return the gradients of query, key and value, dense.
    virtual QueryKeyValue attention_backward(const at::Tensor& context_gradient,
                                             const QueryKeyValue& in, const AttentionKept& kept,
                                             const AttentionPlaces& places,
                                             double dropout) const = 0;

    /// gradient [out, in] (float32) = dy^T x, or += with `is_added`; dy [rows, out], x [rows, in].
    virtual void weight_gradient(const at::Tensor& dy, const at::Tensor& x, bool is_added,
                                 at::Tensor gradient) const = 0;
};

/// Computes a model. One thread at a time.
class DevicePass {
  public:
    DevicePass() = default;
    DevicePass(const DevicePass&) = delete;
    DevicePass& operator=(const DevicePass&) = delete;
    DevicePass(DevicePass&&) = delete;
    DevicePass& operator=(DevicePass&&) = delete;
    virtual ~DevicePass() = default;

    /// Return the logits without dropout: [S, C] by place in the batch for texts, else [T, C].
    virtual at::Tensor forward(const DeviceInput& input) = 0;

    /// Forward, loss and backward with dropout. The loss is added to state.loss_sum; gradients are
    /// set, or added to with `is_added`.
    virtual void step(const DeviceInput& input, bool is_added) = 0;
};

/// Return an error (unsupported) when the kernels cannot compute a model of this shape: head sizes
/// are multiples of 8 up to 256, H at most 4,096, F a multiple of 8.
Status check_device_model(const ModelConfig& config);

/// Make the pass for the state's precision and use. All arguments must outlive it; the model gives
/// shapes and settings only.
std::unique_ptr<DevicePass> make_device_pass(const Model& model, const DeviceState& state,
                                             const DeviceOps& ops);

/// Queue clipping and AdamW; StepOutcome is written.
void update_values(const DeviceState& state, const Model& model, const DeviceInput& input,
                   DeviceStream stream);

/// Return what a step's kernels read besides the batch. `steps` counts updates from 1; with
/// question answering both divisors count half.
StepValues step_values(const DropoutStep& dropout, const AdamWOptions& options, double rate,
                       std::int64_t steps);

/// Set the factors of the losses from their divisors.
void set_loss_factors(StepValues& values, HeadKind head, double divisor, double ends_divisor);

/// Return a PackedInput and its targets as the torch-free parts read them. Targets that the head
/// does not have are null.
PassInput pass_input_of(const PackedInput& input);
HeadTargets head_targets_of(HeadKind head, const PackedInput& input);

}  // namespace finewatt
