#include "finewatt/base/ascii.h"
#include "finewatt/sensor/gpu_name_internal.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace finewatt {
namespace {

constexpr std::array<std::string_view, 16> kBrands{
    "nvidia", "amd",    "intel", "tesla", "geforce",    "quadro", "instinct", "radeon",
    "data",   "center", "gpu",   "r",     "generation", "tm",     "graphics", "gigabyte"};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_memory_size(std::string_view word) {
    return word.size() > 2 && word.ends_with("gb") &&
           std::all_of(word.begin(), word.end() - 2, is_digit);
}

/// Words that name the form of the board, not the chip.
bool is_form(std::string_view word) {
    return word == "pcie" || word == "nvl" || word == "oam" || word == "oc" ||
           word.starts_with("sxm") || word.starts_with("hbm") || is_memory_size(word);
}

std::vector<std::string> split_words(std::string_view name) {
    std::vector<std::string> words(1);
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0) {
            words.back() += ascii_lower(c);
        } else if (!words.back().empty()) {
            words.emplace_back();
        }
    }
    if (words.back().empty()) {
        words.pop_back();
    }
    return words;
}

}  // namespace

GpuName parse_gpu_name(std::string_view name) {
    GpuName parsed;
    for (std::string& word : split_words(name)) {
        const bool is_brand = std::find(kBrands.begin(), kBrands.end(), word) != kBrands.end();
        if (word == "gb" && !parsed.words.empty()) {
            parsed.words.back() += word;  // "80 GB"
        } else if (!is_brand) {
            parsed.words.push_back(std::move(word));
        }
    }
    std::sort(parsed.words.begin(), parsed.words.end());
    std::copy_if(parsed.words.begin(), parsed.words.end(), std::back_inserter(parsed.chip),
                 [](const std::string& word) { return !is_form(word); });
    return parsed;
}

GpuMatch match_gpu_names(const GpuName& a, const GpuName& b) {
    if (a.chip.empty() || a.chip != b.chip) {
        return GpuMatch::kNone;
    }
    return a.words == b.words ? GpuMatch::kBoard : GpuMatch::kChip;
}

}  // namespace finewatt
