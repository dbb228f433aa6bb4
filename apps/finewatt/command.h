// What every command of the program shares: the options accepted before and after a command's
// name, and how a command is added.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/base/sys_root.h"

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace finewatt::app {

/// Exit statuses of the program; the table of docs/reference/cli.md.
enum ExitStatus : int {
    kDone = 0,
    kWrongUsage = 2,
    kNothingMeasured = 3,
    kBadInput = 4,
    kJobFailed = 5,
    kStoreFailed = 6,
    kBug = 70,
};

/// Options that every command has.
struct CommonOptions {
    bool json = false;
    bool quiet = false;
    bool verbose = false;
    std::string store_url;  ///< empty: FINEWATT_STORE, else the default place
    std::string sysroot;    ///< empty: the machine's own /sys, /proc and /dev
};

/// Handed to each command: the shared options, and where its exit status goes.
struct CommandContext {
    CommonOptions common;
    /// What followed `--` on the command line; only `measure` takes it.
    std::vector<std::string> measured_command;
    /// Path of this program's own file, to find finewatt-train beside it.
    std::string program_path;
    int exit_status = kDone;
};

/// Write text to standard output or error. A reader that went away (`| head`) is no failure of
/// ours: what was measured must still be stored.
void print_text(std::FILE* stream, std::string_view text);

/// The same, with a line end.
void print_line(std::FILE* stream, std::string_view text);

/// Print an error on standard error and remember the exit status.
void fail(CommandContext& context, int exit_status, const Error& error);

/// Return whether colour and cursor movement may be used on a standard stream (1 or 2): it is a
/// terminal and NO_COLOR is not set.
bool may_colour(int fd);

/// Return the width of the terminal, or 100 when there is none.
int terminal_columns();

/// Turn each `-word` after `runs tag` into `--remove=word`, so that it is not taken for an option.
void spell_out_tag_changes(std::vector<std::string>& arguments);

// One function per command; each adds its subcommand to `app`.
void register_calibrate(CLI::App& app, CommandContext& context);
void register_carbon(CLI::App& app, CommandContext& context);
void register_card(CLI::App& app, CommandContext& context);
void register_data(CLI::App& app, CommandContext& context);
void register_doctor(CLI::App& app, CommandContext& context);
void register_evaluate(CLI::App& app, CommandContext& context);
void register_fetch(CLI::App& app, CommandContext& context);
void register_finetune(CLI::App& app, CommandContext& context);
void register_infer(CLI::App& app, CommandContext& context);
void register_measure(CLI::App& app, CommandContext& context);
void register_phase(CLI::App& app, CommandContext& context);
void register_replay(CLI::App& app, CommandContext& context);
void register_report(CLI::App& app, CommandContext& context);
void register_runs(CLI::App& app, CommandContext& context);
void register_tokenize(CLI::App& app, CommandContext& context);

}  // namespace finewatt::app
