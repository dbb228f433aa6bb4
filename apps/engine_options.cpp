#include "engine_options.h"

#include "finewatt/base/file.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string_view>
#include <variant>

namespace finewatt {
namespace {

/// A member of Options, in one of the forms that a setting can have.
template <class Options>
using Member = std::variant<std::string Options::*, std::optional<std::string> Options::*,
                            std::vector<std::string> Options::*, std::int64_t Options::*,
                            std::optional<std::int64_t> Options::*, double Options::*,
                            std::optional<double> Options::*, bool Options::*>;

/// One setting: its name everywhere, and its line on the help page.
template <class Options>
struct Setting {
    std::string_view key;  ///< --spec key; the option is the same with '-' for '_'
    Member<Options> member;
    std::string_view help;
};

std::string flag_of(std::string_view key) {
    std::string flag = "--" + std::string(key);
    std::replace(flag.begin(), flag.end(), '_', '-');
    return flag;
}

constexpr std::string_view kTaskHelp =
    "rte, mnli, sst2, imdb, squad, squad_v2, conll2003 or conll2012; or a plain kind: "
    "classification, pair-classification, qa or ner";
constexpr std::string_view kTextColumnHelp =
    "Column with the text, the words or the question (default: the task's own)";
constexpr std::string_view kPairColumnHelp =
    "Column with the second text or the context (default: the task's own)";
constexpr std::string_view kLabelColumnHelp =
    "Column with the class, the tags or the answers (default: the task's own)";
constexpr std::string_view kMaxLengthHelp =
    "Longest input in tokens, special tokens included; longer ones are cut, or divided where "
    "questions are answered (default: the task's recipe)";
constexpr std::string_view kDocStrideHelp =
    "Question answering: tokens that two windows of a context share (default: the task's recipe)";
constexpr std::string_view kPrecisionHelp =
    "Matrix products in fp32, or in bf16 where the CPU has instructions for it";
constexpr std::string_view kThreadsHelp = "Threads; 0 = one per core that this process may use";
constexpr std::string_view kDeviceHelp = "Where to compute: auto or cpu";
constexpr std::string_view kNoCacheHelp =
    "Tokenize again, and keep nothing (environment: FINEWATT_NO_CACHE=1; FINEWATT_CACHE_LIMIT "
    "bounds what is kept, default 4G)";

const std::vector<Setting<EngineOptions>>& finetune_settings() {
    using O = EngineOptions;
    static const std::vector<Setting<O>> settings = {
        {"task", &O::task, kTaskHelp},
        {"text_column", &O::text_column, kTextColumnHelp},
        {"text_pair_column", &O::text_pair_column, kPairColumnHelp},
        {"label_column", &O::label_column, kLabelColumnHelp},
        {"model", &O::model,
         "Model to start from: a Hugging Face folder, a name that `finewatt fetch` has fetched, or "
         "random:CONFIG.json for random weights of that shape (required), e.g. bert-base-uncased"},
        {"vocab", &O::vocab,
         "vocab.txt, or a folder that holds one (default: the model's folder; random: needs it)"},
        {"data", &O::data,
         "Training data: .tsv .csv .json .jsonl .parquet, also with .gz, SQuAD JSON, CoNLL "
         "columns, "
         "a folder of texts (required), e.g. train.tsv"},
        {"eval_data", &O::eval_data,
         "Data to evaluate on, in the same forms; may be given twice or more, and the scores of "
         "the "
         "second end with _mm for mnli, else with _2 (default: no evaluation)"},
        {"epochs", &O::epochs, "Passes over the training data (default: the task's recipe)"},
        {"max_steps", &O::max_steps,
         "Stop after this many steps; the schedule ends there too (default: no limit), e.g. 100"},
        {"batch", &O::batch, "Examples per batch (default: the task's recipe)"},
        {"grad_accumulation", &O::grad_accumulation,
         "Batches per step; the loss is the mean over all their examples"},
        {"max_length", &O::max_length, kMaxLengthHelp},
        {"doc_stride", &O::doc_stride, kDocStrideHelp},
        {"lr", &O::lr,
         "Highest learning rate, falling linearly to 0 (default: the task's recipe), e.g. 5e-5"},
        {"warmup", &O::warmup,
         "Steps over which the learning rate rises; below 1 a share of all steps, e.g. 0.06"},
        {"weight_decay", &O::weight_decay,
         "Weight decay of AdamW, not for biases and LayerNorm, e.g. 0.01"},
        {"seed", &O::seed, "Seed of new weights, data order and dropout, 0 or more"},
        {"batching", &O::batching,
         "Padding: unpadded (none), dynamic (to the longest of the batch), fixed (to --max-length) "
         "or grouped (like lengths together, then dynamic)"},
        {"precision", &O::precision, kPrecisionHelp},
        {"dropout", &O::dropout,
         "Dropout probability everywhere, 0 to below 1 (default: what the model's config says)"},
        {"eval_every", &O::eval_every,
         "Also evaluate after every so many steps (default: only at the end), e.g. 500"},
        {"early_stop", &O::early_stop,
         "Stop after so many evaluations without a better score (accuracy, else f1, of the first "
         "--eval-data) and keep the best model; needs --eval-every (default: never), e.g. 3"},
        {"checkpoint_every", &O::checkpoint_every,
         "Write OUT/checkpoint-STEP after every so many steps, then drop the one before (default: "
         "none), e.g. 500"},
        {"resume", &O::resume, "Go on with a training: not yet possible"},
        {"threads", &O::threads, kThreadsHelp},
        {"nproc", &O::nproc, "Processes; more than 1 is not yet possible"},
        {"device", &O::device, kDeviceHelp},
        {"no_cache", &O::no_cache, kNoCacheHelp},
        {"out", &O::out, "Folder for the trained model (default: nothing is saved)"},
        {"log", &O::log, "File for one JSON line a step (default: none), e.g. steps.jsonl"},
        {"spec", &O::spec,
         "TOML file with these settings, '_' for '-', e.g. max_length = 256; the command line "
         "wins"},
    };
    return settings;
}

const std::vector<Setting<InferOptions>>& infer_settings() {
    using O = InferOptions;
    static const std::vector<Setting<O>> settings = {
        {"task", &O::task, kTaskHelp},
        {"model", &O::model,
         "Model with the task's head: a Hugging Face folder, or a name that `finewatt fetch` has "
         "fetched (required)"},
        {"data", &O::data,
         "Examples, in the forms of finetune; labels may be missing, and give scores where they "
         "are there (required)"},
        {"predictions", &O::predictions,
         "File to write: JSON lines {id, label, scores} or {id, tags}; question answering: one "
         "object {id: answer} (required), e.g. out.jsonl"},
        {"logits", &O::logits,
         "Also write the logits; question answering: into FILE.nbest.json, with "
         "FILE.null_odds.json "
         "where questions may have no answer"},
        {"latency", &O::latency,
         "Also report the times of single examples: mean and percentiles, also among the scores of "
         "the record (latency_ms_p50 ...)"},
        {"text_column", &O::text_column, kTextColumnHelp},
        {"text_pair_column", &O::text_pair_column, kPairColumnHelp},
        {"label_column", &O::label_column, kLabelColumnHelp},
        {"batch", &O::batch, "Examples per forward pass"},
        {"max_length", &O::max_length, kMaxLengthHelp},
        {"doc_stride", &O::doc_stride, kDocStrideHelp},
        {"precision", &O::precision, kPrecisionHelp},
        {"threads", &O::threads, kThreadsHelp},
        {"device", &O::device, kDeviceHelp},
        {"no_cache", &O::no_cache, kNoCacheHelp},
    };
    return settings;
}

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

/// Call use(setting, value) for each setting that has a value; optional ones only when given.
template <class Options, class Use>
void for_each_value(const std::vector<Setting<Options>>& settings, const Options& options,
                    Use use) {
    for (const Setting<Options>& setting : settings) {
        std::visit(
            [&](auto member) {
                const auto& value = options.*member;
                if constexpr (requires { value.has_value(); }) {
                    if (value.has_value()) {
                        use(setting, *value);
                    }
                } else if constexpr (std::is_same_v<std::decay_t<decltype(value)>,
                                                    std::vector<std::string>>) {
                    if (!value.empty()) {
                        use(setting, value);
                    }
                } else {
                    use(setting, value);
                }
            },
            setting.member);
    }
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

/// Take a TOML value into a member of the same kind; false when the kind differs. A whole number
/// is fine where a fraction is expected.
template <class T>
bool assign_from_toml(const toml::node& node, T& target) {
    const auto value = node.value_exact<T>();
    if (value) {
        target = *value;
        return true;
    }
    if constexpr (std::is_same_v<T, double>) {
        const auto whole = node.value_exact<std::int64_t>();
        if (whole) {
            target = static_cast<double>(*whole);
            return true;
        }
    }
    return false;
}

/// One text or a list of them.
bool assign_from_toml(const toml::node& node, std::vector<std::string>& target) {
    target.clear();
    const toml::array* list = node.as_array();
    if (list == nullptr) {
        target.emplace_back();
        return assign_from_toml(node, target.back());
    }
    for (const toml::node& element : *list) {
        target.emplace_back();
        if (!assign_from_toml(element, target.back())) {
            return false;
        }
    }
    return true;
}

template <class T>
bool assign_from_toml(const toml::node& node, std::optional<T>& target) {
    T value{};
    if (!assign_from_toml(node, value)) {
        return false;
    }
    target = value;
    return true;
}

Result<toml::table> parse_spec(const std::string& file, const std::string& text) {
    try {
        return toml::parse(text, file);
    } catch (const toml::parse_error& e) {
        return FINEWATT_ERROR(kCorrupt, "settings file {}, line {}: {}", file,
                              e.source().begin.line, e.description());
    }
}

Status apply_spec(const CLI::App& app, const std::string& file, EngineOptions& options) {
    FINEWATT_ASSIGN(const std::string text, read_file(file));
    FINEWATT_ASSIGN(const toml::table table, parse_spec(file, text));
    const auto& settings = finetune_settings();
    for (const auto& [key, node] : table) {
        const std::string_view name(key.str());
        const auto line = key.source().begin.line;
        const auto setting =
            std::find_if(settings.begin(), settings.end(),
                         [name = name](const auto& candidate) { return candidate.key == name; });
        if (setting == settings.end() || name == "spec") {
            return FINEWATT_ERROR(kCorrupt,
                                  "settings file {}, line {}: expected a setting's name, found "
                                  "'{}'; the names are those of --help with '_' for '-'",
                                  file, line, name);
        }
        if (app.get_option(flag_of(name))->count() > 0) {
            continue;  // the command line wins
        }
        const toml::node& value = node;
        const bool is_taken = std::visit(
            [&](auto member) { return assign_from_toml(value, options.*member); }, setting->member);
        if (!is_taken) {
            std::ostringstream found;
            found << value.type();
            return FINEWATT_ERROR(kCorrupt,
                                  "settings file {}, line {}: '{}' has a value of the wrong kind "
                                  "({}); see its line in --help",
                                  file, line, name, found.str());
        }
    }
    return {};
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
    return expect_one_of("--device", o.device, {"auto", "cpu"});
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
    if (o.resume) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--resume: not yet possible; start from a checkpoint's weights with "
                              "--model OUT/checkpoint-STEP");
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

std::string to_toml(const EngineOptions& options) {
    toml::table table;
    for_each_value(finetune_settings(), options, [&](const auto& setting, const auto& value) {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::vector<std::string>>) {
            toml::array list;
            for (const std::string& one : value) {
                list.push_back(one);
            }
            table.insert(setting.key, std::move(list));
        } else if (setting.key != "spec") {
            table.insert(setting.key, value);
        }
    });
    std::ostringstream text;
    text << table << "\n";
    return text.str();
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
