// Answers out of the start and end logits of question-answering features, as Hugging Face's
// utils_qa.py finds them (postprocess_qa_predictions).
//
// Main type: SquadAnswerFinder. Not for scores of answers (squad_score.h).
// Source: transformers, examples/pytorch/question-answering/utils_qa.py at commit 31f57e9.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/squad_data.h"
#include "finewatt/data/squad_score.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace finewatt {

/// How answers are chosen. The defaults are utils_qa.py's.
struct SquadAnswerOptions {
    std::int32_t n_best = 20;             ///< starts and ends that are looked at, answers kept
    std::int32_t max_answer_length = 30;  ///< tokens
    bool has_no_answer = false;           ///< "" may be the answer (v2.0)
    /// "" is the answer where null score - best score is above this; a difference of logits.
    double null_threshold = 0;
};

/// One possible answer of a question.
struct SquadCandidate {
    std::string text;  ///< "" = no answer
    float start_logit = 0;
    float end_logit = 0;
    double probability = 0;  ///< softmax over the candidates of the question
};

/// What was found for one question.
struct SquadPrediction {
    std::string id;
    std::string text;  ///< the answer; "" = none
    /// The best answer that is not "", whatever the threshold says; "" when there is no other.
    std::string best_text;
    std::vector<SquadCandidate> n_best;  ///< best first
    /// Null score minus the score of best_text, a difference of logits; only with has_no_answer.
    std::optional<double> null_odds;
};

/// Predictions in the order of the data.
struct SquadAnswers {
    std::vector<SquadPrediction> predictions;
    bool has_no_answer = false;
};

/// Collects the logits of features and chooses the answers. Keeps n_best candidates per feature, so
/// logits need not be kept. Holds a reference to the data. Not thread-safe.
class SquadAnswerFinder {
  public:
    /// Error: invalid argument for an n_best or a max_answer_length below 1.
    static Result<SquadAnswerFinder> create(const SquadData& data,
                                            const SquadAnswerOptions& options);

    /// Take the logits of feature number `feature` (from 0, in the order of make_squad_features;
    /// the order of the calls does not matter) of question `example`. Offsets are those of the
    /// feature: code points of the context, -1 outside it. All lists have one entry per real token
    /// (no padding); token 0 is [CLS].
    ///
    /// Errors: invalid argument for an unknown question, lists of unequal length, or
    /// a logit that is not finite.
    Status add(std::int64_t feature, std::int64_t example,
               std::span<const std::int32_t> offset_begins,
               std::span<const std::int32_t> offset_ends, std::span<const float> start_logits,
               std::span<const float> end_logits);

    /// Choose the answers. Equal scores are taken in the order of features, then starts, then ends.
    /// Errors: invalid argument for a question without any feature, or with offsets that are not of
    /// its context, naming it; corrupt for a context that is not UTF-8.
    ///
    /// Differs from utils_qa.py: among equal logits the later token always comes first (numpy's
    /// argsort leaves their order open); probabilities are computed in double.
    Result<SquadAnswers> finish() &&;

  private:
    /// A span of the context (or the null answer) with its logits.
    struct Candidate {
        std::int64_t feature = 0;
        std::int32_t begin = 0;
        std::int32_t end = 0;
        float start_logit = 0;
        float end_logit = 0;

        float score() const { return start_logit + end_logit; }
    };

    /// What is known of one question so far.
    struct Question {
        std::vector<Candidate> candidates;
        std::optional<Candidate> null_answer;  ///< the least null score of its features
    };

    SquadAnswerFinder(const SquadData& data, const SquadAnswerOptions& options);

    static void consider_null(const Candidate& null_answer, Question& question);
    /// Sort best first and drop all but the n_best.
    void keep_best(std::vector<Candidate>& candidates) const;
    /// The candidates of a question, best first, the null answer among them where it may be one.
    Result<std::vector<SquadCandidate>> best_candidates(Question&& question,
                                                        const std::u32string& context) const;

    const SquadData& data_;
    SquadAnswerOptions options_;
    std::vector<Question> questions_;
};

/// Return {id: answer}, as score_squad_v1 and score_squad_v2 take it.
SquadPredictions squad_predictions(const SquadAnswers& answers);

/// Return the null odds by id: what `finewatt evaluate` and score_squad_v2 take as no-answer
/// values. Empty unless has_no_answer.
SquadNoAnswerScores squad_null_odds(const SquadAnswers& answers);

/// Find the null_threshold that would have scored best on `data`, for exact match and for F1.
/// Error: invalid argument for answers made without has_no_answer, or those of another data set.
Result<NoAnswerThresholds> search_null_threshold(const SquadData& data,
                                                 const SquadAnswers& answers);

/// JSON texts of the three files that run_qa.py writes, in the order of the data, a question a
/// line: predictions.json {id: text}, nbest_predictions.json {id: [{start_logit, end_logit, text,
/// probability}]}, null_odds.json {id: number}.
std::string squad_predictions_json(const SquadAnswers& answers);
std::string squad_n_best_json(const SquadAnswers& answers);
std::string squad_null_odds_json(const SquadAnswers& answers);

}  // namespace finewatt
