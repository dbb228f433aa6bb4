// AdamW with clipping by the global norm, as Hugging Face's Trainer 5.17 sets it up: decoupled
// weight decay (Loshchilov and Hutter, ICLR 2019), bias correction (Kingma and Ba, ICLR 2015),
// torch.optim.AdamW's order of operations. Main type: FlatAdamW. Torch-free: it works on plain
// float arrays.
//
// Differs from Google's BERT code: that one has no bias correction and eps 1e-6.
#pragma once

#include "finewatt/engine/kernels/cpu_kernels.h"

#include <cstdint>
#include <span>

namespace finewatt {

/// Settings; the defaults are the Trainer's (TrainingArguments of transformers 5.17).
struct AdamWOptions {
    double beta1 = 0.9;
    double beta2 = 0.999;
    double eps = 1e-8;
    double weight_decay = 0;
    double max_grad_norm = 1.0;  ///< gradients are scaled down to this norm; 0: left as they are
};

/// What FlatAdamW works on: arrays of one size, the decayed group first. They belong to the caller,
/// who sets the moments to 0 before the first step (or to those of a checkpoint).
struct AdamWArrays {
    std::span<float> values;
    std::span<float> gradients;
    std::span<float> first_moments;
    std::span<float> second_moments;
    std::span<Bfloat16> low_values;  ///< each step writes the values rounded to bf16; may be empty
    std::int64_t decayed_size = 0;   ///< the first so many values are decayed
};

/// AdamW over one flat array, in one pass: clip, moments, decay, update, the bf16 copy and the
/// zeroing of the gradients. One thread at a time; steps use OpenMP. Results do not depend on the
/// number of threads.
class FlatAdamW {
  public:
    /// What a step leaves in the gradients.
    enum class Gradients { kKept, kZeroed };

    /// The arrays must outlive the object.
    FlatAdamW(const AdamWArrays& arrays, const AdamWOptions& options);

    /// Return the Euclidean norm of the gradients. One that is not finite makes it infinite or NaN.
    double gradient_norm() const;

    /// Update all values with `rate`. Gradients count times min(1, max_grad_norm /
    /// (gradient_norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ does.
    void step(double gradient_norm, double rate, Gradients after);

    /// Steps so far; they decide the bias correction.
    std::int64_t steps() const { return steps_; }

    /// Go on after a checkpoint of so many steps.
    void set_steps(std::int64_t steps) { steps_ = steps; }

  private:
    AdamWArrays arrays_;
    AdamWOptions options_;
    std::int64_t steps_ = 0;
};

}  // namespace finewatt
