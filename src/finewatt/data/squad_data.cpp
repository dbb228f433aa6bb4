#include "finewatt/data/squad_data.h"

#include "finewatt/data/json_error_internal.h"
#include "finewatt/data/squad_document_internal.h"
#include "finewatt/data/text_file_internal.h"

#include <simdjson.h>

#include <set>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

namespace dom = simdjson::dom;

/// A field of an object; the message names the place, e.g. "data[3].paragraphs[0]".
template <class Value>
Result<Value> field(const dom::element& object, std::string_view name, const std::string& place,
                    std::string_view expected) {
    Value value{};
    if (object.at_key(name).get(value) != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected '{}' to be {}, found none or another type",
                              place, name, expected);
    }
    return value;
}

Result<std::string> text_field(const dom::element& object, std::string_view name,
                               const std::string& place) {
    FINEWATT_ASSIGN(const auto text, field<std::string_view>(object, name, place, "a string"));
    return std::string(text);
}

Result<std::vector<SquadAnswer>> read_answers(const dom::element& question,
                                              const std::string& place) {
    FINEWATT_ASSIGN(const auto items, field<dom::array>(question, "answers", place, "a list"));
    std::vector<SquadAnswer> answers;
    for (const dom::element item : items) {
        const std::string where = fmt::format("{}.answers[{}]", place, answers.size());
        SquadAnswer answer;
        FINEWATT_ASSIGN(answer.text, text_field(item, "text", where));
        FINEWATT_ASSIGN(answer.start,
                        field<std::int64_t>(item, "answer_start", where, "a whole number"));
        if (answer.start < 0) {
            return FINEWATT_ERROR(kCorrupt, "{}: expected answer_start of 0 or more, found {}",
                                  where, answer.start);
        }
        answers.push_back(std::move(answer));
    }
    return answers;
}

/// Builds the data from the document, article by article.
class Builder {
  public:
    explicit Builder(LabelRule label_rule) : label_rule_(label_rule) {}

    Status add_article(const dom::element& article, const std::string& place) {
        FINEWATT_ASSIGN(const auto paragraphs,
                        field<dom::array>(article, "paragraphs", place, "a list"));
        std::size_t number = 0;
        for (const dom::element paragraph : paragraphs) {
            FINEWATT_TRY(add_paragraph(paragraph, fmt::format("{}.paragraphs[{}]", place, number)));
            ++number;
        }
        return {};
    }

    SquadData take() { return std::move(data_); }

  private:
    Status add_paragraph(const dom::element& paragraph, const std::string& place) {
        FINEWATT_ASSIGN(std::string context, text_field(paragraph, "context", place));
        FINEWATT_ASSIGN(const auto questions, field<dom::array>(paragraph, "qas", place, "a list"));
        data_.contexts.push_back(std::move(context));
        std::size_t number = 0;
        for (const dom::element question : questions) {
            FINEWATT_TRY(add_question(question, fmt::format("{}.qas[{}]", place, number)));
            ++number;
        }
        return {};
    }

    Status add_question(const dom::element& question, const std::string& place) {
        SquadExample example;
        FINEWATT_ASSIGN(example.id, text_field(question, "id", place));
        FINEWATT_ASSIGN(example.question, text_field(question, "question", place));
        const bool has_answers = question.at_key("answers").error() == simdjson::SUCCESS;
        if (has_answers || label_rule_ == LabelRule::kRequired) {
            FINEWATT_ASSIGN(example.answers, read_answers(question, place));
        }
        data_.has_answers = data_.has_answers && has_answers;
        example.context = data_.contexts.size() - 1;
        if (!ids_.insert(example.id).second) {
            return FINEWATT_ERROR(kCorrupt, "{}: expected an id of its own, found '{}' twice",
                                  place, example.id);
        }
        bool is_impossible = false;
        if (question.at_key("is_impossible").get(is_impossible) == simdjson::SUCCESS ||
            (has_answers && example.answers.empty())) {
            data_.is_v2 = true;
        }
        data_.examples.push_back(std::move(example));
        return {};
    }

    LabelRule label_rule_;
    SquadData data_{};
    std::set<std::string> ids_{};
};

Result<SquadData> parse(const std::string& text, LabelRule label_rule) {
    dom::parser parser;
    dom::element document;
    if (const auto error = parser.parse(text).get(document); error != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt, "expected SQuAD JSON, found: {}",
                              explain_broken_json(text, simdjson::error_message(error)));
    }
    FINEWATT_ASSIGN(const auto articles,
                    field<dom::array>(document, "data", "the document", "a list of articles"));
    Builder builder(label_rule);
    std::size_t number = 0;
    for (const dom::element article : articles) {
        FINEWATT_TRY(builder.add_article(article, fmt::format("data[{}]", number)));
        ++number;
    }
    SquadData data = builder.take();
    if (data.examples.empty()) {
        return FINEWATT_ERROR(kCorrupt, "expected questions, found none");
    }
    return data;
}

Result<SquadPredictions> parse_predictions(const std::string& text) {
    dom::parser parser;
    dom::object object;
    if (const auto error = parser.parse(text).get(object); error != simdjson::SUCCESS) {
        return FINEWATT_ERROR(kCorrupt, "expected one JSON object {{id: answer}}, found: {}",
                              simdjson::error_message(error));
    }
    SquadPredictions predictions;
    for (const dom::key_value_pair& entry : object) {
        std::string_view answer;
        if (entry.value.get(answer) != simdjson::SUCCESS) {
            return FINEWATT_ERROR(kCorrupt, "question '{}': expected its answer as a string",
                                  entry.key);
        }
        if (!predictions.emplace(entry.key, answer).second) {
            return FINEWATT_ERROR(kCorrupt, "question '{}': expected one answer, found two",
                                  entry.key);
        }
    }
    return predictions;
}

Result<SquadData> read(const std::filesystem::path& file, LabelRule label_rule) {
    FINEWATT_ASSIGN(const std::string text, read_text_file(file));
    return parse(text, label_rule);
}

Result<SquadPredictions> read_predictions(const std::filesystem::path& file) {
    FINEWATT_ASSIGN(const std::string text, read_text_file(file));
    return parse_predictions(text);
}

}  // namespace

Result<SquadData> parse_squad_document(const std::string& text, LabelRule label_rule) {
    return parse(text, label_rule);
}

Result<SquadData> read_squad_data(const std::filesystem::path& file, LabelRule label_rule) {
    Result<SquadData> data = read(file, label_rule);
    if (!data) {
        return Error(std::move(data).error()).with_context(file.string());
    }
    return data;
}

Result<SquadPredictions> read_squad_predictions(const std::filesystem::path& file) {
    Result<SquadPredictions> predictions = read_predictions(file);
    if (!predictions) {
        return Error(std::move(predictions).error()).with_context(file.string());
    }
    return predictions;
}

}  // namespace finewatt
