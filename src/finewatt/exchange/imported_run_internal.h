// What all readers of other tools' files share: ids that follow from the content, notes on what
// those tools do not say, and the energy of a run that is known only in windows.
#pragma once

#include "finewatt/record/run.h"

#include <string>
#include <string_view>
#include <vector>

namespace finewatt::exchange {

/// Return a ULID made of a time and a hash of `identity`: the same for the same two, and different
/// for different ones (80 bits of XXH3). Times before 1970 count as 1970.
std::string content_ulid(WallTime time, std::string_view identity);

/// Set the parts of a run that say where it comes from: kind "command", status "complete",
/// settings "imported_from" and "foreign_id", and a note that the tool gives no ranges.
void mark_as_imported(RunRecord& run, std::string_view tool, std::string_view foreign_id);

/// How windows of a file may lie to each other.
enum class WindowOrder {
    kSequential,  ///< one after the other, whatever their rounded times say
    kMayNest,     ///< one may hold others
};

/// Fill `run.energy` from its phases (at least one): the sum over the outermost windows, by
/// component; windows inside others are not added. `coverage` is the share of the run's duration
/// within windows, and a note says what lies between them. Where two windows overlap in part the
/// total is unknown, with the reason. The run's duration must be set.
void set_energy_from_phases(RunRecord& run, WindowOrder order);

}  // namespace finewatt::exchange
