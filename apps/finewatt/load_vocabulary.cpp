#include "finewatt/load_vocabulary.h"

#include <system_error>

namespace finewatt::app {

Result<WordPieceTokenizer> load_vocabulary(const std::filesystem::path& vocab, bool is_cased) {
    TokenizerOptions settings;
    std::error_code ignored;
    if (!std::filesystem::is_directory(vocab, ignored)) {
        settings.lowercase = !is_cased;
        return WordPieceTokenizer::from_vocab_file(vocab, settings);
    }
    FINEWATT_ASSIGN(WordPieceTokenizer tokenizer, WordPieceTokenizer::from_directory(vocab));
    if (!is_cased) {
        return tokenizer;
    }
    settings = tokenizer.options();
    settings.lowercase = false;
    settings.strip_accents = std::nullopt;
    return WordPieceTokenizer::from_directory(vocab, settings);
}

}  // namespace finewatt::app
