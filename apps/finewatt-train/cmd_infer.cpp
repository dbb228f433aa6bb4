// finewatt-train infer
#include "finewatt/base/log.h"
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

InferenceOptions to_inference_options(const InferOptions& given, const std::string& model,
                                      const ComputeDevice& device) {
    InferenceOptions options;
    options.device = device;
    options.model.path = model;
    options.task = task_of(given);
    options.data = given.data;
    options.predictions = given.predictions;
    options.has_logits = given.logits;
    options.has_latency = given.latency;
    options.batch = static_cast<std::int32_t>(given.batch);
    options.max_length = static_cast<std::int32_t>(given.max_length.value());
    options.doc_stride = static_cast<std::int32_t>(given.doc_stride.value_or(0));
    options.cache = given.no_cache ? FeatureCache{} : default_feature_cache();
    options.fast.precision = parse_precision(given.precision).value();  // checked with the options
    return options;
}

void print_summary(const InferenceResult& result) {
    print_preparation(result.preparation);
    fmt::print("predicted  {} examples in {:.2f} s\n", result.examples, result.infer_s);
    for (const auto& [name, value] : result.scores) {
        fmt::print("{:<10} {:.4f}\n", name, value);
    }
    if (result.latency) {
        fmt::print(
            "latency    {:.3f} ms mean, {:.3f} ms p50, {:.3f} ms p90, {:.3f} ms p99, {:.3f} "
            "ms max\n",
            result.latency->mean_ms, result.latency->p50_ms, result.latency->p90_ms,
            result.latency->p99_ms, result.latency->max_ms);
    }
    for (const auto& file : result.files) {
        fmt::print("written    {}\n", file.string());
    }
}

int run_infer(InferOptions& given, EventWriter& events, const Clock& clock) {
    const Status complete = complete_infer_options(given);
    if (!complete) {
        return report_usage_error(complete.error());
    }
    const Result<std::string> model = resolve_model_name(given.model);
    if (!model) {
        return report_error(model.error());
    }
    if (const std::string notice = fit_max_length(given, *model); !notice.empty()) {
        log_warning(notice);
    }
    const Result<ComputeDevice> device = in_phase(events, "startup", [&] {
        return start_engine(events, {"infer", given.model, "unpadded", given.device},
                            given.threads);
    });
    if (!device) {
        return report_error(device.error());
    }
    JobContext context{events, clock, [] { return stop_signal() != 0; }};
    const auto result = infer(to_inference_options(given, *model, *device), context);
    if (!result) {
        const int status = report_error(result.error());
        return stop_signal() != 0 ? 128 + stop_signal() : status;
    }
    print_summary(*result);
    return 0;
}

}  // namespace

void add_infer_command(CLI::App& app, std::optional<Command>& chosen) {
    CLI::App* command = app.add_subcommand(
        "infer",
        "Predict with a trained model.\n"
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
