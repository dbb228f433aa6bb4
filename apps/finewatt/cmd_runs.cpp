// finewatt runs: the ledger: list of runs, one run whole.

#include "finewatt/command.h"
#include "finewatt/record/json.h"
#include "finewatt/report/format.h"
#include "finewatt/report/summary.h"
#include "finewatt/report/table.h"
#include "finewatt/store/store.h"

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

}  // namespace

void register_runs(CLI::App& app, CommandContext& context) {
    auto* runs = app.add_subcommand("runs", "The ledger: runs that were measured");
    runs->require_subcommand(1);
    add_list(*runs, context);
    add_show(*runs, context);
}

}  // namespace finewatt::app
