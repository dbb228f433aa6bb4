// FastModel: the fast path of a Model on CPUs. Forward and backward are written by hand over the
// model's flat buffers and an arena of activations; there is no autograd graph. Main types:
// FastModel, LossScale. The plain form (plain_model_internal.h) is its oracle.
//
// The same seed, batch, threads and products (see gemm_choice.h) give the same bits.
#pragma once

#include "finewatt/engine/dropout_internal.h"
#include "finewatt/engine/fast_options.h"
#include "finewatt/engine/gemm_internal.h"
#include "finewatt/engine/kernels/cpu_kernels.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/packed_input_internal.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace finewatt {

/// What sums of losses are divided by, and where gradients go. For the mean over several batches,
/// divide each by the targets of all of them and add the gradients.
struct LossScale {
    double divisor = 1;       ///< of the cross-entropies; for question answering: of the starts
    double ends_divisor = 1;  ///< question answering only: of the ends
    bool is_added = false;    ///< add to the gradients instead of setting them
};

/// Return the scale that makes the loss the mean over this batch, as plain_loss takes it. Targets
/// must be set in `input`; without any that count, the loss is NaN as in the reference.
LossScale mean_loss(const Model& model, const PackedInput& input);

/// Wall time of the parts since the last call, for benchmarks.
struct FastTimes {
    GemmWork products;
    double attention_s = 0;
    double norm_s = 0;
    double activation_s = 0;
    double embedding_s = 0;
    double bias_sums_s = 0;
    double head_s = 0;  ///< with its products, which count in `products` too
};

/// Computes a Model. Memory for activations is kept from call to call and grows with the batch.
/// One thread at a time.
class FastModel {
  public:
    /// The model must outlive the object and must be float32. With bfloat16, low_values() is filled
    /// from the model's values.
    FastModel(const Model& model, const FastOptions& options);

    /// The same for forward() alone, with copies of the blocks' weights in the layout that products
    /// of about `rows` rows read fastest; they take as much memory as these weights. Changing the
    /// model's values has no effect on forward().
    static FastModel for_inference(const Model& model, const FastOptions& options,
                                   std::int64_t rows);

    FastModel(FastModel&&) noexcept;
    FastModel& operator=(FastModel&&) noexcept;
    FastModel(const FastModel&) = delete;
    FastModel& operator=(const FastModel&) = delete;
    ~FastModel();

    /// Return the logits without dropout: [B, C] in the order of the batch for texts, else [T, C]
    /// in packed order. float32.
    at::Tensor forward(const PackedInput& input);

    /// Run forward, loss and backward with the dropout of `step`. Sets model.gradients(), or adds
    /// to them with scale.is_added. Returns the loss, nats. Between two steps nobody else may write
    /// anything but zeros to the gradients.
    double step(const PackedInput& input, const DropoutStep& step, const LossScale& scale);

    /// Return the values in bfloat16, [layout().size()], which products read; empty for float32.
    /// The optimizer writes them with each step.
    std::span<Bfloat16> low_values();

    /// Fill low_values() after the model's values were changed by someone who does not.
    void refresh_low_values();

    /// Return who computes the products, in words: those of training, or of inference.
    std::string describe_products() const;

    /// Return the providers of the products alone, as provider_names.
    std::string product_providers() const;

    /// Return the bytes that activations take.
    std::size_t activation_bytes() const;

    FastTimes take_times();

  private:
    class Impl;
    explicit FastModel(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

}  // namespace finewatt
