// CodeCarbon's emissions.csv and its task file (emissions_<experiment>_<run_id>.csv), both ways.
//
// What they hold: codecarbon 3.3.2, output_methods/emissions_data.py; units as
// docs/formats/exchange.md lists them. CodeCarbon multiplies all powers and energies by the PUE
// before it writes them; a run record holds the machine's own, so both ways convert.
#pragma once

#include "finewatt/exchange/formats.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::exchange {

/// The columns of emissions.csv, in order.
std::span<const std::string_view> codecarbon_columns();

/// The columns of a task file, in order.
std::span<const std::string_view> codecarbon_task_columns();

/// Return a whole emissions.csv. Unknown = empty.
Result<std::string> write_codecarbon(std::span<const RunRecord> runs, const ExtraFacts& facts);

/// Return `existing` with a row for each run, in its columns and with its line ends; all its bytes
/// stay. Values whose column it lacks are left out. An empty text gives a new file. Errors: corrupt
/// for a broken file or one without the essential columns; invalid argument for a run whose id is
/// in the file already.
Result<std::string> extend_codecarbon(std::string_view existing, std::string_view file_name,
                                      std::span<const RunRecord> runs);

/// Return a task file: one row for each phase of one run. Error: invalid argument without phases.
Result<std::string> write_codecarbon_tasks(std::span<const RunRecord> runs,
                                           const ExtraFacts& facts);

/// Read either file. Of several rows with one run_id (states of one run, as `flush()` writes them)
/// the longest counts; rows of a task file become the phases of one run.
Result<std::vector<ImportedRun>> read_codecarbon(std::string_view text, std::string_view file_name,
                                                 const ReadOptions& options);

}  // namespace finewatt::exchange
