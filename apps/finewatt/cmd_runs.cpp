// finewatt runs: the ledger: list of runs, one run whole, runs whose meter was killed.

#include "finewatt/command.h"
#include "finewatt/meter/journal.h"
#include "finewatt/record/json.h"
#include "finewatt/report/format.h"
#include "finewatt/report/summary.h"
#include "finewatt/report/table.h"
#include "finewatt/sensor/discovery.h"
#include "finewatt/store/store.h"
#include "finewatt/study/keep_run.h"
#include "finewatt/study/recover_run.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace finewatt::app {
namespace {

struct ListOptions {
    std::string kind;
    std::string status;
    std::string name;
    std::string since;
    std::size_t limit = 50;
};

/// Exit status for a failed look into the ledger: a name that is wrong is bad input, the rest is
/// the store's failure.
int exit_status_of(const Error& error) {
    const bool is_input =
        error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kInvalidArgument;
    return is_input ? kBadInput : kStoreFailed;
}

Result<std::unique_ptr<Store>> open_ledger(const CommandContext& context) {
    std::string url = context.common.store_url;
    if (url.empty()) {
        FINEWATT_ASSIGN(url, default_store_url(::getenv));
    }
    return open_store(url);
}

Result<RunFilter> make_filter(const ListOptions& options) {
    const auto unless_empty = [](const std::string& text) {
        return text.empty() ? std::nullopt : std::optional<std::string>(text);
    };
    RunFilter filter;
    filter.kind = unless_empty(options.kind);
    filter.status = unless_empty(options.status);
    filter.name = unless_empty(options.name);
    if (!options.since.empty()) {
        FINEWATT_ASSIGN(filter.since, WallTime::parse_iso8601(options.since));
    }
    filter.limit = options.limit;
    return filter;
}

nlohmann::ordered_json overview_json(const RunOverview& run) {
    nlohmann::ordered_json document;
    const auto number = [](const std::optional<double>& value) {
        return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
    };
    const auto energy = [&](const std::optional<Joules>& value) {
        return value ? nlohmann::ordered_json(value->as_joules()) : nlohmann::ordered_json();
    };
    document["run_id"] = run.run_id;
    document["name"] = run.name ? nlohmann::ordered_json(*run.name) : nlohmann::ordered_json();
    document["kind"] = run.kind;
    document["status"] = run.status;
    document["started_at"] = run.started_at.to_iso8601();
    document["duration_s"] = number(run.duration_s);
    document["energy_j"] = energy(run.energy);
    document["energy_j_low"] = energy(run.energy_low);
    document["energy_j_high"] = energy(run.energy_high);
    document["provenance"] = run.provenance;
    document["co2_kg"] = number(run.co2_kg);
    document["tags"] = run.tags;
    return document;
}

std::string overview_table(const std::vector<RunOverview>& runs) {
    TextTable table({{"run"},
                     {"name", Align::kLeft, true},
                     {"kind"},
                     {"status"},
                     {"started (UTC)"},
                     {"time", Align::kRight},
                     {"energy", Align::kRight},
                     {"provenance"}});
    for (const RunOverview& run : runs) {
        table.add_row({run.run_id, run.name.value_or("-"), run.kind, run.status,
                       run.started_at.to_iso8601().substr(0, 19),
                       run.duration_s ? format_duration(*run.duration_s) : "unknown",
                       run.energy ? format_energy_best(*run.energy, run.energy_low, run.energy_high)
                                  : "unknown",
                       run.provenance});
    }
    return table.render({.max_width = static_cast<std::size_t>(terminal_columns())});
}

Status list_runs(const CommandContext& context, const RunFilter& filter) {
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_ledger(context));
    FINEWATT_ASSIGN(const std::vector<RunOverview> runs, store->list(filter));
    if (context.common.json) {
        nlohmann::ordered_json document = nlohmann::ordered_json::array();
        for (const RunOverview& run : runs) {
            document.push_back(overview_json(run));
        }
        print_line(stdout, document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
        return {};
    }
    if (runs.empty()) {
        print_line(stdout, "No runs yet. `finewatt measure -- CMD` stores the first.");
        return {};
    }
    print_text(stdout, overview_table(runs));
    return {};
}

Status show_stored_run(const CommandContext& context, const std::string& key) {
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_ledger(context));
    FINEWATT_ASSIGN(const RunRecord run, store->get(key));
    if (context.common.json) {
        print_line(stdout, to_json(run));
        return {};
    }
    SummaryOptions options;
    options.width = static_cast<std::size_t>(terminal_columns());
    options.use_colour = may_colour(STDOUT_FILENO);
    print_text(stdout, render_summary(run, options));
    return {};
}

void add_list(CLI::App& runs, CommandContext& context) {
    auto* command = runs.add_subcommand("list", "One line a run, newest first");
    const auto options = std::make_shared<ListOptions>();  // shared with the callback below
    command->add_option("--kind", options->kind, "Only this kind, e.g. fine-tuning");
    command->add_option("--status", options->status, "Only this status, e.g. complete");
    command->add_option("--name", options->name, "Only runs of this name");
    command->add_option("--since", options->since, "Started at this time or later (UTC)")
        ->type_name("2026-11-23T04:28:00Z");
    command->add_option("--limit", options->limit, "At most so many runs")->capture_default_str();
    command->footer("Example: finewatt runs list --kind fine-tuning --json");
    command->callback([options, &context] {
        Result<RunFilter> filter = make_filter(*options);
        if (!filter) {
            fail(context, kBadInput, filter.error());
        } else if (Status listed = list_runs(context, *filter); !listed) {
            fail(context, exit_status_of(listed.error()), listed.error());
        }
    });
}

void add_show(CLI::App& runs, CommandContext& context) {
    auto* command = runs.add_subcommand("show", "One run: summary, or with --json its record");
    const auto key = std::make_shared<std::string>();  // shared with the callback below
    command->add_option("run", *key, "Run id, the beginning of one, or a name")->required();
    command->footer("Example: finewatt runs show 01KAQ --json");
    command->callback([key, &context] {
        if (Status shown = show_stored_run(context, *key); !shown) {
            fail(context, exit_status_of(shown.error()), shown.error());
        }
    });
}

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
        print_line(stdout, document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    } else {
        print_text(stdout, recovery->text.empty() ? "No journal of a killed run was left.\n"
                                                  : recovery->text);
    }
    if (!recovery->broken.empty()) {
        context.exit_status = kBadInput;
    }
}

void add_recover(CLI::App& runs, CommandContext& context) {
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

}  // namespace

void register_runs(CLI::App& app, CommandContext& context) {
    auto* runs = app.add_subcommand("runs", "The ledger: runs that were measured");
    runs->require_subcommand(1);
    add_list(*runs, context);
    add_show(*runs, context);
    add_recover(*runs, context);
}

}  // namespace finewatt::app
