#include "finewatt/base/file.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <charconv>

namespace finewatt {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t\r\n";
    const auto first = text.find_first_not_of(kSpace);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::optional<std::uint64_t> parse_unsigned(std::string_view text) {
    text = trimmed(text);
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped != end || text.empty()) {
        return std::nullopt;
    }
    return value;
}

Result<std::string> read_kernel_text(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    return std::string(trimmed(text));
}

std::optional<std::uint64_t> read_kernel_unsigned(const std::filesystem::path& path) {
    const Result<std::string> text = read_kernel_text(path);
    if (!text) {
        return std::nullopt;
    }
    return parse_unsigned(*text);
}

}  // namespace finewatt
