#include "finewatt/base/file.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>

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

std::optional<double> read_kernel_positive(const std::filesystem::path& path) {
    const Result<std::string> text = read_kernel_text(path);
    double value = 0;
    if (!text) {
        return std::nullopt;
    }
    const char* end = text->data() + text->size();
    const auto [stopped, error] = std::from_chars(text->data(), end, value);
    if (error != std::errc() || stopped != end || !(value > 0) || !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

NumberRead read_number(int fd) {
    std::array<char, 32> buffer{};
    const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), 0);
    if (n < 0) {
        return {std::nullopt, errno};
    }
    const auto size = static_cast<std::size_t>(n);
    if (size == buffer.size()) {
        return {};
    }
    return {parse_unsigned({buffer.data(), size}), 0};
}

std::optional<std::pair<unsigned, unsigned>> read_kernel_version(const SysRoot& root) {
    const Result<std::string> text = read_kernel_text(root.path("/proc/sys/kernel/osrelease"));
    if (!text) {
        return std::nullopt;
    }
    unsigned major = 0;
    unsigned minor = 0;
    const char* end = text->data() + text->size();
    const auto first = std::from_chars(text->data(), end, major);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != '.') {
        return std::nullopt;
    }
    const auto second = std::from_chars(first.ptr + 1, end, minor);
    if (second.ec != std::errc()) {
        return std::nullopt;
    }
    return std::make_pair(major, minor);
}

}  // namespace finewatt
