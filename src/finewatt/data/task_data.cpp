#include "finewatt/data/task_data.h"

#include "finewatt/base/log.h"
#include "finewatt/data/encode.h"
#include "finewatt/data/token_data.h"

#include <utility>

namespace finewatt {
namespace {

/// Whether a model's label names are only transformers' placeholders LABEL_0, LABEL_1, ...
bool are_placeholders(const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] != fmt::format("LABEL_{}", i)) {
            return false;
        }
    }
    return true;
}

DatasetOptions dataset_options(const Task& task,
                               const std::optional<std::vector<std::string>>& label_names,
                               LabelRule label_rule) {
    DatasetOptions options;
    options.columns = {task.columns};
    options.columns.insert(options.columns.end(), task.other_columns.begin(),
                           task.other_columns.end());
    options.label_rule = label_rule;
    if (!task.label_names.empty()) {
        options.label_names = task.label_names;
    }
    // A model whose classes have no names of their own, and that has as many of them as the task,
    // was trained by ids.
    if (label_names && !(options.label_names && are_placeholders(*label_names) &&
                         label_names->size() == options.label_names->size())) {
        options.label_names = label_names;
    }
    return options;
}

TaskData of_kind(TaskKind kind) {
    TaskData data;
    data.kind = kind;
    return data;
}

Result<TaskData> read_classification(const std::filesystem::path& path,
                                     const DatasetOptions& options) {
    FINEWATT_ASSIGN(Dataset dataset, read_dataset(path, options));
    TaskData data = of_kind(TaskKind::kClassification);
    data.label_names = dataset.label_names;
    data.has_labels = dataset.has_labels;
    data.examples = std::move(dataset);
    return data;
}

Result<TaskData> read_tokens(const std::filesystem::path& path, const DatasetOptions& options) {
    FINEWATT_ASSIGN(TokenData tokens, read_token_data(path, options));
    TaskData data = of_kind(TaskKind::kTokenClassification);
    data.label_names = std::move(tokens.label_names);
    data.has_labels = tokens.has_labels;
    data.examples = std::move(tokens.sentences);
    return data;
}

Result<TaskData> read_questions(const std::filesystem::path& path, const DatasetOptions& options) {
    FINEWATT_ASSIGN(SquadData squad, read_question_data(path, options));
    TaskData data = of_kind(TaskKind::kQuestionAnswering);
    data.has_labels = squad.has_answers;
    data.examples = std::move(squad);
    return data;
}

Result<FeatureSet> encode_windows(const SquadData& data, const WordPieceTokenizer& tokenizer,
                                  const FeatureOptions& options) {
    FINEWATT_ASSIGN(QuestionFeatures made,
                    encode_questions(data, tokenizer,
                                     {.max_length = options.max_length,
                                      .doc_stride = options.doc_stride,
                                      .is_training = options.is_training,
                                      .answer_check = options.answer_check}));
    if (made.counts.answers_not_in_context > 0) {
        log_warning(fmt::format(
            "{} answers are not the text at their place in the context (first: question '{}')",
            made.counts.answers_not_in_context, made.counts.first_not_in_context));
    }
    return std::move(made.features);
}

}  // namespace

std::size_t TaskData::size() const {
    if (const auto* dataset = std::get_if<Dataset>(&examples)) {
        return dataset->examples.size();
    }
    if (const auto* squad = std::get_if<SquadData>(&examples)) {
        return squad->examples.size();
    }
    return std::get<std::vector<TaggedSentence>>(examples).size();
}

Result<TaskData> read_task_data(const Task& task, const std::filesystem::path& path,
                                const std::optional<std::vector<std::string>>& label_names,
                                LabelRule label_rule) {
    const DatasetOptions options = dataset_options(task, label_names, label_rule);
    switch (task.kind) {
        case TaskKind::kClassification:
            return read_classification(path, options);
        case TaskKind::kTokenClassification:
            return read_tokens(path, options);
        case TaskKind::kQuestionAnswering:
            break;
    }
    return read_questions(path, options);
}

FeatureOptions recipe_features(const Task& task) {
    FeatureOptions options;
    options.max_length = task.recipe.max_length;
    options.doc_stride = task.recipe.doc_stride;
    options.answer_check = task.name == "qa" ? AnswerCheck::kRefuse : AnswerCheck::kCount;
    return options;
}

Result<FeatureSet> make_features(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                 const FeatureOptions& options) {
    switch (data.kind) {
        case TaskKind::kClassification:
            return encode_dataset(std::get<Dataset>(data.examples), tokenizer, options.max_length);
        case TaskKind::kTokenClassification:
            return encode_sentences(std::get<std::vector<TaggedSentence>>(data.examples),
                                    data.label_names, tokenizer, options.max_length);
        case TaskKind::kQuestionAnswering:
            break;
    }
    return encode_windows(std::get<SquadData>(data.examples), tokenizer, options);
}

}  // namespace finewatt
