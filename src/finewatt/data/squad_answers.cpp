#include "finewatt/data/squad_answers.h"

#include "finewatt/base/utf8.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace finewatt {
namespace {

/// Indices of the `count` greatest logits, greatest first; of equal ones the later first.
std::vector<std::size_t> greatest(std::span<const float> logits, std::size_t count) {
    std::vector<std::size_t> indices(logits.size());
    std::iota(indices.begin(), indices.end(), std::size_t{0});
    count = std::min(count, indices.size());
    const auto end = indices.begin() + static_cast<std::ptrdiff_t>(count);
    std::partial_sort(indices.begin(), end, indices.end(), [&](std::size_t a, std::size_t b) {
        return logits[a] != logits[b] ? logits[a] > logits[b] : a > b;
    });
    indices.resize(count);
    return indices;
}

std::string slice(const std::u32string& text, std::size_t begin, std::size_t end) {
    std::string out;
    for (std::size_t i = begin; i < end; ++i) {
        append_utf8(out, text[i]);
    }
    return out;
}

/// Softmax over the sums of both logits.
void set_probabilities(std::vector<SquadCandidate>& candidates) {
    const auto score = [](const SquadCandidate& candidate) {
        return static_cast<double>(candidate.start_logit + candidate.end_logit);
    };
    double greatest_score = score(candidates.front());
    for (const SquadCandidate& candidate : candidates) {
        greatest_score = std::max(greatest_score, score(candidate));
    }
    double sum = 0;
    for (SquadCandidate& candidate : candidates) {
        candidate.probability = std::exp(score(candidate) - greatest_score);
        sum += candidate.probability;
    }
    for (SquadCandidate& candidate : candidates) {
        candidate.probability /= sum;
    }
}

/// Choose among the candidates of a question, which are best first.
SquadPrediction choose_answer(std::string id, std::vector<SquadCandidate> candidates,
                              const std::optional<float>& null_score, double null_threshold) {
    const auto is_text = [](const SquadCandidate& candidate) { return !candidate.text.empty(); };
    if (std::none_of(candidates.begin(), candidates.end(), is_text)) {
        // The reference's stand-in where no span of the context is possible.
        candidates.insert(candidates.begin(), {"empty", 0, 0, 0});
    }
    set_probabilities(candidates);
    SquadPrediction prediction;
    prediction.id = std::move(id);
    const SquadCandidate& best = *std::find_if(candidates.begin(), candidates.end(), is_text);
    prediction.best_text = best.text;
    prediction.text = best.text;
    if (null_score) {
        // In float, and in this order, as the reference subtracts.
        const float odds = *null_score - best.start_logit - best.end_logit;
        prediction.null_odds = static_cast<double>(odds);
        if (*prediction.null_odds > null_threshold) {
            prediction.text.clear();
        }
    }
    prediction.n_best = std::move(candidates);
    return prediction;
}

/// One JSON object, an entry a line. nlohmann's ordered object would search all keys before each
/// new one.
class ObjectText {
  public:
    void add(const std::string& key, const nlohmann::ordered_json& value) {
        text_ += text_.empty() ? "{\n    " : ",\n    ";
        text_ += nlohmann::ordered_json(key).dump() + ": " + value.dump();
    }

    std::string take() && { return text_.empty() ? "{}\n" : std::move(text_) + "\n}\n"; }

  private:
    std::string text_{};
};

}  // namespace

SquadAnswerFinder::SquadAnswerFinder(const SquadData& data, const SquadAnswerOptions& options)
    : data_(data),
      options_(options),
      questions_(data.examples.size()) {}

Result<SquadAnswerFinder> SquadAnswerFinder::create(const SquadData& data,
                                                    const SquadAnswerOptions& options) {
    if (options.n_best < 1 || options.max_answer_length < 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected an n-best size and a longest answer of 1 or more, found {} "
                              "and {}",
                              options.n_best, options.max_answer_length);
    }
    return SquadAnswerFinder(data, options);
}

Status SquadAnswerFinder::add(std::int64_t feature, std::int64_t example,
                              std::span<const std::int32_t> offset_begins,
                              std::span<const std::int32_t> offset_ends,
                              std::span<const float> start_logits,
                              std::span<const float> end_logits) {
    const std::size_t tokens = offset_begins.size();
    if (example < 0 || static_cast<std::size_t>(example) >= questions_.size()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "feature {}: expected a question below {}, found {}", feature,
                              questions_.size(), example);
    }
    if (tokens == 0 || offset_ends.size() != tokens || start_logits.size() != tokens ||
        end_logits.size() != tokens) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "feature {}: expected offsets and logits for each token, found {} "
                              "and {} offsets, {} and {} logits",
                              feature, tokens, offset_ends.size(), start_logits.size(),
                              end_logits.size());
    }
    const auto is_finite = [](float logit) { return std::isfinite(logit); };
    if (!std::all_of(start_logits.begin(), start_logits.end(), is_finite) ||
        !std::all_of(end_logits.begin(), end_logits.end(), is_finite)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "feature {}: expected finite logits, found infinity or not-a-number; "
                              "the model is broken",
                              feature);
    }
    Question& question = questions_[static_cast<std::size_t>(example)];
    consider_null({feature, 0, 0, start_logits[0], end_logits[0]}, question);
    const auto n_best = static_cast<std::size_t>(options_.n_best);
    const std::vector<std::size_t> ends = greatest(end_logits, n_best);
    std::vector<Candidate> candidates;
    for (const std::size_t start : greatest(start_logits, n_best)) {
        for (const std::size_t end : ends) {
            const bool is_in_context = offset_begins[start] >= 0 && offset_begins[end] >= 0;
            if (is_in_context && end >= start &&
                end - start < static_cast<std::size_t>(options_.max_answer_length)) {
                candidates.push_back({feature, offset_begins[start], offset_ends[end],
                                      start_logits[start], end_logits[end]});
            }
        }
    }
    keep_best(candidates);
    question.candidates.insert(question.candidates.end(), candidates.begin(), candidates.end());
    return {};
}

void SquadAnswerFinder::consider_null(const Candidate& null_answer, Question& question) {
    const auto& least = question.null_answer;
    if (!least || null_answer.score() < least->score() ||
        (null_answer.score() == least->score() && null_answer.feature < least->feature)) {
        question.null_answer = null_answer;
    }
}

void SquadAnswerFinder::keep_best(std::vector<Candidate>& candidates) const {
    std::stable_sort(
        candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
            return a.score() != b.score() ? a.score() > b.score() : a.feature < b.feature;
        });
    candidates.resize(std::min(candidates.size(), static_cast<std::size_t>(options_.n_best)));
}

Result<std::vector<SquadCandidate>> SquadAnswerFinder::best_candidates(
    Question&& question, const std::u32string& context) const {
    std::vector<Candidate>& candidates = question.candidates;
    keep_best(candidates);
    if (options_.has_no_answer) {
        // Behind the equal ones; put back where it would fall out.
        const Candidate& null_answer = *question.null_answer;
        const auto place = std::find_if(
            candidates.begin(), candidates.end(),
            [&](const Candidate& other) { return other.score() < null_answer.score(); });
        const bool is_full = candidates.size() == static_cast<std::size_t>(options_.n_best);
        const bool is_last = place == candidates.end();
        candidates.insert(place, null_answer);
        if (is_full && !is_last) {
            candidates.pop_back();
        }
    }
    std::vector<SquadCandidate> result;
    for (const Candidate& candidate : candidates) {
        const auto begin = static_cast<std::size_t>(candidate.begin);
        const auto end = static_cast<std::size_t>(candidate.end);
        if (begin > end || end > context.size()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "expected offsets within the context of {} code points, found "
                                  "[{}, {}); the features are those of other data",
                                  context.size(), candidate.begin, candidate.end);
        }
        result.push_back(
            {slice(context, begin, end), candidate.start_logit, candidate.end_logit, 0});
    }
    return result;
}

Result<SquadAnswers> SquadAnswerFinder::finish() && {
    SquadAnswers answers;
    answers.has_no_answer = options_.has_no_answer;
    answers.predictions.reserve(questions_.size());
    std::u32string context;
    std::optional<std::size_t> decoded;
    for (std::size_t i = 0; i < questions_.size(); ++i) {
        const SquadExample& example = data_.examples[i];
        const auto where = [&] { return fmt::format("question '{}'", example.id); };
        if (!questions_[i].null_answer) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "{}: expected logits of its features, found none", where());
        }
        if (decoded != example.context) {
            FINEWATT_ASSIGN(context, decode_utf8(data_.contexts[example.context]));
            decoded = example.context;
        }
        std::optional<float> null_score;
        if (options_.has_no_answer) {
            null_score = questions_[i].null_answer->score();
        }
        auto candidates = best_candidates(std::move(questions_[i]), context);
        if (!candidates) {
            return Error(std::move(candidates).error()).with_context(where());
        }
        answers.predictions.push_back(
            choose_answer(example.id, std::move(*candidates), null_score, options_.null_threshold));
    }
    return answers;
}

SquadPredictions squad_predictions(const SquadAnswers& answers) {
    SquadPredictions predictions;
    for (const SquadPrediction& prediction : answers.predictions) {
        predictions[prediction.id] = prediction.text;
    }
    return predictions;
}

SquadNoAnswerScores squad_null_odds(const SquadAnswers& answers) {
    SquadNoAnswerScores odds;
    for (const SquadPrediction& prediction : answers.predictions) {
        if (prediction.null_odds) {
            odds.emplace_back(prediction.id, *prediction.null_odds);
        }
    }
    return odds;
}

Result<NoAnswerThresholds> search_null_threshold(const SquadData& data,
                                                 const SquadAnswers& answers) {
    if (!answers.has_no_answer) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected answers that may be none (SQuAD v2.0), found those of a "
                              "task where every question has one");
    }
    SquadPredictions without_threshold;
    for (const SquadPrediction& prediction : answers.predictions) {
        without_threshold[prediction.id] = prediction.best_text;
    }
    return search_no_answer_thresholds(data, without_threshold, squad_null_odds(answers));
}

std::string squad_predictions_json(const SquadAnswers& answers) {
    ObjectText object;
    for (const SquadPrediction& prediction : answers.predictions) {
        object.add(prediction.id, prediction.text);
    }
    return std::move(object).take();
}

std::string squad_n_best_json(const SquadAnswers& answers) {
    ObjectText object;
    for (const SquadPrediction& prediction : answers.predictions) {
        auto list = nlohmann::ordered_json::array();
        for (const SquadCandidate& candidate : prediction.n_best) {
            list.push_back({{"start_logit", candidate.start_logit},
                            {"end_logit", candidate.end_logit},
                            {"text", candidate.text},
                            {"probability", candidate.probability}});
        }
        object.add(prediction.id, list);
    }
    return std::move(object).take();
}

std::string squad_null_odds_json(const SquadAnswers& answers) {
    ObjectText object;
    for (const auto& [id, odds] : squad_null_odds(answers)) {
        object.add(id, odds);
    }
    return std::move(object).take();
}

}  // namespace finewatt
