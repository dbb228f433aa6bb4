// Vocabulary: tokens and ids, and WordPiece, the greedy cut of a word into the longest pieces.
// Reads and checks vocab.txt. Not for added tokens: those are found in the text before (see
// added_tokens_internal.h), though they have ids here too.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/token/normalizer_internal.h"
#include "finewatt/token/trie_internal.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace finewatt::token {

/// A longer word, in code points, becomes [UNK]. Differs from Google's BERT, which has 200.
inline constexpr std::size_t kMaxWordCodePoints = 100;
/// What a piece inside a word begins with in the vocabulary.
inline constexpr std::string_view kContinuationPrefix = "##";

/// A token that a word was cut into: its id and its bytes within the normalised text.
struct WordToken {
    std::int32_t id;
    ByteSpan span;
};

/// Ids of the tokens that BERT cannot do without.
struct SpecialIds {
    std::int32_t pad;
    std::int32_t unk;
    std::int32_t cls;
    std::int32_t sep;
    std::int32_t mask;
};

/// Immutable after construction; any thread may read.
class Vocabulary {
  public:
    /// Make from tokens, id = position. Those from `model_size` on are added tokens, which words
    /// are not cut into. `origin` names the file in errors. Errors: corrupt when a token is empty,
    /// not UTF-8 or occurs twice, or a special token is missing.
    static Result<Vocabulary> create(std::vector<std::string> tokens, std::size_t model_size,
                                     std::string_view origin);

    Vocabulary(Vocabulary&&) noexcept = default;
    Vocabulary& operator=(Vocabulary&&) noexcept = default;
    Vocabulary(const Vocabulary&) = delete;
    Vocabulary& operator=(const Vocabulary&) = delete;
    ~Vocabulary() = default;

    /// The number of tokens, added ones included.
    std::size_t size() const { return tokens_.size(); }

    std::size_t model_size() const { return model_size_; }

    const SpecialIds& special() const { return special_; }

    /// The pieces of the model's words.
    const PieceTrie& trie() const { return trie_; }

    std::optional<std::int32_t> id_of(std::string_view token) const;

    const std::string& token_of(std::int32_t id) const;

    /// Cut the word `normalized[word]` into pieces and append them; one [UNK] for the whole word
    /// when no cut fits or the word is too long.
    void append_pieces(std::string_view normalized, ByteSpan word,
                       std::vector<WordToken>& out) const;

  private:
    Vocabulary(std::vector<std::string> tokens, std::size_t model_size,
               std::unordered_map<std::string_view, std::int32_t> ids, SpecialIds special,
               PieceTrie trie);

    std::vector<std::string> tokens_;
    std::size_t model_size_;
    /// Keys point into tokens_, whose strings never move.
    std::unordered_map<std::string_view, std::int32_t> ids_;
    SpecialIds special_;
    PieceTrie trie_;
};

/// Split the text of a vocab.txt into tokens: one a line, ends LF or CR LF, the last may lack it.
std::vector<std::string> split_vocabulary_lines(std::string_view text);

}  // namespace finewatt::token
