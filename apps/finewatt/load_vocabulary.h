// The tokenizer that --vocab and --cased name.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/token/tokenizer.h"

#include <filesystem>

namespace finewatt::app {

/// Load a vocab.txt, or the folder of a model, whose own settings hold. `is_cased` keeps case and
/// accents and wins over what a folder says; a vocab.txt alone is uncased without it. Errors: those
/// of WordPieceTokenizer.
Result<WordPieceTokenizer> load_vocabulary(const std::filesystem::path& vocab, bool is_cased);

}  // namespace finewatt::app
