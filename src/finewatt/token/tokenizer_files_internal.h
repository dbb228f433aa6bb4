// Tokenizer files: vocab.txt and the Hugging Face folder (tokenizer.json, tokenizer_config.json),
// read into a TokenizerSpec and written from one. The JSON layout is that of tokenizers 0.23.3 and
// transformers 5.17. Not for other tokenizers than BERT WordPiece: those are refused.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/token/added_tokens_internal.h"
#include "finewatt/token/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace finewatt::token {

/// All that makes a tokenizer.
struct TokenizerSpec {
    /// id -> token; from model_size on, those that only added_tokens names.
    std::vector<std::string> tokens;
    std::size_t model_size = 0;
    std::vector<AddedToken> added_tokens;
    TokenizerOptions options;
    /// "model_max_length" of tokenizer_config.json, kept for saving.
    std::optional<std::int64_t> model_max_length_tokens;
    /// The file of the vocabulary, for errors.
    std::string origin;
};

/// Read vocab.txt; its tokens are not checked here.
Result<TokenizerSpec> read_vocabulary_file(const std::filesystem::path& vocab_txt,
                                           const TokenizerOptions& options);

/// Read a folder; its tokens are not checked here, apart from ids that leave holes.
Result<TokenizerSpec> read_tokenizer_directory(const std::filesystem::path& directory,
                                               const std::optional<TokenizerOptions>& overrides);

/// Write the three files.
Status write_tokenizer_directory(const std::filesystem::path& directory, const TokenizerSpec& spec);

/// The content of tokenizer.json and tokenizer_config.json.
std::string tokenizer_json_text(const TokenizerSpec& spec);
std::string tokenizer_config_text(const TokenizerSpec& spec);

}  // namespace finewatt::token
