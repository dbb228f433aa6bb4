#include "finewatt/base/log.h"
#include "finewatt/data/score.h"
#include "finewatt/engine/classify.h"
#include "finewatt/engine/predictions_internal.h"
#include "finewatt/engine/reporter_internal.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace finewatt {
namespace {

/// Gathers the logits of one feature after the other into Predictions.
class Collector {
  public:
    static Result<Collector> create(const Task& task, const TaskData& data, std::int64_t labels) {
        Collector collector(data, static_cast<std::size_t>(labels));
        if (task.kind == TaskKind::kQuestionAnswering) {
            SquadAnswerOptions options;
            options.has_no_answer = task.has_no_answer;
            FINEWATT_ASSIGN(SquadAnswerFinder finder,
                            SquadAnswerFinder::create(std::get<SquadData>(data.examples), options));
            collector.finder_.emplace(std::move(finder));
        }
        return collector;
    }

    /// `rows`: [labels] of a text, else [tokens x labels].
    Status add(std::int64_t number, const FeatureView& feature, std::span<const float> rows) {
        if (finder_) {
            return add_window(number, feature, rows);
        }
        if (data_.kind == TaskKind::kTokenClassification) {
            add_sentence(feature, rows);
            return {};
        }
        predictions_.class_logits.insert(predictions_.class_logits.end(), rows.begin(), rows.end());
        add_loss(rows, feature.label);
        return {};
    }

    Result<Predictions> finish(bool is_complete) {
        predictions_.is_complete = is_complete;
        if (finder_ && is_complete) {
            FINEWATT_ASSIGN(predictions_.answers, std::move(*finder_).finish());
        }
        return std::move(predictions_);
    }

    Predictions& predictions() { return predictions_; }

  private:
    Collector(const TaskData& data, std::size_t labels) : data_(data), labels_(labels) {}

    void add_loss(std::span<const float> row, std::int32_t label) {
        if (label < 0) {
            return;  // kNoLabel, kIgnoredLabel
        }
        const std::int32_t labels[] = {label};
        predictions_.loss_sum +=
            mean_cross_entropy(row, static_cast<std::int64_t>(row.size()), labels);
        predictions_.loss_targets += 1;
    }

    /// The first token of a word speaks for it.
    void add_sentence(const FeatureView& feature, std::span<const float> rows) {
        const auto& sentences = std::get<std::vector<TaggedSentence>>(data_.examples);
        const std::size_t words = sentences[static_cast<std::size_t>(feature.example)].words.size();
        WordPredictions sentence{std::vector<std::int32_t>(words, kIgnoredLabel),
                                 std::vector<float>(words * labels_)};
        for (std::size_t token = 0; token < feature.ids.size(); ++token) {
            const std::int32_t word = feature.word_ids[token];
            if (word < 0 || sentence.classes[static_cast<std::size_t>(word)] != kIgnoredLabel) {
                continue;
            }
            const auto row = rows.subspan(token * labels_, labels_);
            const auto place = static_cast<std::size_t>(word);
            sentence.classes[place] =
                likeliest_classes(row, static_cast<std::int64_t>(labels_)).front();
            std::copy(row.begin(), row.end(),
                      sentence.logits.begin() + static_cast<std::ptrdiff_t>(place * labels_));
            add_loss(row, feature.token_labels[token]);
        }
        predictions_.sentences.push_back(std::move(sentence));
    }

    Status add_window(std::int64_t number, const FeatureView& feature,
                      std::span<const float> rows) {
        starts_.clear();
        ends_.clear();
        for (std::size_t token = 0; token < feature.ids.size(); ++token) {
            starts_.push_back(rows[2 * token]);
            ends_.push_back(rows[2 * token + 1]);
        }
        return finder_->add(number, feature.example, feature.offset_begins, feature.offset_ends,
                            starts_, ends_);
    }

    const TaskData& data_;
    std::size_t labels_;
    std::optional<SquadAnswerFinder> finder_{};
    Predictions predictions_{};
    std::vector<float> starts_{};
    std::vector<float> ends_{};
};

/// Hand the logits of each sequence of a batch to the collector.
Status collect(const FeatureSet& features, const Batch& batch, const PackedInput& input,
               const at::Tensor& logits, Collector& collector) {
    const std::span<const float> all(logits.const_data_ptr<float>(),
                                     static_cast<std::size_t>(logits.numel()));
    const auto labels = static_cast<std::size_t>(logits.size(1));
    const auto* first_rows = input.first_rows.const_data_ptr<std::int64_t>();
    const bool is_of_texts = features.kind() == TaskKind::kClassification;
    for (std::size_t i = 0; i < batch.example_index.size(); ++i) {
        const std::int64_t number = batch.example_index[i];
        const FeatureView feature = features[static_cast<std::size_t>(number)];
        const std::size_t row = is_of_texts ? i : static_cast<std::size_t>(first_rows[i]);
        const std::size_t rows = is_of_texts ? 1 : feature.ids.size();
        FINEWATT_TRY(collector.add(number, feature, all.subspan(row * labels, rows * labels)));
    }
    return {};
}

Result<NamedScores> score_classes(const Dataset& data, std::size_t classes,
                                  const Predictions& predictions) {
    std::vector<std::int32_t> labels;
    for (const Example& example : data.examples) {
        labels.push_back(example.label);
    }
    const auto found =
        likeliest_classes(predictions.class_logits, static_cast<std::int64_t>(classes));
    FINEWATT_ASSIGN(const double share, accuracy(found, labels));
    return NamedScores{{"accuracy", share}};
}

Result<NamedScores> score_tags(const std::vector<TaggedSentence>& sentences,
                               const std::vector<PredictedTags>& found) {
    std::vector<std::vector<std::string>> wanted;
    for (const TaggedSentence& sentence : sentences) {
        wanted.push_back(sentence.tags);
    }
    FINEWATT_ASSIGN(const WordScores scored, score_predicted_words(wanted, found));
    if (scored.words_left_out > 0) {
        log_info(fmt::format("{} words were cut off by --max-length and are not scored",
                             scored.words_left_out));
    }
    const EntityScores& scores = scored.scores;
    return NamedScores{{"precision", scores.precision},
                       {"recall", scores.recall},
                       {"f1", scores.f1},
                       {"accuracy", scores.accuracy}};
}

Result<NamedScores> score_answers(const Task& task, const SquadData& data,
                                  const SquadAnswers& answers) {
    if (!task.has_no_answer) {
        return score_squad_v1(data, squad_predictions(answers));
    }
    FINEWATT_ASSIGN(NamedScores scores,
                    score_squad_v2(data, squad_predictions(answers), std::nullopt));
    FINEWATT_ASSIGN(const NoAnswerThresholds best, search_null_threshold(data, answers));
    const std::vector<std::pair<std::string, BestThreshold>> named = {
        {"best_null_exact", best.exact}, {"best_null_f1", best.f1}};
    for (const auto& [name, found] : named) {
        scores.emplace_back(name, found.score);
        if (found.threshold) {
            scores.emplace_back(name + "_threshold", *found.threshold);
        }
    }
    return scores;
}

}  // namespace

Result<Predictions> predict(const ForwardPass& forward, const Model& model, const Task& task,
                            const TaskData& data, const FeatureSet& features,
                            const PredictOptions& options, JobContext& context) {
    FINEWATT_ASSIGN(Collector collector, Collector::create(task, data, model.labels()));
    // Grouping needs another order of the examples, which predictions should not have.
    const BatchingMode mode =
        options.mode == BatchingMode::kGrouped ? BatchingMode::kDynamic : options.mode;
    const auto width = static_cast<std::size_t>(options.batch);
    const auto batches = static_cast<std::int64_t>((features.size() + width - 1) / width);
    Reporter reporter(context, batches);
    Predictions& found = collector.predictions();
    for (std::size_t begin = 0; begin < features.size(); begin += width) {
        if (context.stop_requested()) {
            return collector.finish(false);
        }
        std::vector<std::int64_t> indices(std::min(width, features.size() - begin));
        std::iota(indices.begin(), indices.end(), static_cast<std::int64_t>(begin));
        const Batch batch = make_batch(features, indices, mode, options.max_length, options.pad_id);
        const MonoTime start = context.clock.mono_now();
        const PackedInput input = pack_input(batch);
        const at::Tensor logits = forward(input);
        const MonoTime end = context.clock.mono_now();
        found.times_s.insert(found.times_s.end(), indices.size(), as_seconds(end - start));
        FINEWATT_TRY(collect(features, batch, input, logits, collector));
        found.work.add(model.config(), {model.head_kind(), model.labels()}, batch,
                       Passes::kForward);
        if (options.reports_progress) {
            reporter.after_batch(end, found.work);
        }
    }
    return collector.finish(true);
}

std::vector<PredictedTags> predicted_tags(const Predictions& predictions,
                                          const std::vector<std::string>& label_names) {
    std::vector<PredictedTags> tags;
    for (const WordPredictions& sentence : predictions.sentences) {
        PredictedTags& of_sentence = tags.emplace_back();
        for (const std::int32_t id : sentence.classes) {
            of_sentence.push_back(id == kIgnoredLabel
                                      ? std::nullopt
                                      : std::optional(label_names[static_cast<std::size_t>(id)]));
        }
    }
    return tags;
}

Result<NamedScores> score_predictions(const Task& task, const TaskData& data,
                                      const Predictions& predictions) {
    if (!data.has_labels) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected data with labels to score predictions, found some without");
    }
    if (task.kind == TaskKind::kQuestionAnswering) {
        return score_answers(task, std::get<SquadData>(data.examples), *predictions.answers);
    }
    NamedScores scores;
    if (task.kind == TaskKind::kClassification) {
        FINEWATT_ASSIGN(scores, score_classes(std::get<Dataset>(data.examples),
                                              data.label_names.size(), predictions));
    } else {
        FINEWATT_ASSIGN(scores, score_tags(std::get<std::vector<TaggedSentence>>(data.examples),
                                           predicted_tags(predictions, data.label_names)));
    }
    if (predictions.loss_targets > 0) {
        scores.emplace_back("eval_loss",
                            predictions.loss_sum / static_cast<double>(predictions.loss_targets));
    }
    return scores;
}

std::string_view main_score(TaskKind kind) {
    return kind == TaskKind::kClassification ? "accuracy" : "f1";
}

}  // namespace finewatt
