// TextEncoder: the tokens of one text, before special tokens and truncation. ASCII words are cut
// into pieces in one pass over the raw bytes. Only stretches with other characters take the general
// way: normal form, words, pieces. Not for pairs, limits and files: see tokenizer.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/token/added_tokens_internal.h"
#include "finewatt/token/normalizer_internal.h"
#include "finewatt/token/tokenizer.h"
#include "finewatt/token/vocabulary_internal.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace finewatt::token {

/// Appends tokens to an Encoding. Type ids follow in one go, so that no token pays for them.
class TokenSink {
  public:
    /// `out` must outlive the sink. With offsets, it has one for each of its tokens.
    TokenSink(Encoding& out, bool with_offsets);

    /// The number of tokens in the Encoding, earlier ones included.
    std::size_t size() const { return out_.ids.size(); }

    void push_back(std::int32_t id, std::size_t begin, std::size_t end) {
        out_.ids.push_back(id);
        if (with_offsets_) {
            out_.offsets.emplace_back(static_cast<std::int32_t>(begin),
                                      static_cast<std::int32_t>(end));
        }
    }

    /// Drop the tokens [begin, end); those behind move up.
    void erase(std::size_t begin, std::size_t end);

    /// Give `type_id` to the tokens before `end` that have none yet.
    void fill_type_ids(std::int32_t type_id, std::size_t end);

  private:
    Encoding& out_;
    bool with_offsets_;
};

/// Immutable after construction; any thread may encode.
class TextEncoder {
  public:
    TextEncoder(const TokenizerOptions& options, Vocabulary vocabulary, AddedTokens raw_added,
                AddedTokens normalized_added);

    const Vocabulary& vocabulary() const { return vocabulary_; }

    /// Error: corrupt when `text` is not UTF-8, invalid argument when it is too long to count.
    static Status check(std::string_view text);

    /// Append the tokens of a text that passed check(). May stop once out.size() is at least
    /// `enough`.
    void append(std::string_view text, std::size_t enough, TokenSink& out) const;

    /// Append the same tokens, the general way for every word.
    void append_general(std::string_view text, TokenSink& out) const;

  private:
    /// What the pass over raw bytes does with a byte.
    enum class ByteKind : std::uint8_t {
        kLetter,       ///< part of an ASCII word
        kSpace,        ///< ends a word
        kPunctuation,  ///< a word of its own
        kOther,        ///< its word takes the general way: not ASCII, or dropped
    };

    struct ByteRule {
        ByteKind kind = ByteKind::kOther;
        std::uint8_t letter = 0;    ///< the normal form of a letter, else 0
        std::int32_t mark_id = -1;  ///< the token of a punctuation mark
    };

    /// Memory of the general way, kept from word to word.
    struct Scratch {
        NormalizedText normalized;
        std::vector<ByteSpan> words;
        std::vector<WordToken> tokens;
    };

    enum class Way { kFast, kGeneral };

    ByteRule make_rule(char byte) const;
    bool is_inside_stretch(std::uint8_t byte) const;
    void append_by(Way way, std::string_view text, std::size_t enough, TokenSink& out) const;
    std::uint32_t append_fast(std::string_view text, std::uint32_t first_index, std::size_t enough,
                              Scratch& scratch, TokenSink& out) const;
    std::size_t append_letters(std::string_view text, std::size_t begin, std::uint32_t index,
                               TokenSink& out) const;
    std::uint32_t append_stretch(std::string_view text, std::uint32_t first_index, Scratch& scratch,
                                 TokenSink& out) const;
    void append_words(ByteSpan range, Scratch& scratch, TokenSink& out) const;

    Vocabulary vocabulary_;
    Normalizer normalizer_;
    AddedTokens raw_added_;
    AddedTokens normalized_added_;
    std::array<ByteRule, 256> rules_{};
};

}  // namespace finewatt::token
