// Near matches for error messages: known names that resemble what the user wrote.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// A known name, and what to show the user for it. Several may show the same.
struct Candidate {
    std::string name;
    std::string shown;
};

/// Return what to show for the candidates nearest to `wanted`, nearest first, each once, at most
/// five: those that begin with it, that it begins with, or that one or two edits turn into it.
/// Capital and small letters are the same (ASCII).
std::vector<std::string> near_matches(std::string_view wanted,
                                      std::span<const Candidate> candidates);

/// Return the Levenshtein distance: the fewest insertions, deletions and replacements of bytes.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace finewatt
