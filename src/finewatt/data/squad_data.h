// Question-answering data in the JSON form of SQuAD v1.1 and v2.0 (Rajpurkar et al. 2016, 2018),
// plain or gzip.
//
// Main type: SquadData. Not for features (windows of tokens) nor for scores (squad_score.h).
#pragma once

#include "finewatt/base/result.h"

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
    bool is_v2 = false;  ///< some question says `is_impossible`, or has no answer
};

/// Read a SQuAD file. Errors: not found and the like; corrupt with the place in the document, for
/// what is no SQuAD JSON, a missing or mistyped field, two questions of one id, a negative start.
Result<SquadData> read_squad_data(const std::filesystem::path& file);

/// Answers by question id; "" says that there is none.
using SquadPredictions = std::map<std::string, std::string>;

/// Read predictions as the official scripts take them, one JSON object {id: answer}, plain or gzip.
/// Errors: not found and the like; corrupt for anything else, naming the id.
Result<SquadPredictions> read_squad_predictions(const std::filesystem::path& file);

}  // namespace finewatt
