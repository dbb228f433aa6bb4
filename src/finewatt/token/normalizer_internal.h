// Normalizer: cleans, spaces out Chinese characters, strips accents and lower-cases, as the
// reference's BertNormalizer does, and remembers where each byte came from. split_words cuts the
// result as BertPreTokenizer does. Not for finding special tokens: those are cut out before.
#pragma once

#include "finewatt/token/tokenizer.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::token {

/// Normalised text: UTF-8 whose only white space is ' '. source[i] is the code point of the
/// original text that byte i came from; it never decreases.
struct NormalizedText {
    std::string bytes;
    std::vector<std::uint32_t> source;

    void push_back(char32_t c, std::uint32_t index);
};

/// [begin, end) in bytes.
struct ByteSpan {
    std::size_t begin;
    std::size_t end;
};

/// Immutable; any thread may use it.
class Normalizer {
  public:
    explicit Normalizer(const TokenizerOptions& options);

    /// Append the normal form of `text` (valid UTF-8), whose first code point has the number
    /// `first_index`. Return the number after its last code point.
    std::uint32_t append(std::string_view text, std::uint32_t first_index,
                         NormalizedText& out) const;

  private:
    class MarkRun;

    void append_non_ascii(char32_t c, std::uint32_t index, MarkRun& run, NormalizedText& out) const;
    void push_cased(char32_t c, std::uint32_t index, NormalizedText& out) const;

    bool lowercase_;
    bool strip_accents_;
    bool handle_chinese_chars_;
    /// What an ASCII character becomes; 0 = it is dropped.
    std::array<char, 128> ascii_;
};

/// Append the words of a normalised text [begin, end): runs between spaces, with each punctuation
/// mark a word of its own. Spans count from the beginning of `normalized`.
void split_words(std::string_view normalized, ByteSpan range, std::vector<ByteSpan>& words);

/// Count the code points of valid UTF-8.
std::uint32_t count_code_points(std::string_view text);

/// Whether a code point of a raw text has the Unicode property White_Space, as the reference's
/// lstrip and rstrip use it.
bool is_white_space(char32_t c);

}  // namespace finewatt::token
