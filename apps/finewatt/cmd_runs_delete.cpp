// finewatt runs delete: removes runs for good, after asking.

#include "finewatt/runs_common.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>

namespace finewatt::app {
namespace {

struct DeleteOptions {
    std::vector<std::string> keys;
    bool is_sure = false;
};

RunOverview overview_of(const RunRecord& run) {
    RunOverview overview;
    overview.run_id = run.run_id;
    overview.name = run.name;
    overview.kind = run.kind;
    overview.status = run.status;
    overview.started_at = run.started_at;
    overview.duration_s = run.duration_s;
    overview.energy = run.energy.energy;
    overview.energy_low = run.energy.energy_low;
    overview.energy_high = run.energy.energy_high;
    overview.provenance = run.energy.provenance;
    overview.tags = run.tags;
    return overview;
}

/// Ask on the terminal. Only "yes" in full is yes.
bool is_confirmed(std::size_t runs) {
    print_text(stderr, fmt::format("Delete {} with samples, for good? Type yes: ",
                                   runs == 1 ? "this run" : fmt::format("these {} runs", runs)));
    std::array<char, 16> answer{};
    if (std::fgets(answer.data(), static_cast<int>(answer.size()), stdin) == nullptr) {
        return false;
    }
    const std::string_view text(answer.data());
    return text == "yes\n" || text == "yes";
}

Status erase_all(const CommandContext& context, Store& store,
                 const std::vector<RunOverview>& runs) {
    std::vector<std::string> erased;
    for (const RunOverview& run : runs) {
        const Status status = store.erase(run.run_id);
        // Another process that was faster has done our work.
        if (!status && status.error().code() != ErrorCode::kNotFound) {
            Error error = status.error();
            return std::move(error).with_context(
                fmt::format("{} of {} runs are deleted", erased.size(), runs.size()));
        }
        erased.push_back(run.run_id);
    }
    if (context.common.json) {
        nlohmann::ordered_json document;
        document["deleted"] = erased;
        print_json(document);
    } else {
        print_line(stdout,
                   fmt::format("Deleted {} run{}.", erased.size(), erased.size() == 1 ? "" : "s"));
    }
    return {};
}

void delete_runs(CommandContext& context, const DeleteOptions& options) {
    const auto refuse = [&context](const Error& error) {
        fail(context, ledger_exit_status(error), error);
    };
    const Result<std::unique_ptr<Store>> store = open_ledger(context);
    if (!store) {
        return refuse(store.error());
    }
    const auto ids = find_runs(**store, options.keys);
    if (!ids) {
        return refuse(ids.error());
    }
    std::vector<RunOverview> runs;
    for (const std::string& id : *ids) {
        // A record that cannot be read can still be deleted.
        const Result<RunRecord> run = (*store)->get(id);
        RunOverview unreadable;
        unreadable.run_id = id;
        runs.push_back(run ? overview_of(*run) : unreadable);
    }
    print_text(stderr, overview_table(runs));
    const bool can_ask = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1;
    if (!options.is_sure && !can_ask) {
        return fail(
            context, kWrongUsage,
            FINEWATT_ERROR(kInvalidArgument,
                           "delete: expected a terminal to ask on, or --yes, found neither; "
                           "nothing was deleted"));
    }
    if (!options.is_sure && !is_confirmed(runs.size())) {
        print_line(stderr, "Nothing was deleted.");
        return;
    }
    if (Status erased = erase_all(context, **store, runs); !erased) {
        refuse(erased.error());
    }
}

}  // namespace

void add_runs_delete(CLI::App& runs, CommandContext& context) {
    auto* command = runs.add_subcommand("delete", "Remove runs and their samples for good");
    const auto options = std::make_shared<DeleteOptions>();  // shared with the callback below
    command->add_option("run", options->keys, "Run ids, beginnings of ids, or names")
        ->required()
        ->take_all();
    command->add_flag("-y,--yes", options->is_sure, "Do not ask");
    command->footer(
        "Lists what will go, then asks; without a terminal --yes is needed. All runs are looked "
        "up\n"
        "before the first is removed. `finewatt runs export` keeps a copy.\n"
        "Example: finewatt runs delete 01KAQ my-run --yes");
    command->callback([options, &context] { delete_runs(context, *options); });
}

}  // namespace finewatt::app
