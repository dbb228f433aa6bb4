#include "finewatt/data/encode.h"

#include <fmt/ranges.h>

#include <map>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

constexpr std::int32_t kNoWord = -1;

/// A feature while it grows.
struct GrowingFeature {
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> token_labels;
    std::vector<std::int32_t> word_ids;

    void add(std::int32_t id, std::int32_t label, std::int32_t word) {
        ids.push_back(id);
        token_labels.push_back(label);
        word_ids.push_back(word);
    }
};

/// Encodes sentences word by word.
class SentenceEncoder {
  public:
    SentenceEncoder(const std::vector<std::string>& label_names,
                    const WordPieceTokenizer& tokenizer, std::int32_t max_length)
        : names_(label_names),
          tokenizer_(tokenizer),
          max_length_(static_cast<std::size_t>(max_length)) {
        for (const std::string& name : label_names) {
            label_ids_.emplace(name, static_cast<std::int32_t>(label_ids_.size()));
        }
    }

    Result<GrowingFeature> encode(const TaggedSentence& sentence) const {
        GrowingFeature feature;
        feature.add(tokenizer_.cls_id(), kIgnoredLabel, kNoWord);
        for (std::size_t word = 0; word < sentence.words.size(); ++word) {
            if (feature.ids.size() + 1 >= max_length_) {
                break;
            }
            FINEWATT_ASSIGN(const std::int32_t label, label_of(sentence, word));
            FINEWATT_TRY_CONTEXT(add_word(sentence.words[word], word, label, feature), "word {}",
                                 word + 1);
        }
        feature.add(tokenizer_.sep_id(), kIgnoredLabel, kNoWord);
        return feature;
    }

  private:
    Result<std::int32_t> label_of(const TaggedSentence& sentence, std::size_t word) const {
        if (sentence.tags.empty()) {
            return kIgnoredLabel;
        }
        const auto found = label_ids_.find(sentence.tags[word]);
        if (found == label_ids_.end()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "word {}: expected one of the tags {}, found '{}'", word + 1,
                                  fmt::join(names_, ", "), sentence.tags[word]);
        }
        return found->second;
    }

    /// As the reference does with is_split_into_words, each word is a text of its own.
    Status add_word(const std::string& word, std::size_t index, std::int32_t label,
                    GrowingFeature& feature) const {
        EncodeOptions plain;
        plain.add_special_tokens = false;
        FINEWATT_ASSIGN(const Encoding encoding, tokenizer_.encode(word, plain));
        for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
            if (feature.ids.size() + 1 >= max_length_) {
                break;
            }
            feature.add(encoding.ids[i], i == 0 ? label : kIgnoredLabel,
                        static_cast<std::int32_t>(index));
        }
        return {};
    }

    const std::vector<std::string>& names_;
    const WordPieceTokenizer& tokenizer_;
    std::size_t max_length_;
    std::map<std::string_view, std::int32_t> label_ids_{};
};

}  // namespace

Result<FeatureSet> encode_dataset(const Dataset& dataset, const WordPieceTokenizer& tokenizer,
                                  std::int32_t max_length) {
    const EncodeOptions options{.add_special_tokens = true, .max_length = max_length};
    FeatureSetBuilder builder(TaskKind::kClassification);
    std::int64_t number = 0;
    for (const Example& example : dataset.examples) {
        Result<Encoding> encoding =
            example.pair ? tokenizer.encode_pair(example.text, *example.pair, options)
                         : tokenizer.encode(example.text, options);
        if (!encoding) {
            return Error(std::move(encoding).error())
                .with_context(fmt::format("example {}", number + 1));
        }
        builder.add({.ids = encoding->ids,
                     .type_ids = encoding->type_ids,
                     .label = example.label,
                     .example = number});
        ++number;
    }
    return std::move(builder).finish();
}

Result<FeatureSet> encode_sentences(const std::vector<TaggedSentence>& sentences,
                                    const std::vector<std::string>& label_names,
                                    const WordPieceTokenizer& tokenizer, std::int32_t max_length) {
    if (max_length < 3) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "max_length: expected at least 3 ([CLS], a token and [SEP]), found {}", max_length);
    }
    const SentenceEncoder encoder(label_names, tokenizer, max_length);
    FeatureSetBuilder builder(TaskKind::kTokenClassification);
    std::int64_t number = 0;
    for (const TaggedSentence& sentence : sentences) {
        Result<GrowingFeature> feature = encoder.encode(sentence);
        if (!feature) {
            return Error(std::move(feature).error())
                .with_context(fmt::format("sentence {}", number + 1));
        }
        const std::vector<std::int32_t> type_ids(feature->ids.size());
        builder.add({.ids = feature->ids,
                     .type_ids = type_ids,
                     .token_labels = feature->token_labels,
                     .word_ids = feature->word_ids,
                     .example = number});
        ++number;
    }
    return std::move(builder).finish();
}

}  // namespace finewatt
