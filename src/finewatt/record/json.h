// The run record as a JSON document, in both directions, built from the field tables (field.h).
//
// Main functions: to_json, run_from_json. The document's shape is docs/reference/fields.md: keys in
// table order, quantities as plain numbers in their stored unit, unknown as null, times as ISO-8601
// UTC with milliseconds. NaN and infinity have no place in JSON and are written as null.
// Not for reading foreign formats (CodeCarbon, BoAmps): those are importers of their own.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"

#include <string>
#include <string_view>

namespace finewatt {

/// Return the record as one JSON object. `indent` 0 gives one line, N > 0 gives N spaces a level.
/// A number is written in a short form that reads back as the same double. Bytes of a text that
/// are not UTF-8 become U+FFFD. Any thread.
std::string to_json(const RunRecord& run, int indent = 0);

/// The same for parts of a record, for commands that print one part alone.
std::string to_json(const EnergySummary& energy, int indent = 0);
std::string to_json(const CarbonSummary& carbon, int indent = 0);
std::string to_json(const PredictionSummary& prediction, int indent = 0);

/// Read a record back. A key that is missing, other than run_id, kind, status and started_at,
/// keeps its default (records of older versions); a key that is unknown is skipped (records of
/// newer ones). Errors: corrupt, naming the key's path, what was expected and what was found.
Result<RunRecord> run_from_json(std::string_view text);

}  // namespace finewatt
