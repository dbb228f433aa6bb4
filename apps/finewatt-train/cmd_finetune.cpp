// finewatt-train finetune
#include "finewatt/engine/stop_signal.h"
#include "finewatt/engine/trainer.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "engine_options.h"
#include "model_name.h"

namespace finewatt {
namespace {

constexpr std::string_view kRandomPrefix = "random:";

FinetuneOptions to_finetune_options(const EngineOptions& given) {
    FinetuneOptions options;
    options.model.is_random = given.model.starts_with(kRandomPrefix);
    options.model.path =
        options.model.is_random ? given.model.substr(kRandomPrefix.size()) : given.model;
    options.model.vocab = given.vocab;
    options.data = given.data;
    options.eval_data = given.eval_data;
    options.columns = {given.text_column, given.text_pair_column, given.label_column};
    options.epochs = given.epochs;
    options.max_steps = given.max_steps;
    options.batch = static_cast<std::int32_t>(given.batch);
    options.max_length = static_cast<std::int32_t>(given.max_length);
    options.lr = given.lr;
    options.warmup = given.warmup;
    options.weight_decay = given.weight_decay;
    options.seed = static_cast<std::uint64_t>(given.seed);
    options.batching = parse_batching_mode(given.batching).value();  // checked with the options
    options.dropout = given.dropout;
    options.out = given.out;
    options.log = given.log;
    options.settings_toml = to_toml(given);
    return options;
}

void print_summary(const FinetuneResult& result, const EngineOptions& given) {
    const double steps_per_s =
        result.train_s > 0 ? static_cast<double>(result.work.steps) / result.train_s : 0;
    fmt::print("trained    {} of {} steps, {} examples, {:.1f} s, {:.2f} steps/s\n",
               result.work.steps, result.steps_planned, result.work.examples, result.train_s,
               steps_per_s);
    fmt::print("tokens     {} real, {} computed ({})\n", result.work.tokens_real,
               result.work.tokens_padded, given.batching);
    fmt::print("loss       {:.4f} mean, {:.4f} last\n", result.loss_mean, result.loss_last);
    if (result.accuracy) {
        fmt::print("accuracy   {:.4f} on {} examples\n", *result.accuracy, result.eval_examples);
    }
    for (const std::string& note : result.notes) {
        fmt::print("note       {}\n", note);
    }
    if (result.is_saved) {
        fmt::print("saved      {}\n", *given.out);
    }
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
    {
        const PhaseScope phase(events, "startup");
        start_engine(events, given.threads, "finetune", given.model, given.batching);
    }
    JobContext context{events, clock, [] { return stop_signal() != 0; }};
    const auto result = finetune(to_finetune_options(given), context);
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
            return report_error(FINEWATT_ERROR(
                kCancelled,
                "training: loss or gradient is not finite at step {} (loss {}); nothing was saved; "
                "lower --lr or add --warmup",
                result->work.steps, result->loss_last));
    }
    return kExitBug;
}

}  // namespace

void add_finetune_command(CLI::App& app, std::optional<Command>& chosen) {
    CLI::App* command = app.add_subcommand(
        "finetune",
        "Train a classifier. Defaults are those of Hugging Face's run_glue.py.\n"
        "Example: finewatt-train finetune --model bert-base-uncased --data train.tsv\n"
        "         --eval-data test.tsv --epochs 1 --lr 5e-5 --out trained");
    // Shared with the two callbacks, which outlive this function.
    const auto options = std::make_shared<EngineOptions>();
    add_engine_options(*command, *options);
    command->callback([command, options, &chosen] {
        chosen = [command, options](EventWriter& events, const Clock& clock) {
            return run_finetune(*command, *options, events, clock);
        };
    });
}

}  // namespace finewatt
