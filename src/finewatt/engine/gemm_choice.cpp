#include "finewatt/engine/gemm_choice.h"

#include <fmt/format.h>

#include <cstdlib>

namespace finewatt {

std::string_view name_of(GemmProvider provider) {
    return provider == GemmProvider::kAten ? "aten" : "onednn";
}

Result<GemmSetting> parse_gemm_setting(std::string_view text) {
    if (text.empty() || text == "auto") {
        return GemmSetting::kAuto;
    }
    if (text == "aten") {
        return GemmSetting::kAten;
    }
    if (text == "onednn") {
        return GemmSetting::kOneDnn;
    }
    return FINEWATT_ERROR(kInvalidArgument,
                          "FINEWATT_GEMM: expected auto, aten or onednn, found '{}'; choose one of "
                          "them or unset the variable",
                          text);
}

Result<GemmSetting> gemm_setting_from_environment() {
    const char* value = std::getenv("FINEWATT_GEMM");  // NOLINT(concurrency-mt-unsafe): only read
    return parse_gemm_setting(value == nullptr ? "" : value);
}

GemmProvider default_provider(GemmDirection direction, bool is_amd) {
    return is_amd && direction != GemmDirection::kWeightGradient ? GemmProvider::kOneDnn
                                                                 : GemmProvider::kAten;
}

GemmProvider decide_provider(GemmProvider by_default, const GemmRates& rates) {
    const bool is_aten = by_default == GemmProvider::kAten;
    const double own = is_aten ? rates.aten_gflops : rates.onednn_gflops;
    const double other = is_aten ? rates.onednn_gflops : rates.aten_gflops;
    if (other <= kOverruleFactor * own) {
        return by_default;
    }
    return is_aten ? GemmProvider::kOneDnn : GemmProvider::kAten;
}

std::string describe(const GemmChoices& choices) {
    static constexpr std::array<std::string_view, kGemmDirections> kDirections = {
        "forward", "input gradient", "weight gradient"};
    static constexpr std::array<std::string_view, kGemmSizes> kSizes = {"few rows", "many rows"};
    std::string text;
    for (std::size_t d = 0; d < kGemmDirections; ++d) {
        for (std::size_t s = 0; s < kGemmSizes; ++s) {
            const GemmChoices::Choice& choice = choices.choices[d][s];
            text += fmt::format("{}{}, {}: {}", text.empty() ? "" : "; ", kDirections[d], kSizes[s],
                                name_of(choice.provider));
            if (choice.rates) {
                text += fmt::format(" (GFLOP/s: aten {:.0f}, onednn {:.0f})",
                                    choice.rates->aten_gflops, choice.rates->onednn_gflops);
            }
        }
    }
    return text;
}

std::string provider_names(const GemmChoices& choices) {
    std::string text;
    for (const auto& of_direction : choices.choices) {
        for (const GemmChoices::Choice& choice : of_direction) {
            text += text.empty() ? "" : " ";
            text += name_of(choice.provider);
        }
    }
    return text;
}

}  // namespace finewatt
