// finewatt-train finetune
#include "finewatt/base/log.h"
#include "finewatt/engine/stop_signal.h"
#include "finewatt/engine/trainer.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "commands.h"
#include "engine_options.h"
#include "model_name.h"

namespace finewatt {
namespace {

constexpr std::string_view kRandomPrefix = "random:";

FinetuneOptions to_finetune_options(const EngineOptions& given, const ComputeDevice& device) {
    FinetuneOptions options;
    options.device = device;
    options.model.is_random = given.model.starts_with(kRandomPrefix);
    options.model.path =
        options.model.is_random ? given.model.substr(kRandomPrefix.size()) : given.model;
    options.model.vocab = given.vocab;
    options.task = task_of(given);
    options.data = given.data;
    options.eval_data.assign(given.eval_data.begin(), given.eval_data.end());
    options.epochs = given.epochs.value();
    options.max_steps = given.max_steps;
    options.batch = static_cast<std::int32_t>(given.batch.value());
    options.accumulation = given.grad_accumulation;
    options.max_length = static_cast<std::int32_t>(given.max_length.value());
    options.doc_stride = static_cast<std::int32_t>(given.doc_stride.value_or(0));
    options.lr = given.lr.value();
    options.warmup = given.warmup;
    options.weight_decay = given.weight_decay;
    options.seed = static_cast<std::uint64_t>(given.seed);
    options.batching = parse_batching_mode(given.batching).value();  // checked with the options
    options.cache = given.no_cache ? FeatureCache{} : default_feature_cache();
    options.fast.precision = parse_precision(given.precision).value();
    options.dropout = given.dropout;
    options.eval_every = given.eval_every;
    options.early_stop = given.early_stop;
    options.checkpoint_every = given.checkpoint_every;
    options.is_resumed = given.resume;
    options.out = given.out;
    options.log = given.log;
    options.settings_toml = to_toml(given);
    return options;
}

void print_summary(const FinetuneResult& result, const EngineOptions& given) {
    const double steps_per_s =
        result.train_s > 0 ? static_cast<double>(result.work.steps) / result.train_s : 0;
    print_preparation(result.preparation);
    if (result.resumed_from) {
        fmt::print(
            "resumed    after step {}, from {}; tokens, examples and times are those since "
            "then\n",
            result.resumed_step, result.resumed_from->string());
    }
    fmt::print("trained    {} of {} steps, {} examples, {:.1f} s, {:.2f} steps/s\n",
               result.steps_done, result.steps_planned, result.work.examples, result.train_s,
               steps_per_s);
    fmt::print("tokens     {} real, {} computed ({})\n", result.work.tokens_real,
               result.work.tokens_padded, given.batching);
    fmt::print("loss       {:.4f} mean, {:.4f} last\n", result.loss_mean, result.loss_last);
    if (result.best_step) {
        fmt::print("best       after step {}{}; that model was kept\n", *result.best_step,
                   result.is_stopped_early ? ", stopped early" : "");
    }
    if (!result.scores.empty()) {
        fmt::print("evaluated  {} examples\n", result.eval_examples);
    }
    for (const auto& [name, value] : result.scores) {
        fmt::print("{:<10} {:.4f}\n", name, value);
    }
    for (const std::string& note : result.notes) {
        fmt::print("note       {}\n", note);
    }
    if (result.is_saved) {
        fmt::print("saved      {}\n", *given.out);
    }
}

/// The step that was not finite, its examples and what is left.
Error divergence(const FinetuneResult& result) {
    constexpr std::size_t kMostNamed = 16;
    const auto& all = result.diverged_examples;
    const std::vector<std::int64_t> named(
        all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kMostNamed)));
    return FINEWATT_ERROR(
        kCancelled,
        "training: loss or gradient is not finite at step {} (loss {}), examples (from 0) {}{}; "
        "{}; lower --lr or add --warmup",
        result.steps_done, result.loss_last, fmt::join(named, ", "),
        all.size() > named.size() ? fmt::format(" and {} more", all.size() - named.size()) : "",
        result.last_checkpoint
            ? fmt::format("the last checkpoint is {}", result.last_checkpoint->string())
            : std::string("nothing was saved"));
}

int run_finetune(const CLI::App& app, EngineOptions& given, EventWriter& events,
                 const Clock& clock) {
    const Status complete = complete_engine_options(app, given);
    if (!complete) {
        return report_usage_error(complete.error());
    }
    const Result<std::string> model = resolve_model_name(given.model);
    if (!model) {
        return report_error(model.error());
    }
    given.model = *model;
    if (const std::string notice = fit_max_length(given, *model); !notice.empty()) {
        log_warning(notice);
    }
    const Result<ComputeDevice> device = in_phase(events, "startup", [&] {
        return start_engine(events, {"finetune", given.model, given.batching, given.device},
                            given.threads);
    });
    if (!device) {
        return report_error(device.error());
    }
    JobContext context{events, clock, [] { return stop_signal() != 0; }};
    const auto result = finetune(to_finetune_options(given, *device), context);
    if (!result) {
        return report_error(result.error());
    }
    print_summary(*result, given);
    switch (result->end) {
        case FinetuneEnd::kComplete:
            return 0;
        case FinetuneEnd::kInterrupted:
            return 128 + stop_signal();
        case FinetuneEnd::kDiverged:
            return report_error(divergence(*result));
    }
    return kExitBug;
}

}  // namespace

void add_finetune_command(CLI::App& app, std::optional<Command>& chosen) {
    CLI::App* command = app.add_subcommand(
        "finetune",
        "Train a model for a task, with the settings of its published recipe.\n"
        "Example: finewatt-train finetune --model bert-base-uncased --data train.tsv\n"
        "         --eval-data test.tsv --epochs 1 --lr 5e-5 --out trained");
    // Shared with the two callbacks, which outlive this function.
    const auto options = std::make_shared<EngineOptions>();
    add_engine_options(*command, *options);
    command->footer("Recipes of the tasks:\n" + recipe_table());
    command->callback([command, options, &chosen] {
        chosen = [command, options](EventWriter& events, const Clock& clock) {
            return run_finetune(*command, *options, events, clock);
        };
    });
}

}  // namespace finewatt
