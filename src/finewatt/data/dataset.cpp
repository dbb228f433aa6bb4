#include "finewatt/data/dataset.h"

#include "finewatt/data/dataset_texts_internal.h"
#include "finewatt/data/label_index_internal.h"

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

/// Return the different labels in order: numbers by value when all are numbers, else by their
/// text. For valid UTF-8 the order of bytes is that of code points, as in Python's sort.
/// Source: transformers, examples/pytorch/text-classification/run_glue.py (label_list.sort()).
std::vector<std::string> collect_label_names(const std::vector<LabelledText>& texts) {
    std::vector<std::string> names;
    for (const LabelledText& text : texts) {
        if (text.label) {
            names.push_back(*text.label);
        }
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    const bool are_numbers = std::all_of(names.begin(), names.end(), [](const std::string& name) {
        return whole_number(name).has_value();
    });
    if (are_numbers) {
        std::stable_sort(names.begin(), names.end(),
                         [](const std::string& a, const std::string& b) {
                             return *whole_number(a) < *whole_number(b);
                         });
    }
    return names;
}

Result<std::vector<std::string>> find_label_names(const std::vector<LabelledText>& texts,
                                                  const DatasetOptions& options) {
    if (options.label_names) {
        return *options.label_names;
    }
    std::vector<std::string> collected = collect_label_names(texts);
    if (collected.size() == 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected at least two classes, found only '{}' in all of {} "
                              "examples; check that column '{}' is the label column",
                              collected.front(), texts.size(), options.columns.front().label);
    }
    return collected;
}

/// Turn texts into examples whose labels are numbers.
Result<Dataset> label_texts(std::vector<LabelledText>&& texts, const DatasetOptions& options) {
    Dataset dataset;
    FINEWATT_ASSIGN(dataset.label_names, find_label_names(texts, options));
    FINEWATT_ASSIGN(const LabelIndex index, LabelIndex::create(dataset.label_names));
    dataset.examples.reserve(texts.size());
    for (LabelledText& text : texts) {
        std::int32_t label = kNoLabel;
        const bool is_unlabelled = !text.label || (options.label_rule == LabelRule::kOptional &&
                                                   *text.label == "-1" && !index.has_name("-1"));
        if (!is_unlabelled) {
            FINEWATT_ASSIGN(label, index.id_of(*text.label, text.place));
        }
        dataset.has_labels = dataset.has_labels && !is_unlabelled;
        dataset.examples.push_back({std::move(text.text), std::move(text.pair), label});
    }
    return dataset;
}

Result<Dataset> read(const std::filesystem::path& path, const DatasetOptions& options) {
    if (!is_class_folder(path)) {
        FINEWATT_ASSIGN(auto texts, read_table_texts(path, options));
        return label_texts(std::move(texts), options);
    }
    if (options.columns.front().pair) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected a table with pairs of texts, found a folder of texts; "
                              "choose a task of single texts");
    }
    FINEWATT_ASSIGN(auto texts, read_folder_texts(path));
    return label_texts(std::move(texts), options);
}

}  // namespace

Result<Dataset> read_dataset(const std::filesystem::path& path, const DatasetOptions& options) {
    Result<Dataset> dataset = read(path, options);
    if (!dataset) {
        return Error(std::move(dataset).error()).with_context(path.string());
    }
    return dataset;
}

}  // namespace finewatt
