// AddedTokens: tokens that are found in a text before words are cut, such as [MASK] in
// "hello[MASK]x". One object for those looked for in the raw text, one for those in the normalised
// text. Follows the reference's AddedVocabulary, but for `single_word`, which the reader of
// tokenizer.json refuses.
#pragma once

#include "finewatt/token/normalizer_internal.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::token {

/// One added token, with the names of tokenizer.json.
struct AddedToken {
    std::int32_t id = 0;
    std::string content;
    bool lstrip = false;      ///< takes the white space on its left
    bool rstrip = false;      ///< takes the white space on its right
    bool normalized = false;  ///< looked for in the normalised text, in its own normal form
    bool special = true;
};

/// A stretch of text: an added token with its id, or plain text.
struct TextPiece {
    ByteSpan span;
    std::optional<std::int32_t> id;
};

/// Immutable after construction; any thread may use it.
class AddedTokens {
  public:
    /// What to look for: a pattern (not empty) and the token it stands for.
    struct Pattern {
        std::string text;
        AddedToken token;
    };

    explicit AddedTokens(std::vector<Pattern> patterns);

    bool is_empty() const { return patterns_.empty(); }

    /// Whether the first byte of a pattern is in `text`: a quick no for most texts.
    bool may_be_in(std::string_view text) const;

    /// Cut valid UTF-8 into added tokens (leftmost, then longest) and the text between them.
    void cut(std::string_view text, std::vector<TextPiece>& out) const;

  private:
    const Pattern* longest_at(std::string_view text) const;

    std::vector<Pattern> patterns_;          ///< longest first
    std::array<bool, 256> is_first_byte_{};  ///< of any pattern
    std::string first_bytes_;                ///< each byte of is_first_byte_ once
};

}  // namespace finewatt::token
