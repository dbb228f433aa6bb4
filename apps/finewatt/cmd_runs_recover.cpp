// finewatt runs recover: runs whose meter was killed, from their journals.

#include "finewatt/meter/journal.h"
#include "finewatt/record/json.h"
#include "finewatt/report/format.h"
#include "finewatt/runs_common.h"
#include "finewatt/sensor/discovery.h"
#include "finewatt/study/keep_run.h"
#include "finewatt/study/recover_run.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <memory>

namespace finewatt::app {
namespace {

/// What `runs recover` found and did.
struct Recovery {
    nlohmann::ordered_json recovered = nlohmann::ordered_json::array();
    nlohmann::ordered_json running = nlohmann::ordered_json::array();
    nlohmann::ordered_json broken = nlohmann::ordered_json::array();
    std::string text;
};

nlohmann::ordered_json dead_time_json(const std::optional<DeadTime>& dead) {
    if (!dead) {
        return nullptr;
    }
    nlohmann::ordered_json document;
    document["duration_s"] = dead->duration_s;
    document["energy"] = nlohmann::ordered_json::parse(to_json(dead->energy), nullptr, false);
    return document;
}

void tell_recovered(Recovery& recovery, const RecoveredRun& run, bool was_stored) {
    const RunRecord& record = run.record;
    nlohmann::ordered_json document;
    document["run_id"] = record.run_id;
    document["was_stored"] = was_stored;
    document["duration_s"] = record.duration_s.value_or(0);
    document["energy"] = nlohmann::ordered_json::parse(to_json(record.energy), nullptr, false);
    document["dead_time"] = dead_time_json(run.dead_time);
    recovery.recovered.push_back(std::move(document));
    recovery.text += fmt::format(
        "{}  {}, {}, {}\n", record.run_id, was_stored ? "was stored already" : "recovered",
        format_duration(record.duration_s.value_or(0)),
        record.energy.energy ? format_energy(*record.energy.energy, record.energy.energy_low,
                                             record.energy.energy_high)
                             : format_unknown(record.energy.reason));
    if (run.dead_time && run.dead_time->energy.energy) {
        const EnergySummary& dead = run.dead_time->energy;
        recovery.text += fmt::format(
            "  since then {}: {}, no part of the run\n", format_duration(run.dead_time->duration_s),
            format_energy(*dead.energy, dead.energy_low, dead.energy_high));
    }
}

/// Store one run and remove its journal. The run goes first, so that a kill in between loses
/// nothing.
Status recover_one(const std::filesystem::path& journal, const RecoverOptions& options,
                   Store& store, Recovery& recovery) {
    FINEWATT_ASSIGN(const RecoveredRun run, recover_run(journal, options));
    const bool was_stored = store.resolve(run.record.run_id).has_value();
    if (!was_stored) {
        FINEWATT_TRY(store.insert(run.record, run.series));
    }
    FINEWATT_TRY(remove_journal(journal));
    tell_recovered(recovery, run, was_stored);
    return {};
}

void tell_broken(Recovery& recovery, const std::filesystem::path& journal,
                 const std::string& reason) {
    nlohmann::ordered_json document;
    document["journal"] = journal.string();
    document["reason"] = reason;
    recovery.broken.push_back(std::move(document));
    recovery.text += fmt::format("{}: {}; the file stays, remove it when nothing in it is wanted\n",
                                 journal.string(), reason);
}

/// Recover what can be; one bad journal does not hold up the others.
Result<Recovery> recover_runs(const CommandContext& context, const Clock& clock) {
    FINEWATT_ASSIGN(const std::filesystem::path folder, default_journal_folder(::getenv));
    const SysRoot sysroot = context.common.sysroot.empty() ? sys_root_from(read_environment)
                                                           : SysRoot(context.common.sysroot);
    RecoverOptions options;
    options.boot_id = read_boot_id().value_or("");
    options.find_sources = [&] { return discover({.root = sysroot, .clock = clock}).sources; };
    Recovery recovery;
    std::unique_ptr<Store> store;
    for (const FoundJournal& journal : find_journals(folder, options.boot_id)) {
        if (journal.state == JournalState::kRunning) {
            nlohmann::ordered_json document;
            document["run_id"] = journal.run_id;
            document["pid"] = journal.pid;
            recovery.running.push_back(std::move(document));
            recovery.text +=
                fmt::format("{}  runs (process {}), left alone\n", journal.run_id, journal.pid);
            continue;
        }
        if (journal.state == JournalState::kBroken) {
            tell_broken(recovery, journal.path, journal.reason);
            continue;
        }
        if (!store) {
            FINEWATT_ASSIGN(store, open_ledger(context));
        }
        const Status recovered = recover_one(journal.path, options, *store, recovery);
        if (!recovered && recovered.error().code() == ErrorCode::kCorrupt) {
            tell_broken(recovery, journal.path, recovered.error().describe());
        } else if (!recovered) {
            return Error(recovered.error());
        }
    }
    return recovery;
}

void recover_and_tell(CommandContext& context) {
    const SystemClock clock;
    const Result<Recovery> recovery = recover_runs(context, clock);
    if (!recovery) {
        fail(context, kStoreFailed, recovery.error());
        return;
    }
    if (context.common.json) {
        nlohmann::ordered_json document;
        document["recovered"] = recovery->recovered;
        document["running"] = recovery->running;
        document["broken"] = recovery->broken;
        print_json(document);
    } else {
        print_text(stdout, recovery->text.empty() ? "No journal of a killed run was left.\n"
                                                  : recovery->text);
    }
    if (!recovery->broken.empty()) {
        context.exit_status = kBadInput;
    }
}

}  // namespace

void add_runs_recover(CLI::App& runs, CommandContext& context) {
    auto* command = runs.add_subcommand(
        "recover", "Store runs that could not be, and finish those whose meter was killed");
    command->footer(
        "A run that had ended is stored as it was; one that was killed lacks at most about its "
        "last\n"
        "second. Runs that go on are left alone.\n"
        "Exit status 4 when a journal cannot be read.\n"
        "Example: finewatt runs recover --json");
    command->callback([&context] { recover_and_tell(context); });
}

}  // namespace finewatt::app
