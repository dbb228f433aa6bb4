// finewatt runs list: one line a run.

#include "finewatt/runs_common.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <map>
#include <memory>

namespace finewatt::app {
namespace {

struct ListOptions {
    RunFilterOptions filter;
    std::string order = "started";
    bool is_reversed = false;
    std::size_t limit = 50;
    std::size_t offset = 0;
};

/// What `--sort` takes. The first of each order comes first: newest, largest, or A.
const std::map<std::string, RunOrder>& order_names() {
    static const std::map<std::string, RunOrder> kNames{{"started", RunOrder::kStarted},
                                                        {"name", RunOrder::kName},
                                                        {"duration", RunOrder::kDuration},
                                                        {"energy", RunOrder::kEnergy},
                                                        {"co2", RunOrder::kCo2}};
    return kNames;
}

Result<RunFilter> list_filter(const ListOptions& options, const Clock& clock) {
    FINEWATT_ASSIGN(RunFilter filter, make_filter(options.filter, clock));
    filter.order = order_names().at(options.order);
    const bool begins_with_smallest = filter.order == RunOrder::kName;
    filter.is_ascending = begins_with_smallest != options.is_reversed;
    filter.limit = options.limit;
    filter.offset = options.offset;
    return filter;
}

/// Tell that there are more runs than shown.
Status tell_rest(Store& store, const RunFilter& filter, std::size_t shown) {
    FINEWATT_ASSIGN(const std::size_t all, store.count(filter));
    if (all > shown) {
        print_line(stdout, fmt::format("{} of {} runs; --limit N shows more.", shown, all));
    }
    return {};
}

Status list_runs(const CommandContext& context, const ListOptions& options) {
    const SystemClock clock;
    FINEWATT_ASSIGN(const RunFilter filter, list_filter(options, clock));
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_ledger(context));
    FINEWATT_ASSIGN(const std::vector<RunOverview> runs, store->list(filter));
    if (context.common.json) {
        nlohmann::ordered_json document = nlohmann::ordered_json::array();
        for (const RunOverview& run : runs) {
            document.push_back(overview_json(run));
        }
        print_json(document);
        return {};
    }
    if (runs.empty()) {
        const bool is_chosen = is_filter_given(options.filter) || options.offset > 0;
        print_line(stdout, is_chosen ? "No run passes the filter. `finewatt runs list` shows all."
                                     : "No runs yet. `finewatt measure -- CMD` stores the first.");
        return {};
    }
    print_text(stdout, overview_table(runs));
    // A list that is not full shows all there is.
    return runs.size() < options.limit && options.offset == 0
               ? Status()
               : tell_rest(*store, filter, runs.size());
}

}  // namespace

void add_runs_list(CLI::App& runs, CommandContext& context) {
    auto* command = runs.add_subcommand("list", "One line a run, newest first");
    const auto options = std::make_shared<ListOptions>();  // shared with the callback below
    add_filter_options(*command, options->filter);
    command
        ->add_option("--sort", options->order,
                     "By started (newest first), name, duration, energy or co2 (largest first); "
                     "runs without the figure come last")
        ->check(CLI::IsMember(order_names()))
        ->capture_default_str();
    command->add_flag("--reverse", options->is_reversed, "The other way round");
    command->add_option("--limit", options->limit, "At most so many runs")->capture_default_str();
    command->add_option("--offset", options->offset, "Skip so many runs first")
        ->capture_default_str();
    command->footer(
        "Examples: finewatt runs list --kind fine-tuning --json\n"
        "          finewatt runs list --tag paper --since 7d --sort energy --limit 10");
    command->callback([options, &context] {
        if (Status listed = list_runs(context, *options); !listed) {
            fail(context, ledger_exit_status(listed.error()), listed.error());
        }
    });
}

}  // namespace finewatt::app
