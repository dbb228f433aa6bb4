#include "finewatt/data/task_data.h"

#include "finewatt/data/encode.h"

#include <set>
#include <utility>

namespace finewatt {
namespace {

Result<TaskData> read_classification(const Task& task, const std::filesystem::path& path,
                                     const std::optional<std::vector<std::string>>& label_names) {
    FINEWATT_ASSIGN(Dataset dataset, read_classification_data(path, task.columns, label_names));
    TaskData data;
    data.kind = task.kind;
    data.label_names = dataset.label_names;
    data.examples = std::move(dataset);
    return data;
}

Result<TaskData> read_tokens(const Task& task, const std::filesystem::path& path,
                             const std::optional<std::vector<std::string>>& label_names) {
    FINEWATT_ASSIGN(std::vector<TaggedSentence> sentences, read_conll(path));
    TaskData data;
    data.kind = task.kind;
    if (label_names || !task.label_names.empty()) {
        data.label_names = label_names ? *label_names : task.label_names;
    } else {
        std::set<std::string> names;
        for (const TaggedSentence& sentence : sentences) {
            names.insert(sentence.tags.begin(), sentence.tags.end());
        }
        data.label_names.assign(names.begin(), names.end());
    }
    data.examples = std::move(sentences);
    return data;
}

Result<TaskData> read_questions(const Task& task, const std::filesystem::path& path) {
    FINEWATT_ASSIGN(SquadData squad, read_squad_data(path));
    TaskData data;
    data.kind = task.kind;
    data.examples = std::move(squad);
    return data;
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
                                LabelRule /*label_rule*/) {
    switch (task.kind) {
        case TaskKind::kClassification: {
            std::optional<std::vector<std::string>> names = label_names;
            if (!names && !task.label_names.empty()) {
                names = task.label_names;
            }
            return read_classification(task, path, names);
        }
        case TaskKind::kTokenClassification:
            return read_tokens(task, path, label_names);
        case TaskKind::kQuestionAnswering:
            break;
    }
    return read_questions(task, path);
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
    return FINEWATT_ERROR(kUnsupported, "question answering: windows are not made yet");
}

}  // namespace finewatt
