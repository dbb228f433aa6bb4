// finewatt infer: predicts with the own engine (finewatt-train) under the meter.

#include "finewatt/base/log.h"
#include "finewatt/engine_job.h"

#include <CLI/CLI.hpp>

#include <memory>
#include <utility>

#include "engine_options.h"
#include "model_name.h"

namespace finewatt::app {
namespace {

struct InferCommand {
    InferOptions engine;
    MeterFlags meter;
};

Result<JobOptions> make_infer_job(const CommandContext& context, InferCommand& command,
                                  const Clock& clock) {
    FINEWATT_ASSIGN(const std::string model_folder, resolve_model_name(command.engine.model));
    if (const std::string notice = fit_max_length(command.engine, model_folder); !notice.empty()) {
        log_warning(notice);
    }
    FINEWATT_ASSIGN(JobOptions job, make_engine_job(context, command.meter, clock));
    job.kind = "inference";
    InferOptions engine_options = command.engine;
    engine_options.model = model_folder;
    set_engine_command(job, "infer", to_arguments(engine_options), to_settings(command.engine));
    if (model_folder != command.engine.model) {
        job.settings["model_folder"] = setting_from_text(model_folder);
    }
    return job;
}

void infer(CommandContext& context, InferCommand& command) {
    // Outlives this call: a sensor that hangs is left behind with its clock.
    static const SystemClock clock;
    Result<JobOptions> job = make_infer_job(context, command, clock);
    if (!job) {
        fail(context, kBadInput, job.error());
        return;
    }
    const std::string predictions = command.engine.predictions;
    run_engine_job(context, command.meter, *std::move(job), clock, [&](JobResult& result) {
        if (result.end.exit_status == 0) {
            result.record.artifacts = {predictions};
        }
    });
}

}  // namespace

void register_infer(CLI::App& app, CommandContext& context) {
    auto* command = app.add_subcommand("infer", "Predict with a trained model under the meter");
    const auto options = std::make_shared<InferCommand>();  // shared with the callback below
    add_infer_options(*command, options->engine);
    add_meter_flags(*command, options->meter);
    command->footer(
        "Examples:\n"
        "  finewatt infer --model trained --data test.tsv --predictions labels.jsonl --latency\n"
        "  finewatt infer --task squad_v2 --model trained --data dev-v2.0.json \\\n"
        "      --predictions answers.json --logits\n"
        "`finewatt evaluate` scores the predictions file. Where the data has labels, the scores "
        "are\n"
        "in the run record, too. A time of --latency is that of the forward pass an example was "
        "in;\n"
        "for question answering each window of a context counts as an example.");
    command->callback([options, &context] {
        if (Status complete = complete_infer_options(options->engine); !complete) {
            fail(context, kWrongUsage, complete.error());
            return;
        }
        infer(context, *options);
    });
}

}  // namespace finewatt::app
