// What the commands of `finewatt runs` share: the ledger, the options that choose runs, and looking
// a run up by what the user typed.
//
// Main type: RunChoice. Each command is in a file of its own, cmd_runs_<name>.cpp.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"
#include "finewatt/command.h"
#include "finewatt/store/store.h"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::app {

/// Options that choose runs by what they are; all empty = every run.
struct RunFilterOptions {
    std::string kind;
    std::string status;
    std::string name;
    std::string tag;
    std::string since;
    std::string until;
    std::string text;
};

/// Add --kind, --status, --name, --tag, --since, --until and --search.
void add_filter_options(CLI::App& command, RunFilterOptions& options);

/// Whether an option was given.
bool is_filter_given(const RunFilterOptions& options);

/// Turn the options into a filter. Error: invalid argument for a time that cannot be read.
Result<RunFilter> make_filter(const RunFilterOptions& options, const Clock& clock);

/// Read "2026-11-23T04:28:00Z", "2026-11-23" (its beginning, UTC), or an age such as "90m", "12h"
/// or "7d". Error: invalid argument, naming the option.
Result<WallTime> parse_run_time(std::string_view option, std::string_view text, const Clock& clock);

/// Open the ledger that the options or the environment name.
Result<std::unique_ptr<Store>> open_ledger(const CommandContext& context);

/// Exit status for a failed look into the ledger: a name that is wrong is bad input, the rest is
/// the store's failure.
int ledger_exit_status(const Error& error);

/// Return the id of the run that `key` means (see Store::resolve). The error of a key that matches
/// nothing lists names and ids that are nearly the same.
Result<std::string> find_run(Store& store, const std::string& key);

/// The same for several keys, in their order, each run once.
Result<std::vector<std::string>> find_runs(Store& store, std::span<const std::string> keys);

/// Return the words among `candidates` that are nearly `word`, in any case of letters: at most a
/// quarter of their letters differ. The nearest first, at most three.
std::vector<std::string> near_words(std::string_view word, std::span<const std::string> candidates);

/// One run of a list as JSON.
nlohmann::ordered_json overview_json(const RunOverview& run);

/// A list of runs as a table.
std::string overview_table(std::span<const RunOverview> runs);

/// Print one JSON document on a line. Bytes that are not UTF-8 become U+FFFD.
void print_json(const nlohmann::ordered_json& document);

// One function per command; each adds its subcommand to `runs`.
void add_runs_compare(CLI::App& runs, CommandContext& context);
void add_runs_delete(CLI::App& runs, CommandContext& context);
void add_runs_export(CLI::App& runs, CommandContext& context);
void add_runs_import(CLI::App& runs, CommandContext& context);
void add_runs_list(CLI::App& runs, CommandContext& context);
void add_runs_recover(CLI::App& runs, CommandContext& context);
void add_runs_show(CLI::App& runs, CommandContext& context);
void add_runs_tag(CLI::App& runs, CommandContext& context);

}  // namespace finewatt::app
