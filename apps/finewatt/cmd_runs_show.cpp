// finewatt runs show: runs whole, as a summary or as their records.

#include "finewatt/record/json.h"
#include "finewatt/report/summary.h"
#include "finewatt/runs_common.h"

#include <CLI/CLI.hpp>

#include <unistd.h>

#include <memory>

namespace finewatt::app {
namespace {

/// One record as an object, several as a list: either way one JSON document.
void print_records(const std::vector<RunRecord>& runs) {
    if (runs.size() == 1) {
        print_line(stdout, to_json(runs.front()));
        return;
    }
    std::string document = "[";
    for (const RunRecord& run : runs) {
        document += (document.size() > 1 ? ",\n" : "") + to_json(run);
    }
    print_line(stdout, document + "]");
}

void print_summaries(const std::vector<RunRecord>& runs) {
    SummaryOptions options;
    options.width = static_cast<std::size_t>(terminal_columns());
    options.use_colour = may_colour(STDOUT_FILENO);
    for (std::size_t i = 0; i < runs.size(); ++i) {
        print_text(stdout, (i > 0 ? "\n" : "") + render_summary(runs[i], options));
    }
}

Status show_runs(const CommandContext& context, const std::vector<std::string>& keys) {
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_ledger(context));
    FINEWATT_ASSIGN(const std::vector<std::string> ids, find_runs(*store, keys));
    std::vector<RunRecord> runs;
    for (const std::string& id : ids) {
        FINEWATT_ASSIGN(RunRecord run, store->get(id));
        runs.push_back(std::move(run));
    }
    if (context.common.json) {
        print_records(runs);
    } else {
        print_summaries(runs);
    }
    return {};
}

}  // namespace

void add_runs_show(CLI::App& runs, CommandContext& context) {
    auto* command =
        runs.add_subcommand("show", "Runs whole: summaries, or with --json their records");
    const auto keys = std::make_shared<std::vector<std::string>>();  // shared with the callback
    command->add_option("run", *keys, "Run ids, beginnings of ids, or names")
        ->required()
        ->take_all();
    command->footer(
        "With --json one run is printed as an object, several as a list.\n"
        "Example: finewatt runs show 01KAQ --json");
    command->callback([keys, &context] {
        if (Status shown = show_runs(context, *keys); !shown) {
            fail(context, ledger_exit_status(shown.error()), shown.error());
        }
    });
}

}  // namespace finewatt::app
