#include "finewatt/data/dataset_rows_internal.h"
#include "finewatt/data/squad_data.h"
#include "finewatt/data/squad_document_internal.h"
#include "finewatt/data/text_file_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <utility>

namespace finewatt {
namespace {

using Names = std::vector<std::string>;

/// Where the cells of a row are, and whether the columns that may be missing are there.
struct ChosenColumns {
    Names names;
    std::optional<std::size_t> id;
    std::optional<std::size_t> answers;  ///< the texts; the starts stand behind them
};

constexpr std::size_t kQuestionCell = 0;
constexpr std::size_t kContextCell = 1;

bool has(const Names& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

Result<ChosenColumns> choose(const Names& names, const DatasetOptions& options) {
    const ColumnNames& columns = options.columns.front();
    const std::string context = columns.pair.value_or("context");
    const std::string texts = columns.label + ".text";
    const std::string starts = columns.label + ".answer_start";
    const bool has_answers = has(names, texts) && has(names, starts);
    if (!has(names, columns.text) || !has(names, context) ||
        (!has_answers && options.label_rule == LabelRule::kRequired)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected the columns '{}', '{}' and '{}' (an object with the lists "
                              "'text' and 'answer_start'), found: {}; name the right ones with "
                              "--text-column, --text-pair-column and --label-column",
                              columns.text, context, columns.label, fmt::join(names, ", "));
    }
    ChosenColumns chosen;
    chosen.names = {columns.text, context};
    if (has_answers) {
        chosen.answers = chosen.names.size();
        chosen.names.push_back(texts);
        chosen.names.push_back(starts);
    }
    if (has(names, "id")) {
        chosen.id = chosen.names.size();
        chosen.names.emplace_back("id");
    }
    return chosen;
}

Result<std::vector<SquadAnswer>> read_answers(const DataRow& row, const ChosenColumns& columns) {
    const std::size_t cell = *columns.answers;
    FINEWATT_ASSIGN(const auto texts, texts_of(row, cell, columns.names[cell]));
    FINEWATT_ASSIGN(const auto starts, integers_of(row, cell + 1, columns.names[cell + 1]));
    if (texts.size() != starts.size()) {
        return FINEWATT_ERROR(kCorrupt,
                              "row {}: expected as many starts as answers, found {} answers and {} "
                              "starts",
                              row.number, texts.size(), starts.size());
    }
    std::vector<SquadAnswer> answers;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (starts[i] < 0) {
            return FINEWATT_ERROR(kCorrupt, "row {}: expected answer_start of 0 or more, found {}",
                                  row.number, starts[i]);
        }
        answers.push_back({texts[i], starts[i]});
    }
    return answers;
}

/// Builds the data row by row; a context that the row before had is not kept again.
class QuestionBuilder {
  public:
    explicit QuestionBuilder(const ChosenColumns& columns) : columns_(columns) {
        data_.has_answers = columns.answers.has_value();
    }

    Status add(const DataRow& row) {
        SquadExample example;
        FINEWATT_ASSIGN(example.question, text_of(row, kQuestionCell, columns_.names[0]));
        FINEWATT_ASSIGN(std::string context, text_of(row, kContextCell, columns_.names[1]));
        example.id = std::to_string(row.number);
        if (columns_.id) {
            FINEWATT_ASSIGN(example.id, label_of(row, *columns_.id, "id"));
        }
        if (!ids_.insert(example.id).second) {
            return FINEWATT_ERROR(kCorrupt, "row {}: expected an id of its own, found '{}' twice",
                                  row.number, example.id);
        }
        if (columns_.answers) {
            FINEWATT_ASSIGN(example.answers, read_answers(row, columns_));
            data_.is_v2 = data_.is_v2 || example.answers.empty();
        }
        if (data_.contexts.empty() || data_.contexts.back() != context) {
            data_.contexts.push_back(std::move(context));
        }
        example.context = data_.contexts.size() - 1;
        data_.examples.push_back(std::move(example));
        return {};
    }

    SquadData take() { return std::move(data_); }

  private:
    const ChosenColumns& columns_;
    SquadData data_{};
    std::set<std::string> ids_{};
};

Result<SquadData> from_rows(const Result<std::vector<DataRow>>& rows,
                            const ChosenColumns& columns) {
    if (!rows) {
        return rows.error();
    }
    QuestionBuilder builder(columns);
    for (const DataRow& row : *rows) {
        FINEWATT_TRY(builder.add(row));
    }
    return builder.take();
}

Result<SquadData> read(const std::filesystem::path& file, const DatasetOptions& options) {
    ChosenColumns columns;
    const ColumnChooser chooser = [&](const Names& names) -> Result<Names> {
        FINEWATT_ASSIGN(columns, choose(names, options));
        return columns.names;
    };
    const std::string extension = data_extension(file);
    if (extension == ".csv" || extension == ".tsv") {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "expected SQuAD JSON, or rows in .jsonl or .parquet, found '{}', which cannot hold "
            "lists of answers; convert the file",
            extension);
    }
    if (extension != ".json") {
        return from_rows(read_data_rows(file, chooser), columns);
    }
    FINEWATT_ASSIGN(const std::string text, read_text_file(file));
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string::npos || text[first] != '[') {
        return parse_squad_document(text, options.label_rule);
    }
    return from_rows(read_json_rows(text, chooser), columns);
}

}  // namespace

Result<SquadData> read_question_data(const std::filesystem::path& file,
                                     const DatasetOptions& options) {
    Result<SquadData> data = read(file, options);
    if (!data) {
        return Error(std::move(data).error()).with_context(file.string());
    }
    if (data->examples.empty()) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected questions, found none", file.string());
    }
    return data;
}

}  // namespace finewatt
