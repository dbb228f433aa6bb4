#include "finewatt/base/check.h"
#include "finewatt/base/utf8.h"
#include "finewatt/token/char_table_internal.h"
#include "finewatt/token/text_encoder_internal.h"

#include <cstring>
#include <limits>
#include <utility>

namespace finewatt::token {
namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
    return static_cast<std::uint8_t>(text[i]);
}

/// Return the length of the ASCII that `text` begins with, in whole steps of eight bytes.
std::size_t ascii_front(std::string_view text) {
    constexpr std::uint64_t kHighBits = 0x8080808080808080;
    std::size_t at = 0;
    for (std::uint64_t eight = 0; at + sizeof eight <= text.size(); at += sizeof eight) {
        std::memcpy(&eight, text.data() + at, sizeof eight);
        if ((eight & kHighBits) != 0) {
            break;
        }
    }
    return at;
}

}  // namespace

TokenSink::TokenSink(Encoding& out, bool with_offsets) : out_(out), with_offsets_(with_offsets) {
    FINEWATT_CHECK(out.type_ids.size() == out.ids.size(), "each token has a type id");
    FINEWATT_CHECK(!with_offsets || out.offsets.size() == out.ids.size(),
                   "offsets are asked for from the first text of an Encoding on");
}

void TokenSink::erase(std::size_t begin, std::size_t end) {
    const auto erase_from = [&](auto& values) {
        const auto first = values.begin();
        values.erase(first + static_cast<std::ptrdiff_t>(begin),
                     first + static_cast<std::ptrdiff_t>(end));
    };
    erase_from(out_.ids);
    if (with_offsets_) {
        erase_from(out_.offsets);
    }
}

void TokenSink::fill_type_ids(std::int32_t type_id, std::size_t end) {
    out_.type_ids.resize(end, type_id);
}

TextEncoder::TextEncoder(const TokenizerOptions& options, Vocabulary vocabulary,
                         AddedTokens raw_added, AddedTokens normalized_added)
    : vocabulary_(std::move(vocabulary)),
      normalizer_(options),
      raw_added_(std::move(raw_added)),
      normalized_added_(std::move(normalized_added)) {
    for (std::size_t byte = 0; byte < 0x80; ++byte) {
        rules_[byte] = make_rule(static_cast<char>(byte));
    }
}

TextEncoder::ByteRule TextEncoder::make_rule(char byte) const {
    NormalizedText normalized;
    normalizer_.append({&byte, 1}, 0, normalized);
    ByteRule rule;
    if (normalized.bytes.size() != 1) {
        return rule;  // dropped
    }
    const std::uint8_t to = byte_at(normalized.bytes, 0);
    if (to == ' ') {
        rule.kind = ByteKind::kSpace;
    } else if ((char_properties(to).flags & kCharPunctuation) != 0) {
        rule.kind = ByteKind::kPunctuation;
        std::vector<WordToken> tokens;
        vocabulary_.append_pieces(normalized.bytes, {0, 1}, tokens);
        rule.mark_id = tokens.front().id;
    } else {
        rule.kind = ByteKind::kLetter;
        rule.letter = to;
    }
    return rule;
}

Status TextEncoder::check(std::string_view text) {
    if (text.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "text: expected at most {} bytes, found {}; encode it in parts",
                              std::numeric_limits<std::int32_t>::max(), text.size());
    }
    const std::size_t checked = ascii_front(text);
    if (const auto bad = find_invalid_utf8(text.substr(checked))) {
        return FINEWATT_ERROR(kCorrupt,
                              "text: expected UTF-8, found an invalid byte 0x{:02x} at byte {}; "
                              "convert the text to UTF-8",
                              byte_at(text, checked + *bad), checked + *bad);
    }
    return {};
}

void TextEncoder::append(std::string_view text, std::size_t enough, TokenSink& out) const {
    // Tokens that are looked for in the normal form may stretch over words.
    append_by(normalized_added_.is_empty() ? Way::kFast : Way::kGeneral, text, enough, out);
}

void TextEncoder::append_general(std::string_view text, TokenSink& out) const {
    append_by(Way::kGeneral, text, std::numeric_limits<std::size_t>::max(), out);
}

void TextEncoder::append_by(Way way, std::string_view text, std::size_t enough,
                            TokenSink& out) const {
    Scratch scratch;
    const auto append_plain = [&](std::string_view plain, std::uint32_t index) {
        return way == Way::kFast ? append_fast(plain, index, enough, scratch, out)
                                 : append_stretch(plain, index, scratch, out);
    };
    if (!raw_added_.may_be_in(text)) {
        append_plain(text, 0);
        return;
    }
    std::vector<TextPiece> pieces;
    raw_added_.cut(text, pieces);
    std::uint32_t index = 0;
    for (const TextPiece& piece : pieces) {
        if (out.size() >= enough) {
            return;
        }
        const std::string_view bytes =
            text.substr(piece.span.begin, piece.span.end - piece.span.begin);
        if (!piece.id) {
            index = append_plain(bytes, index);
            continue;
        }
        const std::uint32_t begin = index;
        index += count_code_points(bytes);
        out.push_back(*piece.id, begin, index);
    }
}

/// `first_index` is the number of the first code point. Return the number after the last, unless
/// there was enough before.
std::uint32_t TextEncoder::append_fast(std::string_view text, std::uint32_t first_index,
                                       std::size_t enough, Scratch& scratch, TokenSink& out) const {
    std::size_t at = 0;
    std::uint32_t index = first_index;
    while (at < text.size() && out.size() < enough) {
        const ByteRule& rule = rules_[byte_at(text, at)];
        if (rule.kind == ByteKind::kSpace || rule.kind == ByteKind::kPunctuation) {
            if (rule.kind == ByteKind::kPunctuation) {
                out.push_back(rule.mark_id, index, index + 1);
            }
            ++at;
            ++index;
            continue;
        }
        const std::size_t before = out.size();
        std::size_t end = append_letters(text, at, index, out);
        if (end == text.size() || rules_[byte_at(text, end)].kind != ByteKind::kOther) {
            index += static_cast<std::uint32_t>(end - at);
            at = end;
            continue;
        }
        // ASCII space and punctuation part words whatever the general way makes of the rest, and
        // no combining mark is moved across them.
        out.erase(before, out.size());
        while (end < text.size() && is_inside_stretch(byte_at(text, end))) {
            ++end;
        }
        index = append_stretch(text.substr(at, end - at), index, scratch, out);
        at = end;
    }
    return index;
}

bool TextEncoder::is_inside_stretch(std::uint8_t byte) const {
    const ByteKind kind = rules_[byte].kind;
    return kind == ByteKind::kLetter || kind == ByteKind::kOther;
}

/// Append the tokens of the ASCII letters from `begin` on, whose number is `index`, as of a word.
/// Return where they end.
std::size_t TextEncoder::append_letters(std::string_view text, std::size_t begin,
                                        std::uint32_t index, TokenSink& out) const {
    const PieceTrie& trie = vocabulary_.trie();
    const auto letter_at = [&](std::size_t at) {
        return at < text.size() ? rules_[byte_at(text, at)].letter : std::uint8_t{0};
    };
    const std::size_t before = out.size();
    std::uint32_t root = PieceTrie::kWordBeginRoot;
    std::size_t piece_begin = begin;
    while (letter_at(piece_begin) != 0) {
        std::uint32_t node = root;
        std::int32_t id = PieceTrie::kNoPiece;
        std::size_t id_end = piece_begin;
        std::size_t at = piece_begin;
        for (std::uint8_t letter = letter_at(at); letter != 0; letter = letter_at(at)) {
            node = trie.child(node, letter);
            if (node == PieceTrie::kNoNode) {
                break;
            }
            ++at;
            if (trie.piece_at(node) != PieceTrie::kNoPiece) {
                id = trie.piece_at(node);
                id_end = at;
            }
        }
        if (id == PieceTrie::kNoPiece) {
            break;
        }
        out.push_back(id, index + (piece_begin - begin), index + (id_end - begin));
        piece_begin = id_end;
        root = PieceTrie::kWordInsideRoot;
    }
    std::size_t end = piece_begin;
    while (letter_at(end) != 0) {
        ++end;
    }
    const bool has_unknown_part = piece_begin < end;
    if (has_unknown_part || end - begin > kMaxWordCodePoints) {
        out.erase(before, out.size());
        out.push_back(vocabulary_.special().unk, index, index + (end - begin));
    }
    return end;
}

/// The general way. Return the number after the last code point.
std::uint32_t TextEncoder::append_stretch(std::string_view text, std::uint32_t first_index,
                                          Scratch& scratch, TokenSink& out) const {
    NormalizedText& normalized = scratch.normalized;
    normalized.bytes.clear();
    normalized.source.clear();
    const std::uint32_t end_index = normalizer_.append(text, first_index, normalized);
    if (normalized_added_.is_empty()) {
        append_words({0, normalized.bytes.size()}, scratch, out);
        return end_index;
    }
    std::vector<TextPiece> pieces;
    normalized_added_.cut(normalized.bytes, pieces);
    for (const TextPiece& piece : pieces) {
        if (piece.id) {
            out.push_back(*piece.id, normalized.source[piece.span.begin],
                          normalized.source[piece.span.end - 1] + 1);
        } else {
            append_words(piece.span, scratch, out);
        }
    }
    return end_index;
}

void TextEncoder::append_words(ByteSpan range, Scratch& scratch, TokenSink& out) const {
    const NormalizedText& normalized = scratch.normalized;
    scratch.words.clear();
    split_words(normalized.bytes, range, scratch.words);
    scratch.tokens.clear();
    for (const ByteSpan& word : scratch.words) {
        vocabulary_.append_pieces(normalized.bytes, word, scratch.tokens);
    }
    for (const WordToken& found : scratch.tokens) {
        out.push_back(found.id, normalized.source[found.span.begin],
                      normalized.source[found.span.end - 1] + 1);
    }
}

}  // namespace finewatt::token
