// WordPieceTokenizer: text to token ids and code-point offsets, equal to the Hugging Face fast
// (Rust) tokenizer for BERT: BertNormalizer, BertPreTokenizer, WordPiece (huggingface/tokenizers
// 0.23). Not for other tokenizer families.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finewatt {

/// Settings of the normaliser. Unset strip_accents follows `lowercase`, as the reference does.
struct TokenizerOptions {
    bool lowercase = true;
    std::optional<bool> strip_accents;
    bool handle_chinese_chars = true;
};

/// An encoded text or pair, or several behind each other (append_encoded). All vectors have one
/// entry per token, special tokens included when asked for.
struct Encoding {
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> type_ids;
    /// [begin, end) in code points of the text the token came from; {0, 0} for special tokens that
    /// were added. Not filled when EncodeOptions says so.
    std::vector<std::pair<std::int32_t, std::int32_t>> offsets;
};

/// How to encode.
struct EncodeOptions {
    bool add_special_tokens = true;  ///< [CLS] a [SEP] (b [SEP])
    /// Longest result in tokens, special tokens included; nothing = no limit. Pairs are cut by the
    /// reference's longest_first rule. Differs from the reference: a limit too small for the
    /// special tokens is an error here, and is ignored there.
    std::optional<std::int32_t> max_length;
    bool with_offsets = true;  ///< false leaves Encoding::offsets as it is
};

/// Immutable after construction; any thread may encode.
class WordPieceTokenizer {
  public:
    /// Read `vocab.txt` (one token a line, id = line number from 0; CR and a missing last line end
    /// are accepted). Errors: not found; corrupt when [UNK], [CLS], [SEP], [PAD] or [MASK] is
    /// missing, a token occurs twice, a line is empty or not UTF-8, naming the line.
    static Result<WordPieceTokenizer> from_vocab_file(const std::filesystem::path& vocab_txt,
                                                      const TokenizerOptions& options);

    /// Make from tokens in the order of their ids. Errors: as from_vocab_file, without the file's.
    static Result<WordPieceTokenizer> from_tokens(std::vector<std::string> tokens,
                                                  const TokenizerOptions& options);

    /// Read a Hugging Face folder as transformers 5 does: vocabulary and added tokens from
    /// tokenizer.json, or from vocab.txt where there is none; each setting from
    /// tokenizer_config.json, or from tokenizer.json where it is not named there. `overrides` wins
    /// over both. Truncation and padding that tokenizer.json may hold are ignored.
    ///
    /// Errors: not found; corrupt for broken JSON or a vocabulary as above, or with ids that leave
    /// holes; unsupported for a tokenizer that is not BERT WordPiece, naming what differs.
    static Result<WordPieceTokenizer> from_directory(
        const std::filesystem::path& directory,
        const std::optional<TokenizerOptions>& overrides = std::nullopt);

    WordPieceTokenizer(const WordPieceTokenizer&) = delete;
    WordPieceTokenizer& operator=(const WordPieceTokenizer&) = delete;
    WordPieceTokenizer(WordPieceTokenizer&&) noexcept;
    WordPieceTokenizer& operator=(WordPieceTokenizer&&) noexcept;
    ~WordPieceTokenizer();

    /// Encode one text. Error: corrupt when it is not UTF-8 (naming the byte); invalid argument
    /// when max_length cannot hold the special tokens.
    Result<Encoding> encode(std::string_view text, const EncodeOptions& options) const;

    /// Encode a pair; type ids are 0 for the first text and 1 for the second.
    Result<Encoding> encode_pair(std::string_view text, std::string_view pair,
                                 const EncodeOptions& options) const;

    /// Append to `out` what encode gives: for many texts in flat arrays, with nothing allocated
    /// while `out` has room. Remember out.ids.size() to know where each text begins. Errors: as
    /// encode; `out` is then as it was.
    Status append_encoded(std::string_view text, const EncodeOptions& options, Encoding& out) const;

    /// Append to `out` what encode_pair gives.
    Status append_encoded_pair(std::string_view text, std::string_view pair,
                               const EncodeOptions& options, Encoding& out) const;

    std::int32_t vocabulary_size() const;
    const TokenizerOptions& options() const;
    /// Return the id of a token of the vocabulary, or nothing.
    std::optional<std::int32_t> token_to_id(std::string_view token) const;
    /// Return the token of an id in [0, vocabulary_size()).
    std::string_view id_to_token(std::int32_t id) const;

    std::int32_t cls_id() const;
    std::int32_t sep_id() const;
    std::int32_t pad_id() const;
    std::int32_t unk_id() const;
    std::int32_t mask_id() const;

    /// Write vocab.txt, tokenizer.json and tokenizer_config.json, as transformers 5 loads them. The
    /// folder is made if it is not there. Each file is whole or as it was before. Errors: those of
    /// writing a file.
    Status save(const std::filesystem::path& directory) const;

  private:
    class Impl;
    explicit WordPieceTokenizer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace finewatt
