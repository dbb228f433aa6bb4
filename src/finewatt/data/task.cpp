#include "finewatt/data/task.h"

#include <algorithm>

namespace finewatt {
namespace {

// Recipes: the commands that the README files of transformers' examples/pytorch give.
// text-classification/README.md@05ce25b (GLUE and imdb: length 128, batch 32, 2e-5, 3 epochs);
// question-answering/README.md@299108c (SQuAD: length 384, stride 128, batch 12, 3e-5, 2 epochs);
// token-classification/README.md@0a46816: its command sets nothing, so run_ner.py@049d2bf has the
// Trainer's defaults (batch 8, 5e-5, 3 epochs) and the length that the model can take, 512 tokens.
// IMDB has 5 epochs in "Energy and Carbon Considerations of Fine-Tuning BERT" (Wang et al. 2023):
// its energy per run over that per 1,000 examples of 25,000; the other tasks' agree with these.
constexpr Recipe kGlueRecipe{
    .epochs = 3, .batch = 32, .max_length = 128, .doc_stride = 0, .lr = 2e-5};
constexpr Recipe kImdbRecipe{
    .epochs = 5, .batch = 32, .max_length = 128, .doc_stride = 0, .lr = 2e-5};
constexpr Recipe kSquadRecipe{
    .epochs = 2, .batch = 12, .max_length = 384, .doc_stride = 128, .lr = 3e-5};
constexpr Recipe kNerRecipe{
    .epochs = 3, .batch = 8, .max_length = 512, .doc_stride = 0, .lr = 5e-5};

ColumnNames single(std::string text, std::string label) {
    return {.text = std::move(text), .pair = std::nullopt, .label = std::move(label)};
}

ColumnNames pair(std::string text, std::string other, std::string label) {
    return {.text = std::move(text), .pair = std::move(other), .label = std::move(label)};
}

Task classification(std::string name, std::vector<ColumnNames> columns,
                    std::vector<std::string> label_names, const Recipe& recipe) {
    Task task;
    task.name = std::move(name);
    task.columns = columns.front();
    task.other_columns.assign(columns.begin() + 1, columns.end());
    task.label_names = std::move(label_names);
    task.recipe = recipe;
    return task;
}

Task question_answering(std::string name, bool has_no_answer) {
    Task task;
    task.name = std::move(name);
    task.kind = TaskKind::kQuestionAnswering;
    task.columns = pair("question", "context", "answers");
    task.has_no_answer = has_no_answer;
    task.recipe = kSquadRecipe;
    return task;
}

Task token_classification(std::string name, std::vector<std::string> label_names) {
    Task task;
    task.name = std::move(name);
    task.kind = TaskKind::kTokenClassification;
    task.columns = single("tokens", "ner_tags");
    task.other_columns = {single("tokens", "tags"), single("words", "ner_tags"),
                          single("words", "tags"), single("words", "ner")};
    task.label_names = std::move(label_names);
    task.recipe = kNerRecipe;
    return task;
}

// Orders of classes: the features of the data sets glue, stanfordnlp/imdb and conll2003 on the
// Hugging Face hub. OntoNotes (conll2012) has no one order that its copies share: it is sorted.
const std::vector<Task>& all_tasks() {
    static const std::vector<Task> kTasks = {
        classification(
            "rte",
            {pair("sentence1", "sentence2", "label"), pair("premise", "hypothesis", "label")},
            {"entailment", "not_entailment"}, kGlueRecipe),
        classification(
            "mnli",
            {pair("premise", "hypothesis", "label"), pair("sentence1", "sentence2", "gold_label"),
             pair("sentence1", "sentence2", "label"), pair("premise", "hypothesis", "gold_label")},
            {"entailment", "neutral", "contradiction"}, kGlueRecipe),
        classification("sst2", {single("sentence", "label"), single("text", "label")},
                       {"negative", "positive"}, kGlueRecipe),
        classification("imdb", {single("text", "label"), single("review", "sentiment")},
                       {"neg", "pos"}, kImdbRecipe),
        question_answering("squad", false),
        question_answering("squad_v2", true),
        token_classification("conll2003", {"O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC",
                                           "I-LOC", "B-MISC", "I-MISC"}),
        token_classification("conll2012", {}),
        classification("classification", {single("text", "label"), single("sentence", "label")}, {},
                       kGlueRecipe),
        classification("pair-classification",
                       {pair("sentence1", "sentence2", "label"),
                        pair("premise", "hypothesis", "label"), pair("text", "pair", "label"),
                        pair("text", "text_pair", "label"), pair("question", "sentence", "label")},
                       {}, kGlueRecipe),
        question_answering("qa", true),
        token_classification("ner", {}),
    };
    return kTasks;
}

void choose(ColumnNames& columns, const ColumnChoice& choice) {
    columns.text = choice.text.value_or(columns.text);
    columns.label = choice.label.value_or(columns.label);
    if (choice.pair) {
        columns.pair = choice.pair;
    }
}

}  // namespace

std::optional<Task> find_task(std::string_view name) {
    const std::vector<Task>& tasks = all_tasks();
    const auto found = std::find_if(tasks.begin(), tasks.end(),
                                    [&](const Task& task) { return task.name == name; });
    return found == tasks.end() ? std::nullopt : std::optional<Task>(*found);
}

std::vector<std::string_view> task_names() {
    std::vector<std::string_view> names;
    for (const Task& task : all_tasks()) {
        names.push_back(task.name);
    }
    return names;
}

void choose_columns(Task& task, const ColumnChoice& choice) {
    choose(task.columns, choice);
    for (ColumnNames& columns : task.other_columns) {
        choose(columns, choice);
    }
}

}  // namespace finewatt
