// finewatt replay: integrates a recorded trace with the same code that reads live sensors.

#include "finewatt/command.h"
#include "finewatt/meter/replay.h"
#include "finewatt/report/format.h"
#include "finewatt/report/table.h"

#include <CLI/CLI.hpp>

#include <memory>

namespace finewatt::app {
namespace {

std::string energy_text(const ChannelEnergy& energy) {
    return energy.energy ? format_energy(*energy.energy, energy.energy_low, energy.energy_high)
                         : format_unknown(energy.reason);
}

void print_replay(const ReplayResult& result) {
    TextTable table({{"window"}, {"channel"}, {"energy", Align::kLeft, true}});
    for (std::size_t i = 0; i < result.specs.size(); ++i) {
        table.add_row({"all", result.specs[i].id, energy_text(result.channels[i])});
    }
    for (const ReplayPhase& phase : result.phases) {
        for (std::size_t i = 0; i < result.specs.size(); ++i) {
            table.add_row({phase.name, result.specs[i].id, energy_text(phase.channels[i])});
        }
    }
    table.add_row({"all", "total",
                   result.total.energy
                       ? format_energy(*result.total.energy, result.total.energy_low,
                                       result.total.energy_high)
                       : format_unknown(result.total.reason)});
    print_text(stdout, table.render({.max_width = static_cast<std::size_t>(terminal_columns())}));
}

}  // namespace

void register_replay(CLI::App& app, CommandContext& context) {
    auto* command =
        app.add_subcommand("replay", "Compute a recorded trace as the live meter would");
    const auto path = std::make_shared<std::string>();  // shared with the callback below
    command
        ->add_option("trace", *path,
                     "Trace that `measure --trace` or another program wrote; - is standard input")
        ->required()
        ->type_name("FILE");
    command->footer(
        "Examples:\n"
        "  finewatt replay run.jsonl --json\n"
        "  zcat run.jsonl.gz | finewatt replay -");
    command->callback([path, &context] {
        const Result<ReplayResult> result = replay_file(*path);
        if (!result) {
            fail(context, kBadInput, result.error());
        } else if (context.common.json) {
            print_line(stdout, replay_json(*result));
        } else {
            print_replay(*result);
        }
    });
}

}  // namespace finewatt::app
