#include "finewatt/study/keep_run.h"

#include <utility>

namespace finewatt {
namespace {

Status store_in(const StoreOpener& open_ledger, const JobResult& result) {
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_ledger());
    return store->insert(result.record, result.series);
}

/// Remove a SQLite file, with the write-ahead log that a crash may have left.
Status remove_ledger(const std::filesystem::path& file) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
        const std::filesystem::path path = file.string() + suffix;
        std::error_code failed;
        std::filesystem::remove(path, failed);
        if (failed) {
            return error_from_errno(failed.value(), "remove " + path.string());
        }
    }
    return {};
}

/// Lay the run beside its journal. Returns what to tell the user.
std::string keep_beside_journal(const JobResult& result) {
    if (result.journal_path.empty()) {
        return "there is no journal, so the run is lost unless --record wrote it";
    }
    const std::filesystem::path file = finished_run_path(result.journal_path);
    const std::string url = "sqlite:" + file.string();
    const Status kept = store_in([&url] { return open_store(url); }, result);
    if (kept) {
        return fmt::format("it is kept in {}; `finewatt runs recover` stores it later",
                           file.string());
    }
    static_cast<void>(remove_ledger(file));
    return fmt::format("its journal stays at {}; `finewatt runs recover` makes a run of it",
                       result.journal_path.string());
}

}  // namespace

std::filesystem::path finished_run_path(const std::filesystem::path& journal) {
    std::filesystem::path path = journal;
    return path.replace_extension(".run.db");
}

Status remove_journal(const std::filesystem::path& journal) {
    // The finished run goes first: a kill in between leaves a journal whose run is stored, which
    // recovery recognises.
    FINEWATT_TRY(remove_ledger(finished_run_path(journal)));
    std::error_code failed;
    std::filesystem::remove(journal, failed);
    if (failed) {
        return error_from_errno(failed.value(), "remove " + journal.string());
    }
    return {};
}

Status keep_run(const JobResult& result, const StoreOpener& open_ledger) {
    Status stored = store_in(open_ledger, result);
    if (!stored) {
        const std::string where = keep_beside_journal(result);
        return Error(std::move(stored).error())
            .with_context(fmt::format("storing run {} ({})", result.record.run_id, where));
    }
    if (!result.journal_path.empty()) {
        // A journal that cannot be removed is found to be stored by the next recovery.
        static_cast<void>(remove_journal(result.journal_path));
    }
    return {};
}

}  // namespace finewatt
