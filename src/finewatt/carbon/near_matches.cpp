#include "finewatt/base/ascii.h"
#include "finewatt/carbon/near_matches_internal.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace finewatt {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // One row of the usual table; row[j] is the distance of a's first i and b's first j bytes.
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

std::vector<std::string> near_matches(std::string_view wanted,
                                      std::span<const Candidate> candidates) {
    constexpr std::size_t kShown = 5;
    // A long text is no misspelt name; it is cut so that the search stays cheap.
    const std::string needle = ascii_lower(wanted.substr(0, 64));
    std::vector<std::pair<std::size_t, const Candidate*>> ranked;
    for (const Candidate& candidate : candidates) {
        const std::string name = ascii_lower(candidate.name);
        // One edit in a code of two or three letters, two in longer names.
        const std::size_t allowed = name.size() <= 3 ? 1 : 2;
        const std::size_t distance = edit_distance(needle, name);
        const bool shares_beginning =
            needle.size() >= 2 && (name.starts_with(needle) || needle.starts_with(name));
        if (distance <= allowed) {
            ranked.emplace_back(distance, &candidate);
        } else if (shares_beginning) {
            ranked.emplace_back(allowed + 1, &candidate);
        }
    }
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> shown;
    for (const auto& entry : ranked) {
        const std::string& text = entry.second->shown;
        if (shown.size() < kShown && std::find(shown.begin(), shown.end(), text) == shown.end()) {
            shown.push_back(text);
        }
    }
    return shown;
}

}  // namespace finewatt
