// What the reference tokenizer does with each code point, as frozen tables: classes, canonical
// decompositions, lower-case forms, and the order of combining marks.
//
// The tables are not those of one Unicode version: the reference mixes several. They are swept out
// of the tokenizers 0.23.3 wheel by generate/make_tables.py, which also says how to make them anew.
// Not for general Unicode work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace finewatt::token {

/// Bits of CharProperties::flags.
inline constexpr std::uint8_t kCharRemoved = 1;       ///< dropped when the text is cleaned
inline constexpr std::uint8_t kCharWhitespace = 2;    ///< becomes a space when the text is cleaned
inline constexpr std::uint8_t kCharChinese = 4;       ///< gets a space on each side
inline constexpr std::uint8_t kCharMark = 8;          ///< dropped when accents are stripped
inline constexpr std::uint8_t kCharPunctuation = 16;  ///< a word of its own
inline constexpr std::uint8_t kCharDecomposes = 32;   ///< has a canonical decomposition
inline constexpr std::uint8_t kCharLowers = 64;       ///< has a lower-case form

struct CharProperties {
    std::uint8_t flags;
    /// 0 for a starter; else the rank of its canonical combining class (order, not the class).
    std::uint8_t combining_rank;
};

/// From one code point to a few: targets [begin, begin + length) of the target array.
struct CharMapping {
    char32_t from;
    std::uint16_t begin;
    std::uint16_t length;
};

// The generated arrays (char_table_generated.cpp).
inline constexpr std::size_t kCharBlockSize = 128;
extern const CharProperties kCharPropertyKinds[];
extern const std::uint8_t kCharBlockOf[0x110000 / kCharBlockSize];
extern const std::uint8_t kCharBlocks[];
extern const std::span<const CharMapping> kDecompositions;
extern const std::span<const CharMapping> kLowerCases;
extern const char32_t kCharMappingTargets[];

/// Return the properties of any code point up to U+10FFFF.
inline CharProperties char_properties(char32_t c) {
    const std::size_t block = kCharBlockOf[c / kCharBlockSize];
    return kCharPropertyKinds[kCharBlocks[block * kCharBlockSize + c % kCharBlockSize]];
}

/// Return the full canonical decomposition of a code point that has kCharDecomposes; Hangul
/// syllables excluded (decompose_hangul).
std::span<const char32_t> canonical_decomposition(char32_t c);

/// Return the lower-case form of a code point that has kCharLowers.
std::span<const char32_t> lower_case(char32_t c);

/// Hangul syllables U+AC00..U+D7A3 decompose by arithmetic (The Unicode Standard, section 3.12).
inline bool is_hangul_syllable(char32_t c) {
    return c >= 0xAC00 && c <= 0xD7A3;
}

/// The two or three jamo of a syllable; the third is 0 when there is none.
struct HangulJamo {
    char32_t leading;
    char32_t vowel;
    char32_t trailing;
};

HangulJamo decompose_hangul(char32_t syllable);

}  // namespace finewatt::token
