// keep_run: stores a run that has ended, or keeps it beside its journal when the ledger fails.
//
// Main functions: keep_run, recover_run (recover_run.h) for what it kept. A ledger that is locked,
// full, damaged or gone costs no run: the run lies whole in a small ledger of its own, ID.run.db,
// next to its journal ID.jsonl, until `finewatt runs recover` stores it.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/store/store.h"
#include "finewatt/study/run_job.h"

#include <filesystem>
#include <functional>
#include <memory>

namespace finewatt {

/// Opens the ledger that runs go to.
using StoreOpener = std::function<Result<std::unique_ptr<Store>>()>;

/// Store a run and remove its journal. When the ledger fails, the run is kept beside its journal,
/// and the ledger's error is returned with the place. Only where that fails too, what the journal
/// holds is all that is left; the error says so.
Status keep_run(const JobResult& result, const StoreOpener& open_ledger);

/// Return where a finished run lies that could not be stored: beside its journal.
std::filesystem::path finished_run_path(const std::filesystem::path& journal);

/// Remove a journal whose run is stored, and the finished run beside it. Files that are not there
/// are no error. Errors: permission, io.
Status remove_journal(const std::filesystem::path& journal);

}  // namespace finewatt
