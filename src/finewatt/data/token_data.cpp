#include "finewatt/data/token_data.h"

#include "finewatt/data/dataset_rows_internal.h"
#include "finewatt/data/label_index_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

namespace finewatt {
namespace {

using Names = std::vector<std::string>;

bool has(const Names& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// The two columns that are read; no label where there is none and none is needed.
struct ChosenColumns {
    std::string words;
    std::optional<std::string> tags;
};

Result<ChosenColumns> choose(const Names& names, const DatasetOptions& options) {
    for (const ColumnNames& columns : options.columns) {
        if (has(names, columns.text) && has(names, columns.label)) {
            return ChosenColumns{columns.text, columns.label};
        }
    }
    for (const ColumnNames& columns : options.columns) {
        if (options.label_rule == LabelRule::kOptional && has(names, columns.text)) {
            return ChosenColumns{columns.text, std::nullopt};
        }
    }
    const ColumnNames& first = options.columns.front();
    return FINEWATT_ERROR(kInvalidArgument,
                          "expected the columns '{}' (words) and '{}' (tags), found: {}; name the "
                          "right ones with --text-column and --label-column",
                          first.text, first.label, fmt::join(names, ", "));
}

/// Return the tags of a row as names.
Result<Names> read_tags(const DataRow& row, std::string_view column,
                        const DatasetOptions& options) {
    const bool are_ids = std::holds_alternative<std::vector<std::int64_t>>(row.cells[1]);
    if (!are_ids) {
        FINEWATT_ASSIGN(Names tags, texts_of(row, 1, column));
        for (const std::string& tag : tags) {
            if (!is_entity_tag(tag)) {
                return FINEWATT_ERROR(kCorrupt,
                                      "row {}: column '{}': expected tags O or B-, I-, E-, S-, L- "
                                      "or U- with a type, found '{}'",
                                      row.number, column, tag);
            }
        }
        return tags;
    }
    if (!options.label_names) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "row {}: column '{}': expected names of tags, found numbers; only "
                              "tasks with fixed tags (conll2003) know what they mean: write names",
                              row.number, column);
    }
    FINEWATT_ASSIGN(const std::vector<std::int64_t> ids, integers_of(row, 1, column));
    Names tags;
    for (const std::int64_t id : ids) {
        if (id < 0 || id >= static_cast<std::int64_t>(options.label_names->size())) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "row {}: column '{}': tag id {} is not one of 0 to {}",
                                  row.number, column, id, options.label_names->size() - 1);
        }
        tags.push_back((*options.label_names)[static_cast<std::size_t>(id)]);
    }
    return tags;
}

Result<TaggedSentence> take_row(const DataRow& row, const ChosenColumns& columns,
                                const DatasetOptions& options) {
    TaggedSentence sentence;
    sentence.line = row.number;
    FINEWATT_ASSIGN(sentence.words, texts_of(row, 0, columns.words));
    if (sentence.words.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "row {}: column '{}': expected words, found an empty list; remove "
                              "the row",
                              row.number, columns.words);
    }
    const bool is_unlabelled =
        !columns.tags || (options.label_rule == LabelRule::kOptional &&
                          std::holds_alternative<std::monostate>(row.cells[1]));
    if (is_unlabelled) {
        return sentence;
    }
    FINEWATT_ASSIGN(const Names tags, read_tags(row, *columns.tags, options));
    if (tags.size() != sentence.words.size()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "row {}: expected one tag for each of {} words, found {} tags",
                              row.number, sentence.words.size(), tags.size());
    }
    sentence.tags = to_iob2(tags);
    return sentence;
}

Result<std::vector<TaggedSentence>> read_rows(const std::filesystem::path& file,
                                              const DatasetOptions& options) {
    ChosenColumns columns;
    FINEWATT_ASSIGN(const std::vector<DataRow> rows,
                    read_data_rows(file, [&](const Names& names) -> Result<Names> {
                        FINEWATT_ASSIGN(columns, choose(names, options));
                        Names wanted = {columns.words};
                        if (columns.tags) {
                            wanted.push_back(*columns.tags);
                        }
                        return wanted;
                    }));
    std::vector<TaggedSentence> sentences;
    sentences.reserve(rows.size());
    for (const DataRow& row : rows) {
        FINEWATT_ASSIGN(TaggedSentence sentence, take_row(row, columns, options));
        sentences.push_back(std::move(sentence));
    }
    return sentences;
}

Names collect_names(const std::vector<TaggedSentence>& sentences) {
    std::set<std::string> names;
    for (const TaggedSentence& sentence : sentences) {
        for (const std::string& tag : sentence.tags) {
            names.insert("O");
            if (tag != "O") {
                names.insert("B-" + tag.substr(2));
                names.insert("I-" + tag.substr(2));
            }
        }
    }
    return {names.begin(), names.end()};
}

Status check_tags(const std::vector<TaggedSentence>& sentences, const Names& names) {
    FINEWATT_ASSIGN(const LabelIndex index, LabelIndex::create(names));
    for (const TaggedSentence& sentence : sentences) {
        const auto unknown =
            std::find_if_not(sentence.tags.begin(), sentence.tags.end(),
                             [&](const std::string& tag) { return index.has_name(tag); });
        if (unknown != sentence.tags.end()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "the sentence at line {}, word {}: expected one of the tags {}, "
                                  "found '{}'; --task ner takes the tags of the training data",
                                  sentence.line, 1 + (unknown - sentence.tags.begin()),
                                  fmt::join(names, ", "), *unknown);
        }
    }
    return {};
}

bool is_table(const std::filesystem::path& file) {
    const std::string extension = data_extension(file);
    return extension == ".json" || extension == ".jsonl" || extension == ".parquet";
}

Result<TokenData> with_names(std::vector<TaggedSentence>&& sentences,
                             const DatasetOptions& options) {
    TokenData data;
    data.sentences = std::move(sentences);
    data.has_labels = std::none_of(data.sentences.begin(), data.sentences.end(),
                                   [](const TaggedSentence& s) { return s.tags.empty(); });
    data.label_names = options.label_names ? *options.label_names : collect_names(data.sentences);
    FINEWATT_TRY(check_tags(data.sentences, data.label_names));
    return data;
}

Result<TokenData> read_table(const std::filesystem::path& file, const DatasetOptions& options) {
    FINEWATT_ASSIGN(std::vector<TaggedSentence> sentences, read_rows(file, options));
    return with_names(std::move(sentences), options);
}

}  // namespace

Result<TokenData> read_token_data(const std::filesystem::path& file,
                                  const DatasetOptions& options) {
    Result<TokenData> data = TokenData();
    if (is_table(file)) {
        data = read_table(file, options);
    } else {
        FINEWATT_ASSIGN(std::vector<TaggedSentence> sentences,
                        read_conll(file, options.label_rule));  // its errors name the file
        data = with_names(std::move(sentences), options);
    }
    if (!data) {
        return Error(std::move(data).error()).with_context(file.string());
    }
    return data;
}

}  // namespace finewatt
