// evaluate_files: predictions and references in files, the task's official score out.
//
// Not for predictions in memory: squad_score.h, entity_score.h and score.h score those.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/squad_score.h"
#include "finewatt/data/task.h"

#include <filesystem>
#include <optional>

namespace finewatt {

/// What to score.
struct EvaluationFiles {
    std::filesystem::path references;   ///< a data file of the task
    std::filesystem::path predictions;  ///< as `infer --predictions` writes it
    /// JSON object {question id: probability of no answer}; SQuAD v2.0 only.
    std::optional<std::filesystem::path> no_answer;
};

/// Score as the task is scored; classes may be names or ids on either side, and the task `qa` is
/// scored as SQuAD v2.0 when some question has no answer. Classification gives accuracy (share);
/// entities give precision, recall, f1 and accuracy (shares); SQuAD gives the official figures
/// (percent). Predictions for classification and entities are JSON lines {"id", "label"} and {"id",
/// "tags"}, one for each reference, ids from 0 in any order. Words whose tag is null or missing at
/// the end of a line are left out of the scores, with a warning. Errors: those of the readers;
/// corrupt with the line of a prediction that is broken; invalid argument for an id that is
/// missing, unknown or given twice. SQuAD's scripts score what there is, so missing and unknown ids
/// only give a warning there; answers none of which is to a question of the references are refused.
Result<NamedScores> evaluate_files(const Task& task, const EvaluationFiles& files);

}  // namespace finewatt
