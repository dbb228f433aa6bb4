#include "finewatt/data/evaluate.h"

#include "finewatt/base/log.h"
#include "finewatt/data/entity_score.h"
#include "finewatt/data/label_index_internal.h"
#include "finewatt/data/score.h"
#include "finewatt/data/task_data.h"
#include "finewatt/data/text_file_internal.h"

#include <nlohmann/json.hpp>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

using nlohmann::json;

/// Read JSON lines {"id": 0.., field: value}; return the values in the order of the ids.
Result<std::vector<json>> read_prediction_lines(const std::filesystem::path& file,
                                                std::string_view field, std::size_t count) {
    FINEWATT_ASSIGN(const std::string text, read_text_file(file));
    std::vector<json> values(count);
    std::vector<bool> is_given(count);
    std::string_view rest = text;
    for (std::size_t number = 1; !rest.empty(); ++number) {
        const std::size_t end = rest.find('\n');
        const std::string_view line_text = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        if (line_text.find_first_not_of(" \t\r") == std::string_view::npos) {
            continue;
        }
        const json line = json::parse(line_text, nullptr, false);
        if (!line.is_object() || !line.contains("id") || !line["id"].is_number_unsigned() ||
            !line.contains(field)) {
            return FINEWATT_ERROR(kCorrupt,
                                  "line {}: expected a JSON object with a whole number 'id' and "
                                  "'{}'",
                                  number, field);
        }
        const auto id = line["id"].get<std::uint64_t>();
        if (id >= count || is_given[id]) {
            return FINEWATT_ERROR(
                kInvalidArgument, "line {}: id {} {}", number, id,
                id >= count ? fmt::format("is not one of the {} references (from 0)", count)
                            : std::string("was given before"));
        }
        is_given[id] = true;
        values[id] = line[std::string(field)];
    }
    const auto missing = std::find(is_given.begin(), is_given.end(), false);
    if (missing != is_given.end()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected a prediction for each of {} references, found none for id "
                              "{}",
                              count, missing - is_given.begin());
    }
    return values;
}

Result<NamedScores> evaluate_classification(const TaskData& data, const EvaluationFiles& files) {
    const auto& references = std::get<Dataset>(data.examples);
    FINEWATT_ASSIGN(const LabelIndex index, LabelIndex::create(data.label_names));
    Result<std::vector<json>> lines =
        read_prediction_lines(files.predictions, "label", references.examples.size());
    if (!lines) {
        return Error(std::move(lines).error()).with_context(files.predictions.string());
    }
    std::vector<std::int32_t> wanted;
    std::vector<std::int32_t> found;
    for (std::size_t i = 0; i < lines->size(); ++i) {
        const json& value = (*lines)[i];
        const std::string name = value.is_string() ? value.get<std::string>() : value.dump();
        // A label that the references do not have is wrong, not an error.
        found.push_back(index.id_of(name, "").value_or(kNoLabel));
        wanted.push_back(references.examples[i].label);
    }
    FINEWATT_ASSIGN(const double share, accuracy(found, wanted));
    return NamedScores{{"accuracy", share}};
}

/// Read the tags of sentence `number`: a string, or null where nothing was predicted.
Result<PredictedTags> predicted_tags(const json& list, std::size_t number,
                                     const EvaluationFiles& files) {
    PredictedTags tags;
    const bool is_list =
        list.is_array() && std::all_of(list.begin(), list.end(), [](const json& tag) {
            return tag.is_string() || tag.is_null();
        });
    if (!is_list) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}: id {}: expected 'tags' to be a list of strings, null for a word "
                              "that was not predicted",
                              files.predictions.string(), number);
    }
    for (const json& tag : list) {
        tags.push_back(tag.is_null() ? std::nullopt : std::optional(tag.get<std::string>()));
    }
    return tags;
}

Result<NamedScores> evaluate_entities(const TaskData& data, const EvaluationFiles& files) {
    const auto& sentences = std::get<std::vector<TaggedSentence>>(data.examples);
    Result<std::vector<json>> lines =
        read_prediction_lines(files.predictions, "tags", sentences.size());
    if (!lines) {
        return Error(std::move(lines).error()).with_context(files.predictions.string());
    }
    std::vector<std::vector<std::string>> wanted;
    std::vector<PredictedTags> found;
    for (std::size_t i = 0; i < sentences.size(); ++i) {
        wanted.push_back(sentences[i].tags);
        found.emplace_back();
        FINEWATT_ASSIGN(found.back(), predicted_tags((*lines)[i], i, files));
    }
    FINEWATT_ASSIGN(const WordScores scored, score_predicted_words(wanted, found));
    if (scored.words_left_out > 0) {
        log_warning(
            fmt::format("{}: {} words have no tag there and are left out of the scores, as "
                        "run_ner.py does; infer with a larger --max-length reaches more",
                        files.predictions.string(), scored.words_left_out));
    }
    const EntityScores& scores = scored.scores;
    return NamedScores{{"precision", scores.precision},
                       {"recall", scores.recall},
                       {"f1", scores.f1},
                       {"accuracy", scores.accuracy}};
}

/// In the order of the file, which decides among equal values.
Result<SquadNoAnswerScores> parse_no_answer_scores(const std::string& text) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (const auto error = parser.parse(text).get(object); error != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt, "expected one JSON object {{id: number}}, found: {}",
                              simdjson::error_message(error));
    }
    SquadNoAnswerScores scores;
    for (const auto& entry : object) {
        double value = 0;
        if (entry.value.get(value) != simdjson::SUCCESS) {
            return FINEWATT_ERROR(kCorrupt, "question '{}': expected a number", entry.key);
        }
        scores.emplace_back(entry.key, value);
    }
    return scores;
}

Result<SquadNoAnswerScores> read_no_answer_scores(const std::filesystem::path& file) {
    const auto read = [&]() -> Result<SquadNoAnswerScores> {
        FINEWATT_ASSIGN(const std::string text, read_text_file(file));
        return parse_no_answer_scores(text);
    };
    Result<SquadNoAnswerScores> scores = read();
    if (!scores) {
        return Error(std::move(scores).error()).with_context(file.string());
    }
    return scores;
}

/// Refuse predictions of another data set, and say what does not match otherwise: the official
/// scripts score it all the same.
Status check_coverage(bool is_v2, const SquadData& references, const SquadPredictions& predictions,
                      const EvaluationFiles& files) {
    const auto& questions = references.examples;
    const auto has_prediction = [&](const SquadExample& question) {
        return predictions.count(question.id) != 0;
    };
    const auto answered =
        static_cast<std::size_t>(std::count_if(questions.begin(), questions.end(), has_prediction));
    const std::string name = files.predictions.string();
    if (answered == 0) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "{}: expected answers to the {} questions of {} (such as '{}'), found none among its "
            "{}{}; the files belong to different data sets",
            name, questions.size(), files.references.string(), questions.front().id,
            predictions.size(),
            predictions.empty() ? "" : fmt::format(" (such as '{}')", predictions.begin()->first));
    }
    if (answered < questions.size()) {
        const auto missing = std::find_if_not(questions.begin(), questions.end(), has_prediction);
        log_warning(fmt::format("{}: {} of {} questions have no answer there (such as '{}'); {}",
                                name, questions.size() - answered, questions.size(), missing->id,
                                is_v2 ? "the figures leave them out" : "each scores 0"));
    }
    if (answered < predictions.size()) {
        log_warning(fmt::format("{}: {} answers are to questions that {} does not have", name,
                                predictions.size() - answered, files.references.string()));
    }
    return {};
}

Result<NamedScores> evaluate_squad(bool is_v2, const SquadData& references,
                                   const EvaluationFiles& files) {
    FINEWATT_ASSIGN(const SquadPredictions predictions, read_squad_predictions(files.predictions));
    FINEWATT_TRY(check_coverage(is_v2, references, predictions, files));
    if (!is_v2) {
        return score_squad_v1(references, predictions);
    }
    std::optional<SquadNoAnswerScores> no_answer;
    if (files.no_answer) {
        FINEWATT_ASSIGN(no_answer, read_no_answer_scores(*files.no_answer));
    }
    return score_squad_v2(references, predictions, no_answer);
}

}  // namespace

Result<NamedScores> evaluate_files(const Task& task, const EvaluationFiles& files) {
    FINEWATT_ASSIGN(const TaskData references, read_task_data(task, files.references));
    switch (references.kind) {
        case TaskKind::kClassification:
            return evaluate_classification(references, files);
        case TaskKind::kTokenClassification:
            return evaluate_entities(references, files);
        case TaskKind::kQuestionAnswering:
            break;
    }
    const auto& questions = std::get<SquadData>(references.examples);
    // One's own questions may be of either kind; published ones are scored by their own script.
    const bool is_v2 = task.has_no_answer && (task.name != "qa" || questions.is_v2);
    return evaluate_squad(is_v2, questions, files);
}

}  // namespace finewatt
