// Tasks by name: what kind of problem, how its files name columns and labels, and the settings of
// its published recipe.
//
// Main type: Task. Not for reading data (task_data.h). Sources: the GLUE files, the data sets of
// the Hugging Face hub and the example scripts of transformers; each is named in task.cpp.
#pragma once

#include "finewatt/data/dataset.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// What is predicted: a class of a text or pair, a tag of each word, or a span of a context.
enum class TaskKind { kClassification, kTokenClassification, kQuestionAnswering };

/// Settings of a published recipe (run_glue.py, run_qa.py, run_ner.py of transformers), with the
/// paper's epochs where its numbers fix them.
struct Recipe {
    std::int64_t epochs = 3;
    std::int32_t batch = 32;        ///< examples (windows) a step
    std::int32_t max_length = 128;  ///< tokens, special ones included
    std::int32_t doc_stride = 0;    ///< tokens two windows share (question answering)
    double lr = 2e-5;               ///< first learning rate, without warm-up
};

/// A task of the command line.
struct Task {
    std::string name;
    TaskKind kind = TaskKind::kClassification;
    /// The columns of the task's files. Token classification: text = words, label = tags. Question
    /// answering: text = question, pair = context, label = answers. The user may choose others.
    ColumnNames columns{};
    /// How other publishers of the same data name the columns; tried in turn after `columns`.
    std::vector<ColumnNames> other_columns{};
    /// Fixed order of the classes (id -> name); empty = collected from the data.
    std::vector<std::string> label_names{};
    bool has_no_answer = false;  ///< some questions cannot be answered (SQuAD v2.0)
    Recipe recipe{};
};

/// Return the task of a name: rte, mnli, sst2, imdb, squad, squad_v2, conll2003, conll2012, or a
/// plain kind: classification, pair-classification, qa, ner. Nothing for another name.
std::optional<Task> find_task(std::string_view name);

/// Return all names that find_task knows, in the order above.
std::vector<std::string_view> task_names();

/// The columns that a user names; nothing = the task's own.
struct ColumnChoice {
    std::optional<std::string> text{};
    std::optional<std::string> pair{};
    std::optional<std::string> label{};
};

/// Put the user's columns in place of the task's, in every set of names it knows.
void choose_columns(Task& task, const ColumnChoice& choice);

}  // namespace finewatt
