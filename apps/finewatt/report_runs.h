// Which runs a report is over: those named, and those that pass a filter.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"
#include "finewatt/store/store.h"

#include <cstddef>
#include <string>
#include <vector>

namespace finewatt::app {

/// What the user said. Without keys and filters: the newest runs of the ledger.
struct RunSelection {
    std::vector<std::string> keys;  ///< ids, beginnings of ids, or names
    std::string tag;
    std::string name;
    std::string kind;
    std::string status;
    std::string since;
    std::size_t limit = 200;  ///< of the runs that pass the filter; keys are not counted

    bool has_filter() const {
        return !tag.empty() || !name.empty() || !kind.empty() || !status.empty() || !since.empty();
    }
};

/// The runs of a report, each once, in the order of reports.
struct SelectedRuns {
    std::vector<RunRecord> runs;
    bool has_more = false;  ///< more runs pass the filter than the limit lets in
};

/// Read the records that are meant. Errors: not found, when a key means no run or nothing matches;
/// invalid argument for a time that cannot be read; those of the store.
Result<SelectedRuns> select_runs(Store& store, const RunSelection& selection);

}  // namespace finewatt::app
