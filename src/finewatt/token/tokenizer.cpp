#include "finewatt/token/tokenizer.h"

#include "finewatt/base/check.h"
#include "finewatt/base/utf8.h"
#include "finewatt/token/added_tokens_internal.h"
#include "finewatt/token/normalizer_internal.h"
#include "finewatt/token/tokenizer_files_internal.h"
#include "finewatt/token/vocabulary_internal.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace finewatt {

using token::AddedToken;
using token::AddedTokens;
using token::ByteSpan;
using token::NormalizedText;
using token::TextPiece;
using token::TokenizerSpec;
using token::WordToken;

namespace {

constexpr std::array<std::string_view, 5> kSpecialTokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]",
                                                            "[MASK]"};

/// Tokens of one text, before truncation and special tokens.
struct TextTokens {
    std::vector<std::int32_t> ids;
    std::vector<std::pair<std::int32_t, std::int32_t>> offsets;

    void push_back(std::int32_t id, std::uint32_t begin, std::uint32_t end) {
        ids.push_back(id);
        offsets.emplace_back(static_cast<std::int32_t>(begin), static_cast<std::int32_t>(end));
    }

    void truncate(std::size_t size) {
        ids.resize(std::min(ids.size(), size));
        offsets.resize(std::min(offsets.size(), size));
    }
};

/// How many tokens of each text of a pair stay when both together get `room`: the reference's
/// longest_first. The shorter text stays whole if the longer alone can make the room; else both
/// get half, and the longer the odd one. Of equal lengths the second counts as the longer.
std::pair<std::size_t, std::size_t> longest_first(std::size_t first, std::size_t second,
                                                  std::size_t room) {
    if (first + second <= room) {
        return {first, second};
    }
    const std::size_t half = room / 2;
    const std::size_t shorter = std::min({first, second, half});
    const std::size_t longer = room - shorter;
    return first > second ? std::pair(longer, shorter) : std::pair(shorter, longer);
}

void append_text(const TextTokens& text, std::int32_t type_id, Encoding& out) {
    out.ids.insert(out.ids.end(), text.ids.begin(), text.ids.end());
    out.offsets.insert(out.offsets.end(), text.offsets.begin(), text.offsets.end());
    out.type_ids.resize(out.ids.size(), type_id);
}

void append_special(std::int32_t id, std::int32_t type_id, Encoding& out) {
    out.ids.push_back(id);
    out.offsets.emplace_back(0, 0);
    out.type_ids.push_back(type_id);
}

/// Return the tokens left for texts under options.max_length.
Result<std::size_t> room_for_text(const EncodeOptions& options, std::size_t special_count) {
    if (!options.max_length) {
        return std::numeric_limits<std::size_t>::max();
    }
    const std::int32_t needed =
        options.add_special_tokens ? static_cast<std::int32_t>(special_count) : 0;
    if (*options.max_length < needed) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "max_length: expected at least {} tokens for the special tokens, "
                              "found {}; raise it or leave the special tokens out",
                              needed, *options.max_length);
    }
    return static_cast<std::size_t>(*options.max_length - needed);
}

/// Make sure that the tokens BERT relies on are looked for in every text.
void add_missing_special_tokens(const token::Vocabulary& vocabulary,
                                std::vector<AddedToken>& added) {
    for (const std::string_view content : kSpecialTokens) {
        const bool is_there = std::any_of(added.begin(), added.end(), [&](const AddedToken& known) {
            return known.content == content;
        });
        const std::optional<std::int32_t> id = vocabulary.id_of(content);
        FINEWATT_CHECK(id.has_value(), "a vocabulary has every special token");
        if (!is_there) {
            AddedToken special;
            special.id = *id;
            special.content = std::string(content);
            added.push_back(std::move(special));
        }
    }
    std::sort(added.begin(), added.end(),
              [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
}

}  // namespace

class WordPieceTokenizer::Impl {
  public:
    static Result<std::unique_ptr<Impl>> create(TokenizerSpec spec);

    Impl(TokenizerOptions options, std::optional<std::int64_t> model_max_length_tokens,
         std::vector<AddedToken> added, token::Vocabulary vocabulary, AddedTokens raw_added,
         AddedTokens normalized_added)
        : options_(options),
          model_max_length_tokens_(model_max_length_tokens),
          added_(std::move(added)),
          vocabulary_(std::move(vocabulary)),
          normalizer_(options_),
          raw_added_(std::move(raw_added)),
          normalized_added_(std::move(normalized_added)) {}

    const TokenizerOptions& options() const { return options_; }

    const token::Vocabulary& vocabulary() const { return vocabulary_; }

    TokenizerSpec spec() const;

    /// Error: corrupt when `text` is not UTF-8, invalid argument when it is too long to count.
    Result<TextTokens> encode_text(std::string_view text) const;

  private:
    std::uint32_t encode_plain(std::string_view text, std::uint32_t first_index,
                               TextTokens& out) const;
    void encode_normalized(const NormalizedText& text, ByteSpan range, TextTokens& out) const;

    TokenizerOptions options_;
    std::optional<std::int64_t> model_max_length_tokens_;
    std::vector<AddedToken> added_;
    token::Vocabulary vocabulary_;
    token::Normalizer normalizer_;
    AddedTokens raw_added_;
    AddedTokens normalized_added_;
};

Result<std::unique_ptr<WordPieceTokenizer::Impl>> WordPieceTokenizer::Impl::create(
    TokenizerSpec spec) {
    FINEWATT_ASSIGN(
        token::Vocabulary vocabulary,
        token::Vocabulary::create(std::move(spec.tokens), spec.model_size, spec.origin));
    add_missing_special_tokens(vocabulary, spec.added_tokens);
    const token::Normalizer normalizer(spec.options);
    std::vector<AddedTokens::Pattern> raw;
    std::vector<AddedTokens::Pattern> normalized;
    for (const AddedToken& added : spec.added_tokens) {
        if (!added.normalized) {
            raw.push_back({added.content, added});
            continue;
        }
        NormalizedText pattern;
        normalizer.append(added.content, 0, pattern);
        if (pattern.bytes.empty()) {
            return FINEWATT_ERROR(kUnsupported,
                                  "{}: expected an added token that normalising leaves something "
                                  "of, found '{}' (id {}); set its \"normalized\" to false",
                                  spec.origin, added.content, added.id);
        }
        normalized.push_back({std::move(pattern.bytes), added});
    }
    return std::make_unique<Impl>(spec.options, spec.model_max_length_tokens,
                                  std::move(spec.added_tokens), std::move(vocabulary),
                                  AddedTokens(std::move(raw)), AddedTokens(std::move(normalized)));
}

TokenizerSpec WordPieceTokenizer::Impl::spec() const {
    TokenizerSpec spec;
    for (std::size_t i = 0; i < vocabulary_.size(); ++i) {
        spec.tokens.push_back(vocabulary_.token_of(static_cast<std::int32_t>(i)));
    }
    spec.model_size = vocabulary_.model_size();
    spec.added_tokens = added_;
    spec.options = options_;
    spec.model_max_length_tokens = model_max_length_tokens_;
    return spec;
}

Result<TextTokens> WordPieceTokenizer::Impl::encode_text(std::string_view text) const {
    if (text.size() > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "text: expected at most {} bytes, found {}; encode it in parts",
                              std::numeric_limits<std::int32_t>::max(), text.size());
    }
    if (const auto bad = find_invalid_utf8(text)) {
        return FINEWATT_ERROR(kCorrupt,
                              "text: expected UTF-8, found an invalid byte 0x{:02x} at byte {}; "
                              "convert the text to UTF-8",
                              static_cast<unsigned char>(text[*bad]), *bad);
    }
    TextTokens out;
    std::vector<TextPiece> pieces;
    raw_added_.cut(text, pieces);
    std::uint32_t index = 0;
    for (const TextPiece& piece : pieces) {
        const std::string_view bytes =
            text.substr(piece.span.begin, piece.span.end - piece.span.begin);
        if (!piece.id) {
            index = encode_plain(bytes, index, out);
            continue;
        }
        const std::uint32_t begin = index;
        index += token::count_code_points(bytes);
        out.push_back(*piece.id, begin, index);
    }
    return out;
}

std::uint32_t WordPieceTokenizer::Impl::encode_plain(std::string_view text,
                                                     std::uint32_t first_index,
                                                     TextTokens& out) const {
    NormalizedText normalized;
    const std::uint32_t end_index = normalizer_.append(text, first_index, normalized);
    std::vector<TextPiece> pieces;
    normalized_added_.cut(normalized.bytes, pieces);
    for (const TextPiece& piece : pieces) {
        if (piece.id) {
            out.push_back(*piece.id, normalized.source[piece.span.begin],
                          normalized.source[piece.span.end - 1] + 1);
        } else {
            encode_normalized(normalized, piece.span, out);
        }
    }
    return end_index;
}

void WordPieceTokenizer::Impl::encode_normalized(const NormalizedText& text, ByteSpan range,
                                                 TextTokens& out) const {
    std::vector<ByteSpan> words;
    token::split_words(text.bytes, range, words);
    std::vector<WordToken> tokens;
    for (const ByteSpan& word : words) {
        vocabulary_.append_pieces(text.bytes, word, tokens);
    }
    for (const WordToken& found : tokens) {
        out.push_back(found.id, text.source[found.span.begin], text.source[found.span.end - 1] + 1);
    }
}

WordPieceTokenizer::WordPieceTokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

WordPieceTokenizer::WordPieceTokenizer(WordPieceTokenizer&&) noexcept = default;
WordPieceTokenizer& WordPieceTokenizer::operator=(WordPieceTokenizer&&) noexcept = default;
WordPieceTokenizer::~WordPieceTokenizer() = default;

Result<WordPieceTokenizer> WordPieceTokenizer::from_vocab_file(
    const std::filesystem::path& vocab_txt, const TokenizerOptions& options) {
    FINEWATT_ASSIGN(TokenizerSpec spec, token::read_vocabulary_file(vocab_txt, options));
    FINEWATT_ASSIGN(auto impl, Impl::create(std::move(spec)));
    return WordPieceTokenizer(std::move(impl));
}

Result<WordPieceTokenizer> WordPieceTokenizer::from_tokens(std::vector<std::string> tokens,
                                                           const TokenizerOptions& options) {
    TokenizerSpec spec;
    spec.model_size = tokens.size();
    spec.tokens = std::move(tokens);
    spec.options = options;
    spec.origin = "vocabulary";
    FINEWATT_ASSIGN(auto impl, Impl::create(std::move(spec)));
    return WordPieceTokenizer(std::move(impl));
}

Result<WordPieceTokenizer> WordPieceTokenizer::from_directory(
    const std::filesystem::path& directory, const std::optional<TokenizerOptions>& overrides) {
    FINEWATT_ASSIGN(TokenizerSpec spec, token::read_tokenizer_directory(directory, overrides));
    FINEWATT_ASSIGN(auto impl, Impl::create(std::move(spec)));
    return WordPieceTokenizer(std::move(impl));
}

Result<Encoding> WordPieceTokenizer::encode(std::string_view text,
                                            const EncodeOptions& options) const {
    Encoding out;
    FINEWATT_TRY(append_encoded(text, options, out));
    return out;
}

Result<Encoding> WordPieceTokenizer::encode_pair(std::string_view text, std::string_view pair,
                                                 const EncodeOptions& options) const {
    Encoding out;
    FINEWATT_TRY(append_encoded_pair(text, pair, options, out));
    return out;
}

Status WordPieceTokenizer::append_encoded(std::string_view text, const EncodeOptions& options,
                                          Encoding& out) const {
    FINEWATT_ASSIGN(const std::size_t room, room_for_text(options, 2));
    FINEWATT_ASSIGN(TextTokens tokens, impl_->encode_text(text));
    tokens.truncate(room);
    if (options.add_special_tokens) {
        append_special(cls_id(), 0, out);
    }
    append_text(tokens, 0, out);
    if (options.add_special_tokens) {
        append_special(sep_id(), 0, out);
    }
    if (!options.with_offsets) {
        out.offsets.clear();
    }
    return {};
}

Status WordPieceTokenizer::append_encoded_pair(std::string_view text, std::string_view pair,
                                               const EncodeOptions& options, Encoding& out) const {
    FINEWATT_ASSIGN(const std::size_t room, room_for_text(options, 3));
    FINEWATT_ASSIGN(TextTokens first, impl_->encode_text(text));
    FINEWATT_ASSIGN(TextTokens second, impl_->encode_text(pair));
    const auto [first_size, second_size] = longest_first(first.ids.size(), second.ids.size(), room);
    first.truncate(first_size);
    second.truncate(second_size);
    if (options.add_special_tokens) {
        append_special(cls_id(), 0, out);
    }
    append_text(first, 0, out);
    if (options.add_special_tokens) {
        append_special(sep_id(), 0, out);
    }
    append_text(second, 1, out);
    if (options.add_special_tokens) {
        append_special(sep_id(), 1, out);
    }
    if (!options.with_offsets) {
        out.offsets.clear();
    }
    return {};
}

std::int32_t WordPieceTokenizer::vocabulary_size() const {
    return static_cast<std::int32_t>(impl_->vocabulary().size());
}

const TokenizerOptions& WordPieceTokenizer::options() const {
    return impl_->options();
}

std::optional<std::int32_t> WordPieceTokenizer::token_to_id(std::string_view token) const {
    return impl_->vocabulary().id_of(token);
}

std::string_view WordPieceTokenizer::id_to_token(std::int32_t id) const {
    return impl_->vocabulary().token_of(id);
}

std::int32_t WordPieceTokenizer::cls_id() const {
    return impl_->vocabulary().special().cls;
}

std::int32_t WordPieceTokenizer::sep_id() const {
    return impl_->vocabulary().special().sep;
}

std::int32_t WordPieceTokenizer::pad_id() const {
    return impl_->vocabulary().special().pad;
}

std::int32_t WordPieceTokenizer::unk_id() const {
    return impl_->vocabulary().special().unk;
}

std::int32_t WordPieceTokenizer::mask_id() const {
    return impl_->vocabulary().special().mask;
}

Status WordPieceTokenizer::save(const std::filesystem::path& directory) const {
    return token::write_tokenizer_directory(directory, impl_->spec());
}

}  // namespace finewatt
