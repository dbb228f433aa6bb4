// Tokenising JSON lines: the work of `finewatt tokenize`, without its command line.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <filesystem>
#include <iosfwd>
#include <optional>

namespace finewatt::app {

/// What the command line of `finewatt tokenize` says.
struct TokenizeOptions {
    std::filesystem::path vocab;  ///< a vocab.txt, or a Hugging Face folder
    bool cased = false;           ///< keep case and accents; wins over what a folder says
    std::optional<std::int32_t> max_length_tokens;
    bool special = false;  ///< add [CLS] and [SEP]
    bool json = false;     ///< write JSON lines; else the tokens, for people
};

/// Read lines {"text": ..., "pair": ...} from `in` ("pair" may be missing or null, other keys are
/// passed over) and write one line for each to `out`: {"ids", "offsets", "type_ids"}, offsets in
/// code points, or the tokens parted by spaces.
///
/// Lines before a bad one have been written when its error comes back. Errors: those of reading
/// the vocabulary; corrupt, naming the line, when it is not JSON or has no "text"; io when `out`
/// fails; invalid argument when max_length_tokens cannot hold the special tokens.
Status run_tokenize(const TokenizeOptions& options, std::istream& in, std::ostream& out);

}  // namespace finewatt::app
