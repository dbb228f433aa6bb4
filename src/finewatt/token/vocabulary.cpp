#include "finewatt/base/check.h"
#include "finewatt/base/utf8.h"
#include "finewatt/token/vocabulary_internal.h"

#include <utility>

namespace finewatt::token {
namespace {

using IdMap = std::unordered_map<std::string_view, std::int32_t>;

Result<IdMap> index_tokens(const std::vector<std::string>& tokens, std::string_view origin) {
    IdMap ids;
    ids.reserve(tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const std::string& token = tokens[i];
        const auto id = static_cast<std::int32_t>(i);
        if (token.empty()) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected a token for id {} (line {}), found nothing; remove "
                                  "the empty line only if the model was trained without it",
                                  origin, id, i + 1);
        }
        if (const auto bad = find_invalid_utf8(token)) {
            return FINEWATT_ERROR(
                kCorrupt,
                "{}: expected UTF-8, found an invalid byte in token {} (line {}, byte {})", origin,
                id, i + 1, *bad);
        }
        const auto [earlier, is_new] = ids.emplace(token, id);
        if (!is_new) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected each token once, found '{}' as id {} and id {} "
                                  "(lines {} and {})",
                                  origin, token, earlier->second, id, earlier->second + 1, i + 1);
        }
    }
    return ids;
}

Result<SpecialIds> find_special_ids(const IdMap& ids, std::string_view origin) {
    SpecialIds special{};
    const std::pair<std::string_view, std::int32_t*> wanted[] = {{"[PAD]", &special.pad},
                                                                 {"[UNK]", &special.unk},
                                                                 {"[CLS]", &special.cls},
                                                                 {"[SEP]", &special.sep},
                                                                 {"[MASK]", &special.mask}};
    for (const auto& [token, id] : wanted) {
        const auto found = ids.find(token);
        if (found == ids.end()) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected the special token {}, found {} tokens without it; "
                                  "is this a BERT WordPiece vocabulary?",
                                  origin, token, ids.size());
        }
        *id = found->second;
    }
    return special;
}

PieceTrie make_trie(const std::vector<std::string>& tokens, std::size_t model_size) {
    std::vector<PieceTrie::Piece> word_begin;
    std::vector<PieceTrie::Piece> word_inside;
    for (std::size_t i = 0; i < model_size; ++i) {
        const std::string_view token = tokens[i];
        const auto id = static_cast<std::int32_t>(i);
        word_begin.push_back({token, id});
        if (token.size() > kContinuationPrefix.size() &&
            token.substr(0, kContinuationPrefix.size()) == kContinuationPrefix) {
            word_inside.push_back({token.substr(kContinuationPrefix.size()), id});
        }
    }
    return {std::move(word_begin), std::move(word_inside)};
}

bool is_too_long(std::string_view word) {
    return word.size() > kMaxWordCodePoints && count_code_points(word) > kMaxWordCodePoints;
}

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> tokens, std::size_t model_size, IdMap ids,
                       SpecialIds special, PieceTrie trie)
    : tokens_(std::move(tokens)),
      model_size_(model_size),
      ids_(std::move(ids)),
      special_(special),
      trie_(std::move(trie)) {}

Result<Vocabulary> Vocabulary::create(std::vector<std::string> tokens, std::size_t model_size,
                                      std::string_view origin) {
    FINEWATT_CHECK(model_size <= tokens.size(), "added tokens come after the model's");
    FINEWATT_ASSIGN(IdMap ids, index_tokens(tokens, origin));
    FINEWATT_ASSIGN(const SpecialIds special, find_special_ids(ids, origin));
    PieceTrie trie = make_trie(tokens, model_size);
    return Vocabulary(std::move(tokens), model_size, std::move(ids), special, std::move(trie));
}

std::optional<std::int32_t> Vocabulary::id_of(std::string_view token) const {
    const auto found = ids_.find(token);
    if (found == ids_.end()) {
        return std::nullopt;
    }
    return found->second;
}

const std::string& Vocabulary::token_of(std::int32_t id) const {
    FINEWATT_CHECK(id >= 0 && static_cast<std::size_t>(id) < tokens_.size(),
                   "a token id lies in [0, vocabulary size)");
    return tokens_[static_cast<std::size_t>(id)];
}

void Vocabulary::append_pieces(std::string_view normalized, ByteSpan word,
                               std::vector<WordToken>& out) const {
    const std::string_view text = normalized.substr(0, word.end);
    const std::size_t before = out.size();
    std::size_t at = word.begin;
    if (!is_too_long(text.substr(at))) {
        while (at < word.end) {
            const PiecePlace place =
                at == word.begin ? PiecePlace::kWordBegin : PiecePlace::kWordInside;
            const std::optional<PieceMatch> match = trie_.longest_match(text.substr(at), place);
            if (!match) {
                break;
            }
            out.push_back({match->id, {at, at + match->length}});
            at += match->length;
        }
    }
    if (at < word.end) {
        out.resize(before);
        out.push_back({special_.unk, word});
    }
}

std::vector<std::string> split_vocabulary_lines(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (!line.empty() && line.back() == '\r') {
            line.remove_suffix(1);
        }
        lines.emplace_back(line);
    }
    return lines;
}

}  // namespace finewatt::token
