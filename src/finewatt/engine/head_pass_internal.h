// HeadPass: what stands on the encoder, forward, loss and backward, on plain memory in float32.
// Main types: HeadPass, HeadWeights. Torch-free. The heads are those of transformers 5.17
// (modeling_bert.py, modeling_distilbert.py); the losses are those of plain_model_internal.h.
//
// Shapes: B sequences, T packed rows, H hidden, C labels.
#pragma once

#include "finewatt/data/model_config.h"
#include "finewatt/engine/encoder_pass_internal.h"
#include "finewatt/engine/pass_tools_internal.h"

#include <cstdint>
#include <optional>
#include <span>

namespace finewatt {

/// Sizes and settings that do not change with the batch.
struct HeadSettings {
    HeadKind kind = HeadKind::kClassification;
    std::int64_t hidden = 0;
    std::int64_t labels = 0;                                ///< C
    RowActivation dense_activation = RowActivation::kTanh;  ///< classification only
    double dropout = 0;
};

struct HeadWeights {
    DenseLayer dense;  ///< [H, H]; classification only
    DenseLayer last;   ///< [C, H], with its bias in the weights
};

/// What the loss compares with. Arrays that the head does not read may be null.
struct HeadTargets {
    const std::int64_t* labels = nullptr;        ///< [B], in the order of the batch
    const std::int64_t* token_labels = nullptr;  ///< [T]
    const std::int64_t* starts = nullptr;        ///< [B], in the order of the batch
    const std::int64_t* ends = nullptr;          ///< [B]
};

/// How many targets count, for each of the head's means. `ends` is for question answering, whose
/// starts are the `targets`.
struct TargetCounts {
    std::int64_t targets = 0;
    std::int64_t ends = 0;
};

/// Count the targets of a batch that are not left out.
TargetCounts count_targets(const HeadSettings& settings, const PassInput& input,
                           const HeadTargets& targets);

/// One forward pass and, after it, at most one loss with its backward pass.
class HeadPass {
  public:
    HeadPass(const HeadSettings& settings, const HeadWeights& weights, PassTools& tools)
        : settings_(settings),
          weights_(weights),
          tools_(tools) {}

    /// Set the batch and take memory. `encoded_rows` is EncoderPass::output_rows().
    void plan(const PassInput& input, std::int64_t encoded_rows, bool for_training,
              ArenaPlan& plan);

    /// Return the logits: [B, C] in the order of the batch for texts, else [T, C] in packed order.
    /// `encoded` is the encoder's result and must stay until loss_and_backward.
    const float* forward(const float* encoded, const std::optional<DropoutStep>& dropout);

    /// Return the loss, each sum of cross-entropies divided by its own divisor, and write the
    /// gradient of `encoded` (same shape). The logits are overwritten. Weight gradients as in
    /// EncoderPass::backward.
    double loss_and_backward(const HeadTargets& targets, double divisor, double ends_divisor,
                             bool is_added, float* encoded_gradient);

    std::int64_t logit_rows() const { return rows_; }

  private:
    bool is_for_texts() const { return settings_.kind == HeadKind::kClassification; }

    bool has_dropout() const { return dropout_.has_value() && settings_.dropout > 0; }

    void apply_dropout(const float* from, float* to) const;
    double row_losses(const std::int64_t* labels, double divisor);
    double span_losses(const std::int64_t* positions, std::int64_t column, double divisor);
    void texts_backward(bool is_added, float* encoded_gradient);
    void dense_backward(const DenseLayer& dense, const float* dy, const float* x, bool is_added,
                        float* dx) const;

    HeadSettings settings_;
    const HeadWeights& weights_;
    PassTools& tools_;
    PassInput input_{};
    std::int64_t encoded_rows_ = 0;
    std::int64_t rows_ = 0;  ///< B or T
    std::optional<DropoutStep> dropout_;

    std::uint64_t* keys_ = nullptr;       ///< [rows_]
    std::int32_t* places_ = nullptr;      ///< [B, 2]
    const float* first_ = nullptr;        ///< [B, H], the rows that the dense layer reads
    float* gathered_ = nullptr;           ///< [B, H], memory for it; null when not needed
    float* before_activation_ = nullptr;  ///< [B, H]
    float* pooled_ = nullptr;             ///< [B, H]
    float* dropped_ = nullptr;            ///< [rows_, H]
    const float* last_input_ = nullptr;   ///< [rows_, H]
    float* logits_ = nullptr;             ///< [rows_, C]
    float* row_gradient_ = nullptr;       ///< [B, H]
    float* first_gradient_ = nullptr;     ///< [B, H]
};

}  // namespace finewatt
