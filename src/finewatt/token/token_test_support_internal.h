// What several tests of the tokenizer share: a tokenizer from a few tokens, and the settings and
// the small vocabulary of the golden files (generate/make_golden.py). Tests only.
#pragma once

#include "finewatt/base/check.h"
#include "finewatt/testing/places.h"
#include "finewatt/token/tokenizer.h"

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finewatt::token {

/// A set of options with its name in the golden files.
struct GoldenSetting {
    std::string_view name;
    TokenizerOptions options;
};

inline const std::array<GoldenSetting, 5>& golden_settings() {
    static const std::array<GoldenSetting, 5> kSettings = {
        {{"uncased", {true, std::nullopt, true}},
         {"cased", {false, std::nullopt, true}},
         {"uncased_accents", {true, false, true}},
         {"cased_stripped", {false, true, true}},
         {"uncased_no_chinese", {true, std::nullopt, false}}}};
    return kSettings;
}

inline std::filesystem::path testdata(std::string_view name) {
    return std::filesystem::path(testing::source_dir()) / "src/finewatt/token/testdata" / name;
}

inline std::string lines(const std::vector<std::string>& tokens) {
    std::string text;
    for (const std::string& token : tokens) {
        text += token + "\n";
    }
    return text;
}

/// The five special tokens (ids 0..4), then `more`.
inline std::vector<std::string> with_specials(const std::vector<std::string>& more) {
    std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
    tokens.insert(tokens.end(), more.begin(), more.end());
    return tokens;
}

/// A tokenizer whose vocabulary is the special tokens, then `more`.
inline WordPieceTokenizer make_tokenizer(const std::vector<std::string>& more,
                                         const TokenizerOptions& options = {}) {
    auto tokenizer = WordPieceTokenizer::from_tokens(with_specials(more), options);
    FINEWATT_CHECK(tokenizer.has_value(), "a test gives distinct tokens");
    return std::move(tokenizer).value();
}

/// Options without special tokens.
inline EncodeOptions plain() {
    EncodeOptions options;
    options.add_special_tokens = false;
    return options;
}

/// "token[begin,end) ..." of an encoding, which reads well in a failure.
inline std::string shown(const WordPieceTokenizer& tokenizer, const Encoding& encoding) {
    std::string text;
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
        text +=
            fmt::format("{}{}[{},{})", i == 0 ? "" : " ", tokenizer.id_to_token(encoding.ids[i]),
                        encoding.offsets[i].first, encoding.offsets[i].second);
    }
    return text;
}

/// Encode without special tokens and show.
inline std::string encoded(const WordPieceTokenizer& tokenizer, std::string_view text) {
    const auto encoding = tokenizer.encode(text, plain());
    return encoding ? shown(tokenizer, *encoding) : encoding.error().describe();
}

}  // namespace finewatt::token
