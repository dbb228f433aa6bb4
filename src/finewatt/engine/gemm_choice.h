// Which library computes which matrix product of the fast model, and the rule that decides it. Main
// type: GemmChoices. Torch-free: gemm_internal.h has the products and the measurement.
//
// The rule. Two providers round differently, so a choice that flips between two runs would break
// "same seed, same numbers". The processor alone gives the choice; a measurement at the start
// overrules it only where the other provider is faster by kOverruleFactor. It takes the best of
// several times in CPU time of one thread, which other work on the machine hardly touches.
// FINEWATT_GEMM=onednn|aten pins it. The engine event names what was used.
//
// In bfloat16 ATen has all products but those of packed weights, which are oneDNN's.
//
// Inference in float32 has copies of its weights in panels, which an own kernel multiplies by; it
// measures nothing. A pinned provider takes these products, too.
#pragma once

#include "finewatt/base/result.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// Who computes a product. Both are inside LibTorch.
enum class GemmProvider {
    kAten,    ///< at::mm and at::addmm; MKL for float32 in the wheels
    kOneDnn,  ///< the operator mkldnn::_linear_pointwise
};

/// What the user asked for.
enum class GemmSetting { kAuto, kAten, kOneDnn };

/// The three products of a dense layer y = x W^T + b.
enum class GemmDirection : std::size_t {
    kForward = 0,        ///< y = x W^T + b
    kInputGradient = 1,  ///< dx = dy W
    kWeightGradient = 2  ///< dW = dy^T x
};
inline constexpr std::size_t kGemmDirections = 3;

/// Few rows are bound by reading the weights, many rows by arithmetic.
enum class GemmSize : std::size_t { kFewRows = 0, kManyRows = 1 };
inline constexpr std::size_t kGemmSizes = 2;

/// Return the size class of a product with this many rows.
constexpr GemmSize gemm_size(std::int64_t rows) {
    return rows <= 64 ? GemmSize::kFewRows : GemmSize::kManyRows;
}

/// Rates of both providers for one product on one thread, GFLOP per second of CPU time.
struct GemmRates {
    double aten_gflops = 0;
    double onednn_gflops = 0;
};

/// One provider per direction and size, and the rates where they were measured.
struct GemmChoices {
    struct Choice {
        GemmProvider provider = GemmProvider::kAten;
        std::optional<GemmRates> rates;
    };

    std::array<std::array<Choice, kGemmSizes>, kGemmDirections> choices{};
    bool is_pinned = false;  ///< the user chose, for packed weights too

    Choice& at(GemmDirection direction, GemmSize size) {
        return choices[static_cast<std::size_t>(direction)][static_cast<std::size_t>(size)];
    }

    const Choice& at(GemmDirection direction, GemmSize size) const {
        return choices[static_cast<std::size_t>(direction)][static_cast<std::size_t>(size)];
    }
};

/// The other provider must be this much faster to overrule the default.
inline constexpr double kOverruleFactor = 1.5;

/// Read FINEWATT_GEMM: "auto" (also when unset or empty), "aten" or "onednn". Error: invalid
/// argument for anything else.
Result<GemmSetting> gemm_setting_from_environment();

/// The same from a text. Error: as above.
Result<GemmSetting> parse_gemm_setting(std::string_view text);

/// Return the choice without any measurement. On AMD processors MKL takes a slow path, so oneDNN
/// has the forward product and the input's gradient; the weight's gradient stays with ATen, which
/// writes into the gradient buffer in place. Everywhere else: ATen.
GemmProvider default_provider(GemmDirection direction, bool is_amd);

/// Apply the rule above.
GemmProvider decide_provider(GemmProvider by_default, const GemmRates& rates);

/// Return the choices in words, e.g. "forward, few rows: onednn; ...", with the rates where they
/// were measured, for the log and the event.
std::string describe(const GemmChoices& choices);

/// Return the providers alone, e.g. "onednn onednn onednn onednn aten aten": two runs with the same
/// ones round alike.
std::string provider_names(const GemmChoices& choices);

/// Return "aten" or "onednn".
std::string_view name_of(GemmProvider provider);

}  // namespace finewatt
