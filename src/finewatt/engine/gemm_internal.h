// Gemm: the matrix products of dense layers on plain memory, by ATen or by oneDNN inside LibTorch,
// or with packed float32 weights by our own kernel.
// Results are written where the caller says; no tensor is made that outlives a call, and nothing
// enters the autograd graph. Torch-free header; gemm.cpp has LibTorch.
//
// Shapes: M rows, x [M, in], W [out, in], b [out], y [M, out]; all dense, row by row.
#pragma once

#include "finewatt/engine/gemm_choice.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace finewatt {

/// What the elements of a product's operands are.
enum class GemmType { kFloat32, kBfloat16 };

/// A weight in the layout of a kernel for given rows. Made by Gemm::pack.
class PackedWeight;

/// The weights of one dense layer. Whoever makes it keeps the memory alive.
struct DenseWeights {
    const void* weight = nullptr;  ///< [out, in], type
    const void* bias = nullptr;    ///< [out], type; null = no bias
    std::int64_t out = 0;
    std::int64_t in = 0;
    GemmType type = GemmType::kFloat32;
    /// When set, forward() reads this copy instead of `weight`.
    std::shared_ptr<const PackedWeight> packed;
};

/// Wall time and operations (two per multiply-add) of the products of each direction.
struct GemmWork {
    std::array<double, kGemmDirections> seconds{};
    std::array<double, kGemmDirections> operations{};

    double all_seconds() const { return seconds[0] + seconds[1] + seconds[2]; }
};

/// Computes products with the threads that start_runtime set. One thread at a time.
class Gemm {
  public:
    /// Decide by the rule of gemm_choice.h, with a measurement on shapes of a model with
    /// `hidden` and `feed_forward` values per row (below 0.2 s; left out for tiny models). A
    /// process measures each shape once.
    static Gemm make(GemmSetting setting, std::int64_t hidden, std::int64_t feed_forward);

    /// Decide by the processor alone, for inference: its weights are packed, so that there is
    /// hardly a product to choose for.
    static Gemm make_for_inference(GemmSetting setting);

    /// Use these choices. Where the oneDNN operator is missing, ATen takes its place.
    explicit Gemm(GemmChoices choices);

    Gemm(Gemm&&) noexcept;
    Gemm& operator=(Gemm&&) noexcept;
    Gemm(const Gemm&) = delete;
    Gemm& operator=(const Gemm&) = delete;
    ~Gemm();

    /// Write y = x W^T + b.
    void forward(const void* x, std::int64_t rows, const DenseWeights& weights, void* y);

    /// Write dx = dy W.
    void input_gradient(const void* dy, std::int64_t rows, const DenseWeights& weights, void* dx);

    /// Write dW = dy^T x, or add it with `is_added`. dW is float32 [out, in] also for bfloat16
    /// operands, whose product is rounded to bfloat16 first, as under torch's autocast.
    void weight_gradient(const void* dy, const void* x, std::int64_t rows,
                         const DenseWeights& weights, bool is_added, float* dw);

    /// Return a copy of the weight in the layout that suits `rows` rows best: panels for float32,
    /// oneDNN's for bfloat16 and where oneDNN is pinned; null where there is no such layout and
    /// where ATen is pinned. The values are those of the call; changed weights need a new copy.
    std::shared_ptr<const PackedWeight> pack(const DenseWeights& weights, std::int64_t rows) const;

    const GemmChoices& choices() const { return choices_; }

    /// Return what was done since the last call; for benchmarks.
    GemmWork take_work();

  private:
    class Scratch;

    double& count(GemmDirection direction, std::int64_t rows, const DenseWeights& weights);

    GemmChoices choices_;
    std::unique_ptr<Scratch> scratch_;
    GemmWork work_;
};

/// Return who multiplies by a packed weight: "finewatt" or "onednn".
std::string_view provider_name(const PackedWeight& weight);

/// Return whether LibTorch has the oneDNN operator.
bool has_onednn_operator();

}  // namespace finewatt
