// finewatt finetune: trains with the own engine (finewatt-train) under the meter.

#include "finewatt/base/file.h"
#include "finewatt/base/log.h"
#include "finewatt/engine_job.h"
#include "finewatt/record/json.h"
#include "finewatt/report/html_report.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "engine_options.h"
#include "model_name.h"

namespace finewatt::app {
namespace {

struct FinetuneCommand {
    EngineOptions engine;
    MeterFlags meter;
};

/// Write the record and the report into the folder of the result; a report that cannot be made is
/// told, and does not fail the run.
void write_results(const std::filesystem::path& out, JobResult& result) {
    const std::filesystem::path record_path = out / "run.json";
    const std::filesystem::path report_path = out / "report.html";
    if (!std::filesystem::is_directory(out)) {
        return;  // a job that ended before it saved anything
    }
    result.record.artifacts = {out.string(), record_path.string(), report_path.string()};
    const auto series_of_run = [&result](const RunRecord&) -> Result<std::vector<PowerSeries>> {
        return result.series;
    };
    if (Status written = write_html_report(report_path, {&result.record, 1}, series_of_run);
        !written) {
        log_warning("the report could not be written: " + written.error().describe());
        result.record.artifacts.pop_back();
    }
    if (Status written = write_file_atomically(record_path, to_json(result.record, 2) + "\n");
        !written) {
        log_warning("the record could not be written: " + written.error().describe());
    }
}

Result<JobOptions> make_finetune_job(const CommandContext& context, FinetuneCommand& command,
                                     const Clock& clock) {
    FINEWATT_ASSIGN(const std::string model_folder, resolve_model_name(command.engine.model));
    if (const std::string notice = fit_max_length(command.engine, model_folder); !notice.empty()) {
        log_warning(notice);
    }
    FINEWATT_ASSIGN(JobOptions job, make_engine_job(context, command.meter, clock));
    if (!command.engine.out) {
        command.engine.out = (std::filesystem::path("finewatt-runs") / job.run_id).string();
    }
    job.kind = "fine-tuning";
    EngineOptions engine_options = command.engine;
    engine_options.model = model_folder;
    set_engine_command(job, "finetune", to_arguments(engine_options), to_settings(command.engine));
    if (model_folder != command.engine.model) {
        // The name is what the user knows; the folder says which commit it stood for.
        job.settings["model_folder"] = setting_from_text(model_folder);
    }
    return job;
}

void finetune(CommandContext& context, FinetuneCommand& command) {
    // Outlives this call: a sensor that hangs is left behind with its clock.
    static const SystemClock clock;
    Result<JobOptions> job = make_finetune_job(context, command, clock);
    if (!job) {
        fail(context, kBadInput, job.error());
        return;
    }
    run_engine_job(context, command.meter, *std::move(job), clock,
                   [&](JobResult& result) { write_results(*command.engine.out, result); });
}

}  // namespace

void register_finetune(CLI::App& app, CommandContext& context) {
    auto* command =
        app.add_subcommand("finetune", "Fine-tune an encoder for a task under the meter");
    const auto options = std::make_shared<FinetuneCommand>();  // shared with the callback below
    add_engine_options(*command, options->engine);
    add_meter_flags(*command, options->meter);
    command->footer(
        std::string("Examples:\n") +
        "  finewatt finetune --task classification --model MiniLM/ --data train.tsv \\\n"
        "      --eval-data test.tsv --epochs 1 --batch 32 --lr 5e-5 --place zip:15213\n"
        "  finewatt finetune --task squad_v2 --model bert-base-uncased --data train-v2.0.json \\\n"
        "      --eval-data dev-v2.0.json --eval-every 1000 --checkpoint-every 1000\n"
        "Without --out the model, the record (run.json) and the report (report.html) go to\n"
        "finewatt-runs/RUN_ID/. Ctrl-C once finishes the step and saves; twice ends at once.\n"
        "Defaults are the recipes of the Hugging Face example scripts run_glue, run_qa and "
        "run_ner;\n"
        "imdb has the epochs of the paper. The record's settings show what was used.\n" +
        recipe_table());
    command->callback([options, command, &context] {
        if (Status complete = complete_engine_options(*command, options->engine); !complete) {
            const bool is_usage = complete.error().code() == ErrorCode::kInvalidArgument;
            fail(context, is_usage ? kWrongUsage : kBadInput, complete.error());
            return;
        }
        finetune(context, *options);
    });
}

}  // namespace finewatt::app
