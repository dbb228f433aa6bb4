#include "finewatt/token/tokenizer.h"

#include "finewatt/base/check.h"
#include "finewatt/token/added_tokens_internal.h"
#include "finewatt/token/normalizer_internal.h"
#include "finewatt/token/text_encoder_internal.h"
#include "finewatt/token/tokenizer_files_internal.h"
#include "finewatt/token/vocabulary_internal.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace finewatt {

using token::AddedToken;
using token::AddedTokens;
using token::NormalizedText;
using token::TextEncoder;
using token::TokenizerSpec;
using token::TokenSink;

namespace {

constexpr std::array<std::string_view, 5> kSpecialTokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]",
                                                            "[MASK]"};

/// More tokens than a text can have; sums with it stay in range.
constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max() / 2;

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

/// Return the tokens left for texts under options.max_length.
Result<std::size_t> room_for_text(const EncodeOptions& options, std::size_t special_count) {
    if (!options.max_length) {
        return kNoLimit;
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
          encoder_(options, std::move(vocabulary), std::move(raw_added),
                   std::move(normalized_added)) {}

    const TokenizerOptions& options() const { return options_; }

    const token::TextEncoder& encoder() const { return encoder_; }

    const token::Vocabulary& vocabulary() const { return encoder_.vocabulary(); }

    TokenizerSpec spec() const;

  private:
    TokenizerOptions options_;
    std::optional<std::int64_t> model_max_length_tokens_;
    std::vector<AddedToken> added_;
    token::TextEncoder encoder_;
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
    for (std::size_t i = 0; i < vocabulary().size(); ++i) {
        spec.tokens.push_back(vocabulary().token_of(static_cast<std::int32_t>(i)));
    }
    spec.model_size = vocabulary().model_size();
    spec.added_tokens = added_;
    spec.options = options_;
    spec.model_max_length_tokens = model_max_length_tokens_;
    return spec;
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
    FINEWATT_TRY(TextEncoder::check(text));
    TokenSink sink(out, options.with_offsets);
    if (options.add_special_tokens) {
        sink.push_back(cls_id(), 0, 0);
    }
    const std::size_t enough = sink.size() + room;
    impl_->encoder().append(text, enough, sink);
    sink.erase(std::min(enough, sink.size()), sink.size());
    if (options.add_special_tokens) {
        sink.push_back(sep_id(), 0, 0);
    }
    sink.fill_type_ids(0, sink.size());
    return {};
}

Status WordPieceTokenizer::append_encoded_pair(std::string_view text, std::string_view pair,
                                               const EncodeOptions& options, Encoding& out) const {
    FINEWATT_ASSIGN(const std::size_t room, room_for_text(options, 3));
    FINEWATT_TRY(TextEncoder::check(text));
    FINEWATT_TRY(TextEncoder::check(pair));
    TokenSink sink(out, options.with_offsets);
    if (options.add_special_tokens) {
        sink.push_back(cls_id(), 0, 0);
    }
    const std::size_t first_begin = sink.size();
    impl_->encoder().append(text, kNoLimit, sink);
    const std::size_t first_end = sink.size();
    if (options.add_special_tokens) {
        sink.push_back(sep_id(), 0, 0);
    }
    const std::size_t second_begin = sink.size();
    impl_->encoder().append(pair, kNoLimit, sink);
    const auto [first_size, second_size] =
        longest_first(first_end - first_begin, sink.size() - second_begin, room);
    sink.erase(second_begin + second_size, sink.size());
    sink.erase(first_begin + first_size, first_end);
    const std::size_t second_end = sink.size();
    if (options.add_special_tokens) {
        sink.push_back(sep_id(), 0, 0);
    }
    sink.fill_type_ids(0, second_end - second_size);
    sink.fill_type_ids(1, sink.size());
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
