// finewatt runs compare: two runs, or two groups of repeats, side by side.

#include "finewatt/run_compare.h"
#include "finewatt/run_compare_view.h"
#include "finewatt/runs_common.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

namespace finewatt::app {
namespace {

struct CompareCommand {
    std::vector<std::string> sides;
    std::vector<std::string> group_a;
    std::vector<std::string> group_b;
    CompareOptions options;
};

/// The runs that a key chooses, and how many more it names that are not complete.
struct ChosenRuns {
    std::vector<std::string> ids;
    std::size_t left_out = 0;
};

/// The complete runs of a filter; all of them where none is.
Result<ChosenRuns> complete_runs(Store& store, const RunFilter& filter) {
    RunFilter complete = filter;
    complete.status = "complete";
    ChosenRuns chosen;
    FINEWATT_ASSIGN(chosen.ids, store.list_ids(complete));
    FINEWATT_ASSIGN(const std::vector<std::string> all, store.list_ids(filter));
    if (chosen.ids.empty()) {
        chosen.ids = all;
    }
    chosen.left_out = all.size() - chosen.ids.size();
    return chosen;
}

/// "tag:WORD", "name:WORD", a name that one or more runs have, or an id.
Result<ChosenRuns> choose_runs(Store& store, const std::string& key) {
    RunFilter filter;
    if (key.starts_with("tag:")) {
        filter.tag = key.substr(4);
    } else {
        filter.name = key.starts_with("name:") ? key.substr(5) : key;
    }
    FINEWATT_ASSIGN(ChosenRuns chosen, complete_runs(store, filter));
    if (!chosen.ids.empty()) {
        return chosen;
    }
    if (filter.tag || key.starts_with("name:")) {
        return FINEWATT_ERROR(kNotFound,
                              "compare: '{}': expected runs with this {}, found none (see finewatt "
                              "runs list)",
                              key, filter.tag ? "tag" : "name");
    }
    FINEWATT_ASSIGN(std::string id, find_run(store, key));
    return ChosenRuns{{std::move(id)}, 0};
}

/// The runs of one side, and a note where some were left out.
struct Side {
    RunGroup group;
    std::size_t left_out = 0;
};

Result<Side> choose_side(Store& store, const std::vector<std::string>& keys) {
    Side side;
    side.group.key = fmt::format("{}", fmt::join(keys, ", "));
    std::vector<std::string> ids;
    for (const std::string& key : keys) {
        FINEWATT_ASSIGN(const ChosenRuns chosen, choose_runs(store, key));
        side.left_out += chosen.left_out;
        for (const std::string& id : chosen.ids) {
            if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
                ids.push_back(id);
            }
        }
    }
    FINEWATT_ASSIGN(side.group.runs, store.get_all(ids));
    return side;
}

/// The keys of both sides, from either way of giving them.
Status take_keys(const CompareCommand& command, std::vector<std::string>& a,
                 std::vector<std::string>& b) {
    const bool has_groups = !command.group_a.empty() || !command.group_b.empty();
    const bool is_complete = has_groups ? !command.group_a.empty() && !command.group_b.empty()
                                        : command.sides.size() == 2;
    if (!is_complete || (has_groups && !command.sides.empty())) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "compare: expected two runs (or names of repeats), or --group-a and --group-b, found "
            "{} run{}{}; example: finewatt runs compare baseline faster",
            command.sides.size(), command.sides.size() == 1 ? "" : "s",
            has_groups ? " and a --group option" : "");
    }
    a = has_groups ? command.group_a : std::vector<std::string>{command.sides[0]};
    b = has_groups ? command.group_b : std::vector<std::string>{command.sides[1]};
    return {};
}

Status compare(const CommandContext& context, const CompareCommand& command,
               const std::vector<std::string>& keys_a, const std::vector<std::string>& keys_b) {
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_ledger(context));
    FINEWATT_ASSIGN(Side a, choose_side(*store, keys_a));
    FINEWATT_ASSIGN(Side b, choose_side(*store, keys_b));
    FINEWATT_ASSIGN(Comparison comparison,
                    compare_groups(std::move(a.group), std::move(b.group), command.options));
    const std::size_t left_out = a.left_out + b.left_out;
    if (left_out > 0) {
        comparison.notes.push_back(
            fmt::format("{} run{} not complete {} left out; name {} by id to take {} in.", left_out,
                        left_out == 1 ? "" : "s", left_out == 1 ? "was" : "were",
                        left_out == 1 ? "it" : "them", left_out == 1 ? "it" : "them"));
    }
    if (context.common.json) {
        print_line(stdout, comparison_json(comparison));
    } else {
        print_text(stdout,
                   comparison_text(comparison, static_cast<std::size_t>(terminal_columns())));
    }
    return {};
}

void compare_and_tell(CommandContext& context, const CompareCommand& command) {
    std::vector<std::string> a;
    std::vector<std::string> b;
    if (Status taken = take_keys(command, a, b); !taken) {
        fail(context, kWrongUsage, taken.error());
    } else if (Status compared = compare(context, command, a, b); !compared) {
        fail(context, ledger_exit_status(compared.error()), compared.error());
    }
}

}  // namespace

void add_runs_compare(CLI::App& runs, CommandContext& context) {
    auto* command = runs.add_subcommand(
        "compare", "Two runs, or two groups of repeats: differences and ratios with intervals");
    const auto options = std::make_shared<CompareCommand>();  // shared with the callback below
    command
        ->add_option("run", options->sides,
                     "A and B: each an id, a name (all complete runs of that name), or tag:WORD")
        ->take_all();
    const auto add_group = [command](const char* name, std::vector<std::string>& group,
                                     const char* help) {
        command->add_option(name, group, help)->allow_extra_args(false)->take_all();
    };
    add_group("--group-a", options->group_a,
              "One side: an id, a name or tag:WORD; may be given several times");
    add_group("--group-b", options->group_b, "The other side");
    command
        ->add_option("--metric", options->options.metrics,
                     "Only this figure: energy_j, duration_s, power_w_mean, co2_kg, "
                     "j_per_1k_examples, j_per_million_tokens_padded, tokens_per_s, flops_per_j, "
                     "score:NAME or phase:NAME; may be given several times")
        ->allow_extra_args(false)
        ->take_all();
    command->add_option("--confidence", options->options.confidence, "Confidence of the intervals")
        ->capture_default_str();
    command->add_flag("--across-domains", options->options.across_domains,
                      "Compare totals that contain different parts of the machine");
    command->add_flag("--across-provenance", options->options.across_provenance,
                      "Compare measured with modelled energy");
    command->footer(
        "With two runs or more on each side, intervals come from the spread between repeats: "
        "Welch's\n"
        "for differences, Fieller's for ratios, Hedges' g as the size of the effect. With one run "
        "on\n"
        "a side they are the ranges of the measurement.\n"
        "Examples: finewatt runs compare baseline faster --metric energy_j\n"
        "          finewatt runs compare --group-a tag:fp32 --group-b tag:bf16 --json");
    command->callback([options, &context] { compare_and_tell(context, *options); });
}

}  // namespace finewatt::app
