// finewatt-train infer
#include "finewatt/engine/inference.h"
#include "finewatt/engine/stop_signal.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>

#include "commands.h"
#include "engine_options.h"
#include "model_name.h"

namespace finewatt {
namespace {

int run_infer(const InferOptions& given, EventWriter& events, const Clock& clock) {
    const Status complete = check_infer_options(given);
    if (!complete) {
        return report_usage_error(complete.error());
    }
    const Result<std::string> model = resolve_model_name(given.model);
    if (!model) {
        return report_error(model.error());
    }
    {
        const PhaseScope phase(events, "startup");
        start_engine(events, given.threads, "infer", given.model, "unpadded");
    }
    InferenceOptions options;
    options.model.path = *model;
    options.data = given.data;
    options.columns = {given.text_column, given.text_pair_column, given.label_column};
    options.predictions = given.predictions;
    options.has_logits = given.logits;
    options.batch = static_cast<std::int32_t>(given.batch);
    options.max_length = static_cast<std::int32_t>(given.max_length);
    JobContext context{events, clock, [] { return stop_signal() != 0; }};
    const auto result = infer(options, context);
    if (!result) {
        const int status = report_error(result.error());
        return stop_signal() != 0 ? 128 + stop_signal() : status;
    }
    fmt::print("classified {} examples in {:.2f} s\n", result->examples, result->infer_s);
    fmt::print("accuracy   {:.4f}\n", result->accuracy);
    fmt::print("written    {}\n", given.predictions);
    return 0;
}

}  // namespace

void add_infer_command(CLI::App& app, std::optional<Command>& chosen) {
    CLI::App* command = app.add_subcommand(
        "infer",
        "Classify texts with a trained model.\n"
        "Example: finewatt-train infer --model trained --data test.tsv --predictions out.jsonl");
    // Shared with the two callbacks, which outlive this function.
    const auto options = std::make_shared<InferOptions>();
    add_infer_options(*command, *options);
    command->callback([options, &chosen] {
        chosen = [options](EventWriter& events, const Clock& clock) {
            return run_infer(*options, events, clock);
        };
    });
}

}  // namespace finewatt
