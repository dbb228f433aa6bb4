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
                            std::int64_t Options::*, std::optional<std::int64_t> Options::*,
                            double Options::*, std::optional<double> Options::*, bool Options::*>;

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

const std::vector<Setting<EngineOptions>>& finetune_settings() {
    using O = EngineOptions;
    static const std::vector<Setting<O>> settings = {
        {"task", &O::task, "What to learn: classification or pair-classification"},
        {"text_column", &O::text_column, "Column with the text"},
        {"text_pair_column", &O::text_pair_column,
         "Column with the second text, e.g. sentence2 (pair-classification needs it; no default)"},
        {"label_column", &O::label_column, "Column with the class"},
        {"model", &O::model,
         "Model to start from: a Hugging Face folder, a name that `finewatt fetch` has fetched, or "
         "random:CONFIG.json for random weights of that shape (required), e.g. bert-base-uncased"},
        {"vocab", &O::vocab,
         "vocab.txt, or a folder that holds one (default: the model's folder; random: needs it)"},
        {"data", &O::data,
         "Training data: .tsv .csv .json .jsonl, also with .gz (required), e.g. train.tsv"},
        {"eval_data", &O::eval_data,
         "Data to evaluate on at the end, in the same forms (default: no evaluation)"},
        {"epochs", &O::epochs, "Passes over the training data"},
        {"max_steps", &O::max_steps,
         "Stop after this many steps; the schedule ends there too (default: no limit), e.g. 100"},
        {"batch", &O::batch, "Examples per step"},
        {"max_length", &O::max_length,
         "Longest input in tokens, special tokens included; longer ones are cut"},
        {"lr", &O::lr, "Highest learning rate, falling linearly to 0, e.g. 5e-5"},
        {"warmup", &O::warmup,
         "Steps over which the learning rate rises; below 1 a share of all steps, e.g. 0.06"},
        {"weight_decay", &O::weight_decay,
         "Weight decay of AdamW, not for biases and LayerNorm, e.g. 0.01"},
        {"seed", &O::seed, "Seed of new weights, data order and dropout, 0 or more"},
        {"batching", &O::batching,
         "Padding: unpadded (none), dynamic (to the longest of the batch), fixed (to --max-length) "
         "or grouped (like lengths together, then dynamic)"},
        {"dropout", &O::dropout,
         "Dropout probability everywhere, 0 to below 1 (default: what the model's config says)"},
        {"threads", &O::threads, "Threads; 0 = one per core that this process may use"},
        {"device", &O::device, "Where to compute: auto or cpu"},
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
        {"model", &O::model,
         "Trained classifier: a Hugging Face folder, or a name that `finewatt fetch` has fetched "
         "(required)"},
        {"data", &O::data, "Texts: .tsv .csv .json .jsonl, also with .gz (required)"},
        {"predictions", &O::predictions,
         "File for one JSON line per text: id, label, scores (required), e.g. out.jsonl"},
        {"logits", &O::logits, "Also write the logits"},
        {"text_column", &O::text_column, "Column with the text"},
        {"text_pair_column", &O::text_pair_column, "Column with the second text (no default)"},
        {"label_column", &O::label_column, "Column with the class"},
        {"batch", &O::batch, "Texts per forward pass"},
        {"max_length", &O::max_length,
         "Longest input in tokens, special tokens included; longer ones are cut"},
        {"threads", &O::threads, "Threads; 0 = one per core that this process may use"},
        {"device", &O::device, "Where to compute: auto or cpu"},
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
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, bool>) {
            if (value) {
                arguments.push_back(flag_of(setting.key));
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

Status check_task(const EngineOptions& o) {
    static const std::vector<std::string_view> known_but_later = {
        "rte", "mnli", "sst2", "imdb", "squad", "squad_v2", "conll2003", "conll2012", "qa", "ner"};
    if (std::find(known_but_later.begin(), known_but_later.end(), o.task) !=
        known_but_later.end()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--task {}: this version has no recipe for it; use --task "
                              "classification or pair-classification with --text-column, "
                              "--text-pair-column and --label-column",
                              o.task);
    }
    FINEWATT_TRY(expect_one_of("--task", o.task, {"classification", "pair-classification"}));
    const bool is_pair = o.task == "pair-classification";
    if (is_pair && !o.text_pair_column) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--task pair-classification: expected --text-pair-column NAME, found "
                              "none; name the column with the second text");
    }
    if (!is_pair && o.text_pair_column) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--text-pair-column {}: --task classification reads one text; use "
                              "--task pair-classification for two",
                              *o.text_pair_column);
    }
    return {};
}

Status check_numbers(const EngineOptions& o) {
    FINEWATT_TRY(expect_at_least("--epochs", o.epochs, 1));
    if (o.max_steps) {
        FINEWATT_TRY(expect_at_least("--max-steps", *o.max_steps, 1));
    }
    FINEWATT_TRY(expect_at_least("--batch", o.batch, 1));
    FINEWATT_TRY(expect_at_least("--max-length", o.max_length, o.text_pair_column ? 4 : 3));
    FINEWATT_TRY(expect_at_least("--threads", o.threads, 0));
    FINEWATT_TRY(expect_not_negative("--lr", o.lr));
    FINEWATT_TRY(expect_not_negative("--warmup", o.warmup));
    FINEWATT_TRY(expect_not_negative("--weight-decay", o.weight_decay));
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

}  // namespace

void add_engine_options(CLI::App& app, EngineOptions& options) {
    add_settings(app, finetune_settings(), options);
}

Status complete_engine_options(const CLI::App& app, EngineOptions& options) {
    if (options.spec) {
        FINEWATT_TRY(apply_spec(app, *options.spec, options));
    }
    FINEWATT_TRY(check_task(options));
    FINEWATT_TRY(expect_given("--model", options.model,
                              "a folder, a name on the hub or random:CONFIG.json"));
    FINEWATT_TRY(expect_given("--data", options.data, "a file with training data"));
    FINEWATT_TRY(check_numbers(options));
    FINEWATT_TRY(
        expect_one_of("--batching", options.batching, {"unpadded", "dynamic", "fixed", "grouped"}));
    FINEWATT_TRY(expect_one_of("--device", options.device, {"auto", "cpu"}));
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
        if (setting.key != "spec") {
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

Status check_infer_options(const InferOptions& o) {
    FINEWATT_TRY(expect_given("--model", o.model, "a folder with a trained classifier"));
    FINEWATT_TRY(expect_given("--data", o.data, "a file with texts"));
    FINEWATT_TRY(expect_given("--predictions", o.predictions, "a file to write"));
    FINEWATT_TRY(expect_at_least("--batch", o.batch, 1));
    FINEWATT_TRY(expect_at_least("--max-length", o.max_length, o.text_pair_column ? 4 : 3));
    FINEWATT_TRY(expect_at_least("--threads", o.threads, 0));
    return expect_one_of("--device", o.device, {"auto", "cpu"});
}

std::vector<std::string> to_arguments(const InferOptions& options) {
    return arguments_of(infer_settings(), options);
}

std::map<std::string, std::string> to_settings(const InferOptions& options) {
    return settings_of(infer_settings(), options);
}

}  // namespace finewatt
