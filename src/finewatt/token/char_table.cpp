#include "finewatt/base/check.h"
#include "finewatt/token/char_table_internal.h"

#include <algorithm>

namespace finewatt::token {
namespace {

std::span<const char32_t> find_mapping(std::span<const CharMapping> mappings, char32_t c) {
    const auto found = std::lower_bound(
        mappings.begin(), mappings.end(), c,
        [](const CharMapping& mapping, char32_t wanted) { return mapping.from < wanted; });
    FINEWATT_CHECK(found != mappings.end() && found->from == c,
                   "the flag of a character promises a mapping");
    return {kCharMappingTargets + found->begin, found->length};
}

}  // namespace

std::span<const char32_t> canonical_decomposition(char32_t c) {
    return find_mapping(kDecompositions, c);
}

std::span<const char32_t> lower_case(char32_t c) {
    return find_mapping(kLowerCases, c);
}

HangulJamo decompose_hangul(char32_t syllable) {
    constexpr char32_t kSyllables = 0xAC00;
    constexpr char32_t kLeading = 0x1100;
    constexpr char32_t kVowel = 0x1161;
    constexpr char32_t kTrailing = 0x11A7;
    constexpr char32_t kVowelCount = 21;
    constexpr char32_t kTrailingCount = 28;
    const char32_t index = syllable - kSyllables;
    const char32_t trailing = index % kTrailingCount;
    return {kLeading + index / (kVowelCount * kTrailingCount),
            kVowel + index / kTrailingCount % kVowelCount,
            trailing == 0 ? 0 : kTrailing + trailing};
}

}  // namespace finewatt::token
