// TaskData: the examples of a task's file or folder, whatever their kind, and their features.
//
// Main functions: read_task_data, make_features. Not for the formats themselves (dataset.h,
// conll_data.h, squad_data.h) nor for batches (batch.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/conll_data.h"
#include "finewatt/data/dataset.h"
#include "finewatt/data/features.h"
#include "finewatt/data/squad_data.h"
#include "finewatt/data/squad_features.h"
#include "finewatt/data/task.h"
#include "finewatt/token/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace finewatt {

/// A data set of one of the three kinds.
struct TaskData {
    TaskKind kind = TaskKind::kClassification;
    std::vector<std::string> label_names;  ///< id -> name; empty for question answering
    bool has_labels = true;                ///< every example has its label, its tags or its answers
    std::variant<Dataset, std::vector<TaggedSentence>, SquadData> examples;

    /// Number of examples: texts, sentences or questions.
    std::size_t size() const;
};

/// Read the data of a task. `label_names` are those of a trained model (transformers' placeholders
/// LABEL_0.. give way to the task's names); without them the task's own order holds, or the names
/// are collected from the data. kOptional accepts examples without labels, for inference. Errors:
/// as read_dataset, read_token_data and read_question_data; all name the file and the row.
Result<TaskData> read_task_data(
    const Task& task, const std::filesystem::path& path,
    const std::optional<std::vector<std::string>>& label_names = std::nullopt,
    LabelRule label_rule = LabelRule::kRequired);

/// How examples become features.
struct FeatureOptions {
    std::int32_t max_length = 128;  ///< tokens, special ones included
    std::int32_t doc_stride = 0;    ///< tokens that two windows share (question answering)
    /// Question answering: windows of training bear the answer's tokens.
    bool is_training = true;
    /// Question answering, training: what to do about an answer that is not where it says.
    AnswerCheck answer_check = AnswerCheck::kRefuse;
};

/// Return the options that a task's recipe names, for training. Answers of squad and squad_v2 are
/// taken as published (kCount); those of one's own data (qa) must be where they say.
FeatureOptions recipe_features(const Task& task);

/// Encode all examples, in order. Reference answers that are not where they say (kCount) are logged
/// as a warning. Errors: as encode_dataset, encode_sentences and make_squad_features.
Result<FeatureSet> make_features(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                 const FeatureOptions& options);

}  // namespace finewatt
