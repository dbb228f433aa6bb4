// BoAmps reports (Boavizta): what a task, its measure and its machine were, as JSON.
//
// Source: github.com/Boavizta/BoAmps, model/report_schema.json, algorithm_schema.json,
// dataset_schema.json, hardware_schema.json and measure_schema.json, version 1.1.0 (2025-03-19).
// "powerConsumption" is an energy in kWh, despite its name; here that of the machine, without PUE.
#pragma once

#include "finewatt/exchange/formats.h"

#include <span>
#include <string>

namespace finewatt::exchange {

/// Return the report of one run. Errors: invalid argument when something that the schema requires
/// is neither in the record nor in `facts`; the message names the field.
Result<std::string> write_boamps(std::span<const RunRecord> runs, const ExtraFacts& facts);

}  // namespace finewatt::exchange
