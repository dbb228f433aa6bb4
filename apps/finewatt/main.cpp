// finewatt: the program that measures. It loads no LibTorch; training runs in finewatt-train, which
// it starts and meters like any other command.

#include "finewatt/base/log.h"
#include "finewatt/command.h"
#include "finewatt/engine_program.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <system_error>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace {

using finewatt::app::CommandContext;

/// The command line, cut where CLI11 must not look.
struct CommandLine {
    std::vector<std::string> own;       ///< arguments of finewatt itself
    std::vector<std::string> measured;  ///< what followed the first "--"
};

CommandLine cut_command_line(int argc, char** argv) {
    CommandLine line;
    bool is_measured = false;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (!is_measured && argument == "--") {
            is_measured = true;
        } else {
            (is_measured ? line.measured : line.own).push_back(argument);
        }
    }
    // `finewatt help CMD` is `finewatt CMD --help`.
    if (!line.own.empty() && line.own[0] == "help") {
        line.own.erase(line.own.begin());
        line.own.emplace_back("--help");
    }
    return line;
}

std::string version_text(const CommandContext& context) {
    return fmt::format("finewatt {}\ncompiler {}\nengine   {}", FINEWATT_VERSION, __VERSION__,
                       finewatt::app::engine_version(context.program_path));
}

void add_common_options(CLI::App& app, finewatt::app::CommonOptions& common) {
    app.add_flag("--json", common.json, "Print one JSON document on standard output, nothing else");
    app.add_flag("-q,--quiet", common.quiet, "No progress on standard error");
    app.add_flag("-v,--verbose", common.verbose, "More detail on standard error");
    app.add_option("--store", common.store_url, "Ledger: sqlite:PATH (environment: FINEWATT_STORE)")
        ->type_name("URL");
    app.add_option("--sysroot", common.sysroot,
                   "Folder put before /sys, /proc and /dev (environment: FINEWATT_SYSROOT)")
        ->envname("FINEWATT_SYSROOT")
        ->type_name("DIR");
}

/// A command's name, and the function that adds it.
struct Command {
    std::string_view name;
    void (*add)(CLI::App& app, CommandContext& context);
};

/// In the order of the help page.
constexpr std::array kCommands{
    Command{"doctor", finewatt::app::register_doctor},
    Command{"measure", finewatt::app::register_measure},
    Command{"phase", finewatt::app::register_phase},
    Command{"calibrate", finewatt::app::register_calibrate},
    Command{"fetch", finewatt::app::register_fetch},
    Command{"finetune", finewatt::app::register_finetune},
    Command{"infer", finewatt::app::register_infer},
    Command{"data", finewatt::app::register_data},
    Command{"evaluate", finewatt::app::register_evaluate},
    Command{"replay", finewatt::app::register_replay},
    Command{"carbon", finewatt::app::register_carbon},
    Command{"runs", finewatt::app::register_runs},
    Command{"card", finewatt::app::register_card},
    Command{"report", finewatt::app::register_report},
    Command{"tokenize", finewatt::app::register_tokenize},
};

/// Add every command whose name is among the arguments, and all where none is. The options of the
/// others would only cost time and memory, which a meter should not take.
void add_commands(CLI::App& app, CommandContext& context,
                  const std::vector<std::string>& arguments) {
    const auto is_named = [&arguments](const Command& command) {
        return std::find(arguments.begin(), arguments.end(), command.name) != arguments.end();
    };
    const bool has_named = std::any_of(kCommands.begin(), kCommands.end(), is_named);
    for (const Command& command : kCommands) {
        if (!has_named || is_named(command)) {
            command.add(app, context);
        }
    }
}

int run(int argc, char** argv) {
    CommandContext context;
    std::error_code ignored;
    context.program_path = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
    CommandLine line = cut_command_line(argc, argv);
    finewatt::app::spell_out_tag_changes(line.own);
    context.measured_command = std::move(line.measured);

    CLI::App app("Measures the energy and carbon of a language model's life.", "finewatt");
    // An option given twice counts as given last, as people know it from other tools.
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.require_subcommand(1);
    add_common_options(app, context.common);
    app.set_version_flag("--version", [&context] { return version_text(context); });
    app.footer(
        "Examples:\n"
        "  finewatt doctor                             what can be measured here, and what mends "
        "it\n"
        "  finewatt measure -- python train.py         any command under the meter\n"
        "  finewatt finetune --model DIR --data FILE   fine-tune with the own engine\n"
        "  finewatt runs list                          what was measured\n"
        "`finewatt help CMD` explains a command. The options above are accepted before and after\n"
        "the command's name.\n"
        "Exit status: 0 done, 2 wrong usage, 3 nothing measured (--require-measured), 4 bad "
        "input,\n"
        "5 the job failed, 6 the store failed, 70 a bug. `measure` passes on its command's "
        "status.");
    app.parse_complete_callback([&context] {
        if (context.common.verbose) {
            finewatt::set_log_level(finewatt::LogLevel::kInfo);
        }
    });
    add_commands(app, context, line.own);
    for (CLI::App* command : app.get_subcommands({})) {
        command->fallthrough();
        for (CLI::App* nested : command->get_subcommands({})) {
            nested->fallthrough();
        }
    }

    std::vector<std::string> reversed(line.own.rbegin(), line.own.rend());  // as CLI11 wants it
    try {
        app.parse(std::move(reversed));
    } catch (const CLI::ParseError& error) {
        const int status = app.exit(error);
        return status == 0 ? finewatt::app::kDone : finewatt::app::kWrongUsage;
    }
    return context.exit_status;
}

}  // namespace

int main(int argc, char** argv) {
    // A reader of our output that went away must not end the meter.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "finewatt: bug: %s\n", error.what());
        return finewatt::app::kBug;
    }
}
