// evaluate_files: predictions and references in files, the task's official score out.
//
// Not for predictions in memory: squad_score.h, entity_score.h and score.h score those.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/dataset.h"
#include "finewatt/data/squad_score.h"

#include <filesystem>
#include <optional>
#include <string_view>

namespace finewatt {

/// How a task is scored.
enum class ScoreKind { kClassification, kEntities, kSquadV1, kSquadV2 };

/// Return how a task of the command line is scored: rte, mnli, sst2, imdb, classification,
/// pair-classification; ner, conll2003, conll2012; squad; squad_v2. Nothing for another name.
std::optional<ScoreKind> score_kind_of_task(std::string_view task);

/// What to score.
struct EvaluationFiles {
    std::filesystem::path references;   ///< a data file of the task
    std::filesystem::path predictions;  ///< as `infer --predictions` writes it
    ColumnNames columns;                ///< of the references, for classification
    /// JSON object {question id: probability of no answer}; SQuAD v2.0 only.
    std::optional<std::filesystem::path> no_answer;
};

/// Score. Classification gives accuracy (share); entities give precision, recall, f1 and accuracy
/// (shares); SQuAD gives the official figures (percent). Predictions for classification and
/// entities are JSON lines {"id", "label"} and {"id", "tags"}, one for each reference, ids from 0
/// in any order. Errors: those of the readers; corrupt with the line of a prediction that is
/// broken; invalid argument for an id that is missing, unknown or given twice. SQuAD's scripts
/// score what there is, so missing and unknown ids only give a warning there; answers none of which
/// is to a question of the references are refused.
Result<NamedScores> evaluate_files(ScoreKind kind, const EvaluationFiles& files);

}  // namespace finewatt
