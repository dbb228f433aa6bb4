// Question-answering data in the JSON form of SQuAD v1.1 and v2.0 (Rajpurkar et al. 2016, 2018),
// plain or gzip.
//
// Main type: SquadData. Not for features (windows of tokens) nor for scores (squad_score.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/dataset.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace finewatt {

/// A reference answer.
struct SquadAnswer {
    std::string text;
    std::int64_t start = 0;  ///< first code point of the answer in its context
};

/// One question about a context. Without answers it cannot be answered (v2.0).
struct SquadExample {
    std::string id;
    std::string question;
    std::size_t context = 0;  ///< index into SquadData::contexts
    std::vector<SquadAnswer> answers;
};

/// A file in its own order. Contexts are kept once, however many questions they have.
struct SquadData {
    std::vector<std::string> contexts;
    std::vector<SquadExample> examples;
    bool is_v2 = false;       ///< some question says `is_impossible`, or has no answer
    bool has_answers = true;  ///< false: some question does not say what its answers are
};

/// Read a SQuAD file. Errors: not found and the like; corrupt with the place in the document, for
/// what is no SQuAD JSON, a missing or mistyped field, two questions of one id, a negative start.
/// kOptional accepts questions without `answers`.
Result<SquadData> read_squad_data(const std::filesystem::path& file,
                                  LabelRule label_rule = LabelRule::kRequired);

/// Read questions of any format: .json as above, or an array of rows; .jsonl as rows. A row has the
/// columns `text` (question), `pair` (context), `label` (an object {"text": [...], "answer_start":
/// [...]}, as the Hugging Face hub has it) and perhaps `id` (else the row's number). Errors: as
/// read_squad_data and read_dataset.
Result<SquadData> read_question_data(const std::filesystem::path& file,
                                     const DatasetOptions& options);

/// Answers by question id; "" says that there is none.
using SquadPredictions = std::map<std::string, std::string>;

/// Read predictions as the official scripts take them, one JSON object {id: answer}, plain or gzip.
/// Errors: not found and the like; corrupt for anything else, naming the id.
Result<SquadPredictions> read_squad_predictions(const std::filesystem::path& file);

}  // namespace finewatt
