// Scores of question answering, exactly as the official scripts of SQuAD v1.1 and v2.0 give them
// (evaluate-v1.1.py and evaluate-v2.0.py of rajpurkar/SQuAD-explorer): exact match and token F1 in
// percent, the best over the references of a question.
#pragma once

#include "finewatt/data/squad_data.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finewatt {

/// Probability (or score) of "no answer" by question id, in the order of their file, which decides
/// among equal values.
using SquadNoAnswerScores = std::vector<std::pair<std::string, double>>;

/// Named figures in the order of the official output, e.g. {"exact", 76.8}, {"f1", 79.8},
/// {"total", 626}. Scores are percent.
using NamedScores = std::vector<std::pair<std::string, double>>;

/// Return an answer as the scripts compare it: lower case, without ASCII punctuation, without the
/// words a, an and the, single spaces.
std::string normalise_answer(std::string_view answer);

/// Return exact_match and f1 of v1.1: a missing answer scores 0.
NamedScores score_squad_v1(const SquadData& data, const SquadPredictions& predictions);

/// Return the figures of v2.0: exact, f1, total, the same for questions with (HasAns_) and without
/// (NoAns_) an answer, and, with `no_answer`, best_exact, best_f1 and their thresholds. A question
/// whose no-answer value is above `threshold` counts as answered by "" in the first three groups
/// (--na-prob-thresh). Questions without a prediction are left out, as in the script. Error:
/// invalid argument when none of the data's questions has a prediction, or when `no_answer` lacks a
/// question that has one.
Result<NamedScores> score_squad_v2(const SquadData& data, const SquadPredictions& predictions,
                                   const std::optional<SquadNoAnswerScores>& no_answer,
                                   double threshold = 1.0);

/// The best score that a cut of the no-answer values reaches, in percent. Without a threshold the
/// best is to answer "" always.
struct BestThreshold {
    double score = 0;
    std::optional<double> threshold;
};

/// The best cuts for exact match and for F1.
struct NoAnswerThresholds {
    BestThreshold exact;
    BestThreshold f1;
};

/// Search the no-answer threshold as evaluate-v2.0.py does (best_exact_thresh and best_f1_thresh,
/// which are 0 there for "always"). `predictions` are the answers that would be given if there were
/// no threshold. The values may be of any scale, such as differences of logits. Errors: those of
/// score_squad_v2.
Result<NoAnswerThresholds> search_no_answer_thresholds(const SquadData& data,
                                                       const SquadPredictions& predictions,
                                                       const SquadNoAnswerScores& no_answer);

}  // namespace finewatt
