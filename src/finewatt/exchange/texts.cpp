#include "finewatt/base/safe_text.h"
#include "finewatt/base/utf8.h"
#include "finewatt/exchange/texts_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace finewatt::exchange {
namespace {

constexpr char32_t kReplacement = U'\uFFFD';

/// Call `append(code_point)` for each code point; bytes that are not UTF-8 count as U+FFFD each.
template <class Append>
void for_each_code_point(std::string_view text, Append append) {
    while (!text.empty()) {
        const DecodedCodePoint decoded = decode_utf8_front(text);
        append(decoded.length == 0 ? kReplacement : decoded.code_point);
        text.remove_prefix(std::max<std::size_t>(1, decoded.length));
    }
}

/// safe_text(), with `escape` in place of some ASCII characters. `escape` returns an empty text for
/// a character that stays.
template <class Escape>
std::string escaped_line(std::string_view text, Escape escape) {
    std::string out;
    for (const char c : safe_text(text)) {
        const std::string_view replacement = escape(c);
        if (replacement.empty()) {
            out += c;
        } else {
            out += replacement;
        }
    }
    return out;
}

std::string with_decimals(double value, int decimals) {
    return fmt::format("{:.{}f}", value, std::clamp(decimals, 0, 300));
}

/// How many decimals give `value` so many significant digits; may be negative.
int decimals_for(double value, int digits) {
    return value == 0 ? 0 : digits - 1 - static_cast<int>(std::floor(std::log10(std::abs(value))));
}

bool is_range(std::optional<double> low, std::optional<double> high) {
    return low && high && std::isfinite(*low) && std::isfinite(*high);
}

int figure_decimals(double value, std::optional<double> low, std::optional<double> high) {
    const double half = is_range(low, high) ? std::max(*high - value, value - *low) : 0;
    if (!(half > 0)) {
        return decimals_for(value, 4);
    }
    return std::min(decimals_for(half, 2),
                    decimals_for(std::max(std::abs(*low), std::abs(*high)), 6));
}

}  // namespace

std::string markdown_cell(std::string_view text) {
    // CommonMark 0.31, section 2.4: any ASCII punctuation may be escaped by a backslash. The
    // table extension of GitHub splits cells at '|' first, escaped ones apart.
    return escaped_line(text, [](char c) -> std::string_view {
        switch (c) {
            case '\\':
                return "\\\\";
            case '|':
                return "\\|";
            case '`':
                return "\\`";
            case '*':
                return "\\*";
            case '_':
                return "\\_";
            case '[':
                return "\\[";
            case ']':
                return "\\]";
            case '~':
                return "\\~";
            case '!':
                return "\\!";
            case '<':
                return "&lt;";
            case '>':
                return "&gt;";
            case '&':
                return "&amp;";
            default:
                return {};
        }
    });
}

std::string latex_text(std::string_view text) {
    // The LaTeX companion, 2nd edition, section 2.1: the ten characters with a meaning of their
    // own.
    return escaped_line(text, [](char c) -> std::string_view {
        switch (c) {
            case '\\':
                return "\\textbackslash{}";
            case '{':
                return "\\{";
            case '}':
                return "\\}";
            case '$':
                return "\\$";
            case '&':
                return "\\&";
            case '#':
                return "\\#";
            case '%':
                return "\\%";
            case '_':
                return "\\_";
            case '^':
                return "\\textasciicircum{}";
            case '~':
                return "\\textasciitilde{}";
            // These three are other characters in LaTeX's old fonts, or begin a ligature.
            case '<':
                return "\\textless{}";
            case '>':
                return "\\textgreater{}";
            case '"':
                return "\\textquotedbl{}";
            // "[" after a row's end would be read as its optional argument.
            case '[':
                return "{[}";
            default:
                return {};
        }
    });
}

std::string yaml_text(std::string_view text) {
    // YAML 1.2.2, section 7.3.1: in double quotes only these two need an escape on one line.
    return '"' +
           escaped_line(text,
                        [](char c) -> std::string_view {
                            return c == '"' ? "\\\"" : c == '\\' ? "\\\\" : "";
                        }) +
           '"';
}

std::string prometheus_label(std::string_view text) {
    std::string out;
    for_each_code_point(text, [&out](char32_t c) {
        if (c == U'\n') {
            out += "\\n";
        } else if (c == U'\\') {
            out += "\\\\";
        } else if (c == U'"') {
            out += "\\\"";
        } else {
            append_utf8(out, is_unsafe(c) ? kReplacement : c);
        }
    });
    return out;
}

std::string number_text(double value) {
    return fmt::format("{}", value);
}

std::string fixed_number_text(double value) {
    std::array<char, 400> buffer{};  // the largest double has 309 digits, the smallest 327
    const std::to_chars_result end = std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                                   value, std::chars_format::fixed);
    return {buffer.data(), end.ptr};
}

std::string figure_text(double value, std::optional<double> low, std::optional<double> high) {
    return std::isfinite(value) ? with_decimals(value, figure_decimals(value, low, high))
                                : "unknown";
}

std::string range_text(double value, std::optional<double> low, std::optional<double> high) {
    if (!std::isfinite(value) || !is_range(low, high)) {
        return {};
    }
    const int decimals = figure_decimals(value, low, high);
    return fmt::format("{} to {}", with_decimals(*low, decimals), with_decimals(*high, decimals));
}

std::optional<double> parse_number(std::string_view text) {
    double value = 0;
    const std::from_chars_result read =
        std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size() ||
        !std::isfinite(value)) {
        return std::nullopt;
    }
    return value;
}

}  // namespace finewatt::exchange
