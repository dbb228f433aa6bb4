// The SQuAD document (one JSON object with "data") once its text is in memory.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/dataset.h"
#include "finewatt/data/squad_data.h"

#include <string>

namespace finewatt {

/// Errors as read_squad_data; they do not name the file.
Result<SquadData> parse_squad_document(const std::string& text, LabelRule label_rule);

}  // namespace finewatt
