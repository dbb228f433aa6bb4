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

Result<FeatureSet> encode_questions(const SquadData& data, const WordPieceTokenizer& tokenizer,
                                    const FeatureOptions& options) {
    SquadFeatureOptions windows;
    windows.max_length = options.max_length;
    windows.doc_stride = options.doc_stride;
    windows.is_training = options.is_training;
    windows.answer_check = options.answer_check;
    FeatureSetBuilder builder(TaskKind::kQuestionAnswering);
    FINEWATT_ASSIGN(const SquadFeatureCounts counts,
                    make_squad_features(data, tokenizer, windows, [&](SquadFeature&& feature) {
                        builder.add({.ids = feature.ids,
                                     .type_ids = feature.type_ids,
                                     .answer_start = feature.answer_start,
                                     .answer_end = feature.answer_end,
                                     .offset_begins = feature.offset_begins,
                                     .offset_ends = feature.offset_ends,
                                     .example = feature.example});
                        return Status();
                    }));
    if (counts.answers_not_in_context > 0) {
        log_warning(fmt::format(
            "{} reference answers are not the text at their place in the context (first: question "
            "{}); they are used by place and length, as run_qa.py does",
            counts.answers_not_in_context, counts.first_not_in_context));
    }
    return std::move(builder).finish();
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
    return encode_questions(std::get<SquadData>(data.examples), tokenizer, options);
}

}  // namespace finewatt
