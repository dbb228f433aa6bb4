#include "engine_options.h"

#include "finewatt/data/model_config.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <string_view>
#include <variant>

#include "engine_settings_internal.h"
#include "engine_spec_internal.h"

namespace finewatt {
namespace {

void add_to_app(CLI::App& app, const std::string& flag, bool& value, const std::string& help) {
    app.add_flag(flag, value, help);
}

template <class T>
void add_to_app(CLI::App& app, const std::string& flag, std::optional<T>& value,
                const std::string& help) {
    app.add_option(flag, value, help);
}

void add_to_app(CLI::App& app, const std::string& flag, std::vector<std::string>& value,
                const std::string& help) {
    app.add_option(flag, value, help)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->allow_extra_args(false)
        ->default_str("");
}

template <class T>
void add_to_app(CLI::App& app, const std::string& flag, T& value, const std::string& help) {
    CLI::Option* option = app.add_option(flag, value, help);
    option->capture_default_str();
}

template <class Options>
void add_settings(CLI::App& app, const std::vector<Setting<Options>>& settings, Options& options) {
    for (const Setting<Options>& setting : settings) {
        std::visit(
            [&](auto member) {
                add_to_app(app, flag_of(setting.key), options.*member, std::string(setting.help));
            },
            setting.member);
    }
}

std::string to_text(const std::string& value) {
    return value;
}

std::string to_text(bool value) {
    return value ? "true" : "false";
}

std::string to_text(const std::vector<std::string>& values) {
    return fmt::format("{}", fmt::join(values, ","));
}

template <class T>
std::string to_text(T value) {
    return fmt::format("{}", value);
}

template <class Options>
std::vector<std::string> arguments_of(const std::vector<Setting<Options>>& settings,
                                      const Options& options) {
    std::vector<std::string> arguments;
    for_each_value(settings, options, [&](const Setting<Options>& setting, const auto& value) {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, bool>) {
            if (value) {
                arguments.push_back(flag_of(setting.key));
            }
        } else if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
            for (const std::string& one : value) {
                arguments.push_back(flag_of(setting.key) + "=" + one);
            }
        } else if (setting.key != "spec") {
            // One argument each, so that a value may begin with '-'.
            arguments.push_back(flag_of(setting.key) + "=" + to_text(value));
        }
    });
    return arguments;
}

template <class Options>
std::map<std::string, std::string> settings_of(const std::vector<Setting<Options>>& settings,
                                               const Options& options) {
    std::map<std::string, std::string> texts;
    for_each_value(settings, options, [&](const Setting<Options>& setting, const auto& value) {
        texts[std::string(setting.key)] = to_text(value);
    });
    return texts;
}

Status expect_one_of(std::string_view flag, std::string_view value,
                     const std::vector<std::string_view>& allowed) {
    if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) {
        return {};
    }
    return FINEWATT_ERROR(kInvalidArgument, "{}: expected one of {}, found '{}'", flag,
                          fmt::join(allowed, ", "), value);
}

Status expect_at_least(std::string_view flag, std::int64_t value, std::int64_t least) {
    if (value >= least && value <= std::numeric_limits<std::int32_t>::max()) {
        return {};
    }
    return FINEWATT_ERROR(kInvalidArgument, "{}: expected a whole number from {} to {}, found {}",
                          flag, least, std::numeric_limits<std::int32_t>::max(), value);
}

Status expect_given(std::string_view flag, std::string_view value, std::string_view what) {
    if (!value.empty()) {
        return {};
    }
    return FINEWATT_ERROR(kInvalidArgument, "{}: expected {}, found nothing; give it with {} VALUE",
                          flag, what, flag);
}

Status expect_not_negative(std::string_view flag, double value) {
    if (std::isfinite(value) && value >= 0) {
        return {};
    }
    return FINEWATT_ERROR(kInvalidArgument, "{}: expected a number of 0 or more, found {}", flag,
                          value);
}

/// Take from the recipe what the user did not give; they are the same settings in both commands.
template <class T, class From>
void fill(std::optional<T>& setting, From from) {
    if (!setting) {
        setting = static_cast<T>(from);
    }
}

/// Find the task and check what both commands say of it. Fills lengths in.
template <class Options>
Result<Task> complete_task(Options& o) {
    const std::optional<Task> task = find_task(o.task);
    if (!task) {
        return FINEWATT_ERROR(kInvalidArgument, "--task: expected one of {}, found '{}'",
                              fmt::join(task_names(), ", "), o.task);
    }
    if (o.text_pair_column && !task->columns.pair) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--text-pair-column {}: --task {} reads one text; use --task "
                              "pair-classification for two",
                              *o.text_pair_column, o.task);
    }
    const bool is_answering = task->kind == TaskKind::kQuestionAnswering;
    if (o.doc_stride && !is_answering) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--doc-stride {}: --task {} has no windows; only question answering "
                              "(squad, squad_v2, qa) has",
                              *o.doc_stride, o.task);
    }
    o.is_max_length_of_recipe = !o.max_length.has_value();
    fill(o.max_length, task->recipe.max_length);
    FINEWATT_TRY(expect_at_least("--max-length", *o.max_length, task->columns.pair ? 4 : 3));
    if (is_answering) {
        fill(o.doc_stride, task->recipe.doc_stride);
        FINEWATT_TRY(expect_at_least("--doc-stride", *o.doc_stride, 0));
        if (*o.doc_stride >= *o.max_length) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "--doc-stride {}: expected less than --max-length {}; windows "
                                  "share that many tokens",
                                  *o.doc_stride, *o.max_length);
        }
    }
    return *task;
}

template <class Options>
Status check_machine(const Options& o) {
    FINEWATT_TRY(expect_at_least("--threads", o.threads, 0));
    FINEWATT_TRY(expect_one_of("--precision", o.precision, {"fp32", "bf16"}));
    return expect_one_of("--device", o.device, {"auto", "cpu", "cuda"});
}

Status check_numbers(const EngineOptions& o) {
    FINEWATT_TRY(expect_at_least("--epochs", *o.epochs, 1));
    FINEWATT_TRY(expect_at_least("--max-steps", o.max_steps.value_or(1), 1));
    FINEWATT_TRY(expect_at_least("--batch", *o.batch, 1));
    FINEWATT_TRY(expect_at_least("--grad-accumulation", o.grad_accumulation, 1));
    FINEWATT_TRY(expect_not_negative("--lr", *o.lr));
    FINEWATT_TRY(expect_not_negative("--warmup", o.warmup));
    FINEWATT_TRY(expect_not_negative("--weight-decay", o.weight_decay));
    FINEWATT_TRY(expect_at_least("--eval-every", o.eval_every.value_or(1), 1));
    FINEWATT_TRY(expect_at_least("--early-stop", o.early_stop.value_or(1), 1));
    FINEWATT_TRY(expect_at_least("--checkpoint-every", o.checkpoint_every.value_or(1), 1));
    if (o.seed < 0) {
        return FINEWATT_ERROR(kInvalidArgument, "--seed: expected 0 or more, found {}", o.seed);
    }
    if (o.dropout && !(*o.dropout >= 0 && *o.dropout < 1)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--dropout: expected a probability from 0 to below 1, found {}",
                              *o.dropout);
    }
    return {};
}

/// Settings that only make sense with others, and those that this version cannot do.
Status check_combinations(const EngineOptions& o) {
    if (o.eval_every && o.eval_data.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--eval-every {}: expected data to evaluate on; name it with "
                              "--eval-data",
                              *o.eval_every);
    }
    if (o.early_stop && !o.eval_every) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--early-stop {}: expected evaluations during the training; set "
                              "--eval-every STEPS",
                              *o.early_stop);
    }
    if (o.resume && !o.out) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--resume: expected the folder of the training to go on with; name "
                              "it with --out");
    }
    if (o.nproc != 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--nproc {}: several processes are not yet possible; leave it at 1 "
                              "and use --threads",
                              o.nproc);
    }
    return {};
}

void take_recipe(const Recipe& recipe, EngineOptions& o) {
    fill(o.epochs, recipe.epochs);
    fill(o.batch, recipe.batch);
    fill(o.lr, recipe.lr);
}

std::filesystem::path config_file_of(const std::string& model) {
    constexpr std::string_view kRandom = "random:";
    return model.starts_with(kRandom) ? std::filesystem::path(model.substr(kRandom.size()))
                                      : std::filesystem::path(model) / "config.json";
}

template <class Options>
std::string fit_length(Options& o, const std::string& model) {
    if (!o.is_max_length_of_recipe) {
        return {};
    }
    const Result<ModelConfig> config = read_model_config(config_file_of(model));
    if (!config) {
        return {};
    }
    const std::int64_t positions = config->max_position_embeddings;
    if (*o.max_length <= positions || positions <= o.doc_stride.value_or(2)) {
        return {};
    }
    const std::string notice = fmt::format(
        "max_length is {}: the recipe of --task {} has {}, but the model has no more positions",
        positions, o.task, *o.max_length);
    o.max_length = positions;
    return notice;
}

template <class Options>
Task chosen_task(const Options& o) {
    Task task = find_task(o.task).value();
    choose_columns(task, {o.text_column, o.text_pair_column, o.label_column});
    return task;
}

}  // namespace

void add_engine_options(CLI::App& app, EngineOptions& options) {
    add_settings(app, finetune_settings(), options);
}

Status complete_engine_options(const CLI::App& app, EngineOptions& options) {
    if (options.spec) {
        FINEWATT_TRY(apply_spec(app, *options.spec, options));
    }
    FINEWATT_ASSIGN(const Task task, complete_task(options));
    take_recipe(task.recipe, options);
    FINEWATT_TRY(expect_given("--model", options.model,
                              "a folder, a name on the hub or random:CONFIG.json"));
    FINEWATT_TRY(expect_given("--data", options.data, "a file with training data"));
    FINEWATT_TRY(check_numbers(options));
    FINEWATT_TRY(
        expect_one_of("--batching", options.batching, {"unpadded", "dynamic", "fixed", "grouped"}));
    FINEWATT_TRY(check_machine(options));
    FINEWATT_TRY(check_combinations(options));
    const bool is_random = options.model.starts_with("random:");
    if (is_random && !options.vocab) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--model {}: random weights come without a vocabulary; name one with "
                              "--vocab vocab.txt",
                              options.model);
    }
    return {};
}

std::vector<std::string> to_arguments(const EngineOptions& options) {
    return arguments_of(finetune_settings(), options);
}

std::map<std::string, std::string> to_settings(const EngineOptions& options) {
    return settings_of(finetune_settings(), options);
}

void add_infer_options(CLI::App& app, InferOptions& options) {
    add_settings(app, infer_settings(), options);
}

Status complete_infer_options(InferOptions& o) {
    FINEWATT_TRY(complete_task(o));
    FINEWATT_TRY(expect_given("--model", o.model, "a folder with a trained model"));
    FINEWATT_TRY(expect_given("--data", o.data, "a file with examples"));
    FINEWATT_TRY(expect_given("--predictions", o.predictions, "a file to write"));
    FINEWATT_TRY(expect_at_least("--batch", o.batch, 1));
    return check_machine(o);
}

std::vector<std::string> to_arguments(const InferOptions& options) {
    return arguments_of(infer_settings(), options);
}

std::map<std::string, std::string> to_settings(const InferOptions& options) {
    return settings_of(infer_settings(), options);
}

std::string fit_max_length(EngineOptions& options, const std::string& model) {
    return fit_length(options, model);
}

std::string fit_max_length(InferOptions& options, const std::string& model) {
    return fit_length(options, model);
}

Task task_of(const EngineOptions& options) {
    return chosen_task(options);
}

Task task_of(const InferOptions& options) {
    return chosen_task(options);
}

std::string recipe_table() {
    std::string table = fmt::format("{:<21}{:>6} {:>6} {:>11} {:>11} {:>7}\n", "task", "epochs",
                                    "batch", "max-length", "doc-stride", "lr");
    for (const std::string_view name : task_names()) {
        const Recipe recipe = find_task(name).value().recipe;
        table += fmt::format("{:<21}{:>6} {:>6} {:>11} {:>11} {:>7}\n", name, recipe.epochs,
                             recipe.batch, recipe.max_length,
                             recipe.doc_stride > 0 ? std::to_string(recipe.doc_stride) : "-",
                             fmt::format("{:g}", recipe.lr));
    }
    return table;
}

}  // namespace finewatt
