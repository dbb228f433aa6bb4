// Token classification data of every format: CoNLL columns, or rows with a list of words and a list
// of tags (.json, .jsonl), and the names of the tags.
//
// Main function: read_token_data. Not for the columns themselves (conll_data.h). Source of the
// order of tags: transformers, examples/pytorch/token-classification/run_ner.py@049d2bf.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/conll_data.h"
#include "finewatt/data/dataset.h"

#include <filesystem>
#include <string>
#include <vector>

namespace finewatt {

/// Sentences and the names of their tags.
struct TokenData {
    std::vector<TaggedSentence> sentences;  ///< tags are IOB2; empty where a sentence has none
    std::vector<std::string> label_names;   ///< id -> name
    bool has_labels = true;                 ///< every sentence has its tags
};

/// Read .json and .jsonl as rows, columns `text` (words) and `label` (tags, as names or, with fixed
/// label names, as ids), anything else as read_conll does. Without fixed names they are collected:
/// both B- and I- of each type, and O, sorted as run_ner.py sorts them.
///
/// Differs from run_ner.py: there, a tag that the training data happens not to have (I- of a type
/// of single words) is no class, and stops the evaluation on data that has it.
///
/// Errors: as read_conll and read_dataset; invalid argument naming the row for lists of different
/// length, a tag of no known form, or one that is not among the fixed names.
Result<TokenData> read_token_data(const std::filesystem::path& file, const DatasetOptions& options);

}  // namespace finewatt
