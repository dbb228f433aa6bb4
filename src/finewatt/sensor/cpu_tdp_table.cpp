#include "finewatt/sensor/cpu_tdp_table.h"

#include "finewatt/base/ascii.h"
#include "finewatt/sensor/embedded_tables_internal.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

namespace finewatt {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    while (!text.empty()) {
        const auto end = text.find(' ');
        if (end != 0) {
            words.emplace_back(text.substr(0, end));
        }
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return words;
}

/// The longest run of digits: the heart of a model number ("2620" of "xeon e5-2620 v3").
std::string_view longest_digits(std::string_view text) {
    std::string_view longest;
    for (std::size_t i = 0; i < text.size();) {
        std::size_t end = i;
        while (end < text.size() && is_digit(text[end])) {
            ++end;
        }
        if (end - i > longest.size()) {
            longest = text.substr(i, end - i);
        }
        i = std::max(end, i + 1);
    }
    return longest;
}

/// The normalised name without the letters that follow the model number.
std::string without_suffix(const std::string& name, std::string_view digits) {
    const auto at = name.find(digits);
    if (at == std::string::npos) {
        return name;
    }
    const auto end = at + digits.size();
    auto stop = end;
    while (stop < name.size() && ((name[stop] >= 'a' && name[stop] <= 'z') || name[stop] == '+')) {
        ++stop;
    }
    return name.substr(0, end) + name.substr(stop);
}

struct Row {
    std::string_view name;
    double tdp_w = 0;
    unsigned cores = 0;
};

Row parse_row(std::string_view line) {
    Row row;
    const auto first = line.find(',');
    const auto second = line.find(',', first + 1);
    row.name = line.substr(0, first);
    const std::string_view watts = line.substr(first + 1, second - first - 1);
    std::from_chars(watts.data(), watts.data() + watts.size(), row.tdp_w);
    row.cores = static_cast<unsigned>(parse_unsigned(line.substr(second + 1)).value_or(0));
    return row;
}

/// The rows that hold `digits`; the others cannot match, and comparing is the costly part.
std::vector<Row> rows_with(std::string_view digits) {
    std::vector<Row> rows;
    std::string_view rest = embedded::cpu_tdp_watts();
    rest.remove_prefix(rest.find('\n') + 1);
    while (!rest.empty()) {
        const auto end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        if (line.substr(0, line.find(',')).find(digits) != std::string_view::npos) {
            rows.push_back(parse_row(line));
        }
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return rows;
}

}  // namespace

std::string normalised_cpu_name(std::string_view name) {
    std::string text = ascii_lower(name);
    for (const std::string_view mark : {"(r)", "(tm)", "(c)"}) {
        replace_all(text, mark, " ");
    }
    text.resize(std::min(text.find('@'), text.size()));
    text.resize(std::min(text.find(" with "), text.size()));
    const std::vector<std::string> words = words_of(text);
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string& word = words[i];
        const bool is_generation = word == "gen" || (i + 1 < words.size() && words[i + 1] == "gen");
        if (word == "cpu" || word == "processor" || word.ends_with("-core") || is_generation) {
            continue;
        }
        out += (out.empty() ? "" : " ") + word;
    }
    return out;
}

unsigned cores_in_cpu_name(std::string_view name) {
    const std::string text = ascii_lower(name);
    for (const std::string& word : words_of(text)) {
        if (word.ends_with("-core")) {
            const auto cores = parse_unsigned(std::string_view(word).substr(0, word.size() - 5));
            return cores && *cores < 10'000 ? static_cast<unsigned>(*cores) : 0;
        }
    }
    return 0;
}

std::optional<CpuTdp> find_cpu_tdp(std::string_view model_name) {
    const std::string wanted = normalised_cpu_name(model_name);
    const std::string_view digits = longest_digits(wanted);
    constexpr std::size_t kShortestModelNumber = 2;
    if (digits.size() < kShortestModelNumber) {
        return std::nullopt;
    }
    const std::string wanted_stem = without_suffix(wanted, digits);
    CpuTdp found;
    for (const Row& row : rows_with(digits)) {
        const std::string candidate = normalised_cpu_name(row.name);
        if (candidate == wanted) {
            return CpuTdp{std::string(row.name), row.tdp_w, row.tdp_w, row.tdp_w, row.cores, true};
        }
        if (without_suffix(candidate, digits) != wanted_stem) {
            continue;
        }
        const bool is_first = found.name.empty();
        found.name += (is_first ? "" : ", ") + std::string(row.name);
        found.tdp_w_low = is_first ? row.tdp_w : std::min(found.tdp_w_low, row.tdp_w);
        found.tdp_w_high = std::max(found.tdp_w_high, row.tdp_w);
    }
    if (found.name.empty()) {
        return std::nullopt;
    }
    found.tdp_w = std::sqrt(found.tdp_w_low * found.tdp_w_high);
    return found;
}

}  // namespace finewatt
