// finewatt runs: the ledger of runs. Each of its commands is in cmd_runs_<name>.cpp.

#include "finewatt/command.h"
#include "finewatt/runs_common.h"

#include <CLI/CLI.hpp>

namespace finewatt::app {

void register_runs(CLI::App& app, CommandContext& context) {
    auto* runs = app.add_subcommand("runs", "The ledger: runs that were measured");
    runs->require_subcommand(1);
    add_runs_list(*runs, context);
    add_runs_show(*runs, context);
    add_runs_compare(*runs, context);
    add_runs_tag(*runs, context);
    add_runs_delete(*runs, context);
    add_runs_export(*runs, context);
    add_runs_import(*runs, context);
    add_runs_recover(*runs, context);
}

}  // namespace finewatt::app
