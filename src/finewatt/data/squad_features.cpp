#include "finewatt/data/squad_features.h"

#include "finewatt/base/utf8.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace finewatt {
namespace {

constexpr std::size_t kSpecialTokens = 3;  // [CLS] question [SEP] context [SEP]

/// A context as tokens, and as the code points that answers count in.
struct EncodedContext {
    Encoding tokens;
    std::u32string text;
};

/// A half-open range of code points of the context.
struct Span {
    std::int64_t begin = 0;
    std::int64_t end = 0;
};

/// Makes the features of one question after the other.
class FeatureMaker {
  public:
    FeatureMaker(const SquadData& data, const WordPieceTokenizer& tokenizer,
                 const SquadFeatureOptions& options,
                 const std::function<Status(SquadFeature&&)>& take)
        : data_(data),
          tokenizer_(tokenizer),
          options_(options),
          take_(take) {}

    Status add_example(std::size_t index) {
        const SquadExample& example = data_.examples[index];
        FINEWATT_TRY_CONTEXT(encode_context(example.context), "the context");
        // run_qa.py strips white space off the question's left end; WordPiece makes no token of it.
        FINEWATT_ASSIGN(const Encoding question,
                        tokenizer_.encode(example.question, {.add_special_tokens = false,
                                                             .max_length = std::nullopt}));
        std::optional<Span> answer;
        if (options_.is_training) {
            FINEWATT_ASSIGN(answer, check_answers(example));
        }
        return cut_windows(static_cast<std::int64_t>(index), question, answer);
    }

    SquadFeatureCounts take_counts() { return std::move(counts_); }

  private:
    Status encode_context(std::size_t number) {
        if (encoded_ == number) {
            return {};
        }
        const std::string& text = data_.contexts[number];
        FINEWATT_ASSIGN(context_.text, decode_utf8(text));
        FINEWATT_ASSIGN(context_.tokens, tokenizer_.encode(text, {.add_special_tokens = false,
                                                                  .max_length = std::nullopt}));
        encoded_ = number;
        return {};
    }

    /// Return the range of the first answer; the others are only checked.
    Result<std::optional<Span>> check_answers(const SquadExample& example) {
        std::optional<Span> first;
        for (const SquadAnswer& answer : example.answers) {
            FINEWATT_ASSIGN(const std::u32string text, decode_utf8(answer.text));
            if (text.empty()) {
                return FINEWATT_ERROR(kInvalidArgument,
                                      "expected the text of an answer, found an empty one; a "
                                      "question without answer has an empty list of answers");
            }
            FINEWATT_TRY(check_place(example, answer, text));
            if (!first) {
                first = Span{answer.start, answer.start + static_cast<std::int64_t>(text.size())};
            }
        }
        return first;
    }

    Status check_place(const SquadExample& example, const SquadAnswer& answer,
                       const std::u32string& text) {
        const std::u32string_view context = context_.text;
        const auto start = static_cast<std::size_t>(answer.start);
        const std::u32string_view found =
            start < context.size() ? context.substr(start, text.size()) : std::u32string_view();
        if (found == text) {
            return {};
        }
        if (options_.answer_check == AnswerCheck::kRefuse) {
            std::string found_text;
            for (const char32_t c : found) {
                append_utf8(found_text, c);
            }
            return FINEWATT_ERROR(kInvalidArgument,
                                  "expected the answer '{}' at code point {} of the context (of "
                                  "{}), found '{}'; correct answer_start (it counts code points, "
                                  "not bytes) or the text",
                                  answer.text, answer.start, context.size(), found_text);
        }
        if (counts_.answers_not_in_context == 0) {
            counts_.first_not_in_context = example.id;
        }
        ++counts_.answers_not_in_context;
        return {};
    }

    /// Windows of `room` tokens, each beginning `room - doc_stride` after the one before; the first
    /// that reaches the end is the last.
    Status cut_windows(std::int64_t example, const Encoding& question, std::optional<Span> answer) {
        const std::size_t total = context_.tokens.ids.size();
        const auto max_length = static_cast<std::size_t>(options_.max_length);
        const auto shared = static_cast<std::size_t>(options_.doc_stride);
        const std::size_t taken = question.ids.size() + kSpecialTokens;
        const std::size_t room = max_length > taken ? max_length - taken : 0;
        if (taken > max_length || (total > room && room <= shared)) {
            return FINEWATT_ERROR(
                kInvalidArgument,
                "expected room for more than {} tokens of the context (the doc stride), found {}: "
                "{} tokens less {} of the question and {} special ones; shorten the question, or "
                "choose a larger max length or a smaller doc stride",
                shared, room, max_length, question.ids.size(), kSpecialTokens);
        }
        for (std::size_t begin = 0;; begin += room - shared) {
            const std::size_t end = std::min(begin + room, total);
            SquadFeature feature = make_window(question, begin, end);
            feature.example = example;
            if (answer) {
                mark_answer(*answer, taken - 1, feature);
            }
            ++counts_.features;
            FINEWATT_TRY(take_(std::move(feature)));
            if (end == total) {
                return {};
            }
        }
    }

    SquadFeature make_window(const Encoding& question, std::size_t begin, std::size_t end) const {
        SquadFeature feature;
        const std::size_t before = question.ids.size() + 2;
        const std::size_t length = before + (end - begin) + 1;
        feature.ids.reserve(length);
        feature.ids.push_back(tokenizer_.cls_id());
        feature.ids.insert(feature.ids.end(), question.ids.begin(), question.ids.end());
        feature.ids.push_back(tokenizer_.sep_id());
        feature.type_ids.assign(length, 1);
        std::fill_n(feature.type_ids.begin(), before, 0);
        feature.offset_begins.assign(length, -1);
        feature.offset_ends.assign(length, -1);
        for (std::size_t t = begin; t < end; ++t) {
            const auto& [first, last] = context_.tokens.offsets[t];
            feature.offset_begins[feature.ids.size()] = first;
            feature.offset_ends[feature.ids.size()] = last;
            feature.ids.push_back(context_.tokens.ids[t]);
        }
        feature.ids.push_back(tokenizer_.sep_id());
        return feature;
    }

    /// Set the tokens of the answer, unless it reaches beyond the window [first, the last but one).
    void mark_answer(const Span& answer, std::size_t first, SquadFeature& feature) {
        const std::size_t end = feature.ids.size() - 1;
        const auto& begins = feature.offset_begins;
        const auto& ends = feature.offset_ends;
        if (first == end || begins[first] > answer.begin || ends[end - 1] < answer.end) {
            return;
        }
        // The last token that begins at the answer or before, the first that ends there or behind.
        std::size_t start_token = first;
        while (start_token + 1 < end && begins[start_token + 1] <= answer.begin) {
            ++start_token;
        }
        std::size_t end_token = end - 1;
        while (end_token > first && ends[end_token - 1] >= answer.end) {
            --end_token;
        }
        feature.answer_start = static_cast<std::int32_t>(start_token);
        feature.answer_end = static_cast<std::int32_t>(end_token);
        ++counts_.windows_with_answer;
    }

    const SquadData& data_;
    const WordPieceTokenizer& tokenizer_;
    const SquadFeatureOptions& options_;
    const std::function<Status(SquadFeature&&)>& take_;
    EncodedContext context_;
    std::optional<std::size_t> encoded_{};  ///< which context `context_` is
    SquadFeatureCounts counts_{};
};

}  // namespace

Result<SquadFeatureCounts> make_squad_features(const SquadData& data,
                                               const WordPieceTokenizer& tokenizer,
                                               const SquadFeatureOptions& options,
                                               const std::function<Status(SquadFeature&&)>& take) {
    if (options.max_length < 1 || options.doc_stride < 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected a max length of 1 or more and a doc stride of 0 or more, "
                              "found {} and {}",
                              options.max_length, options.doc_stride);
    }
    FeatureMaker maker(data, tokenizer, options, take);
    for (std::size_t i = 0; i < data.examples.size(); ++i) {
        FINEWATT_TRY_CONTEXT(maker.add_example(i), "question '{}'", data.examples[i].id);
    }
    return maker.take_counts();
}

Result<QuestionFeatures> encode_questions(const SquadData& data,
                                          const WordPieceTokenizer& tokenizer,
                                          const SquadFeatureOptions& options) {
    FeatureSetBuilder builder(TaskKind::kQuestionAnswering);
    QuestionFeatures made;
    FINEWATT_ASSIGN(made.counts, make_squad_features(data, tokenizer, options,
                                                     [&](SquadFeature&& feature) -> Status {
                                                         FeatureView view;
                                                         view.ids = feature.ids;
                                                         view.type_ids = feature.type_ids;
                                                         view.answer_start = feature.answer_start;
                                                         view.answer_end = feature.answer_end;
                                                         view.offset_begins = feature.offset_begins;
                                                         view.offset_ends = feature.offset_ends;
                                                         view.example = feature.example;
                                                         builder.add(view);
                                                         return {};
                                                     }));
    made.features = std::move(builder).finish();
    return made;
}

}  // namespace finewatt
