// EngineOptions: what the user asked of the training engine, from the command line and from a
// --spec file. Both programs read it with the same code: finewatt passes it on to finewatt-train.
// Free of LibTorch. Not for what the engine makes of it: that is engine/trainer.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/task.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace finewatt {

/// Settings of a fine-tuning job. Those without a value take the recipe of the task (data/task.h)
/// when the options are completed. The member names are also the keys of a --spec file and of the
/// run record's settings.
struct EngineOptions {
    std::string task = "classification";
    std::optional<std::string> text_column;  ///< nothing = the columns of the task
    std::optional<std::string> text_pair_column;
    std::optional<std::string> label_column;
    std::string model;                 ///< Hugging Face folder, hub name or "random:CONFIG.json"
    std::optional<std::string> vocab;  ///< vocab.txt or a folder with one
    std::string data;
    std::vector<std::string> eval_data;
    std::optional<std::int64_t> epochs;
    std::optional<std::int64_t> max_steps;   ///< stops before the epochs are over
    std::optional<std::int64_t> batch;       ///< examples per batch
    std::int64_t grad_accumulation = 1;      ///< batches per step
    std::optional<std::int64_t> max_length;  ///< tokens per example, special tokens included
    bool is_max_length_of_recipe = false;    ///< set when the options are completed
    std::optional<std::int64_t> doc_stride;  ///< tokens; question answering only
    std::optional<double> lr;
    double warmup = 0;  ///< steps; below 1 a share of all steps
    double weight_decay = 0;
    std::int64_t seed = 42;
    std::string batching = "unpadded";
    std::string precision = "fp32";
    std::optional<double> dropout;                 ///< probability; nothing = the model's own
    std::optional<std::int64_t> eval_every;        ///< steps
    std::optional<std::int64_t> early_stop;        ///< evaluations
    std::optional<std::int64_t> checkpoint_every;  ///< steps
    bool resume = false;                           ///< go on from the newest checkpoint in `out`
    std::int64_t threads = 0;                      ///< 0 = one per core that this process may use
    std::int64_t nproc = 1;                        ///< not yet: more than 1 is refused
    std::string device = "auto";
    bool no_cache = false;  ///< tokenize again, and keep nothing
    std::optional<std::string> out;
    std::optional<std::string> log;
    std::optional<std::string> spec;
};

/// Add the options to a (sub)command. `options` must outlive the parsing. After CLI11 has parsed,
/// call complete_engine_options.
void add_engine_options(CLI::App& app, EngineOptions& options);

/// Read the --spec file under the command line (the command line wins), take the task's recipe
/// where nothing is given, and check all values. Errors: invalid argument for wrong usage (exit
/// status 2); not found or corrupt, naming file and line, for the --spec file (exit status 4).
Status complete_engine_options(const CLI::App& app, EngineOptions& options);

/// Return the options as arguments for `finewatt-train finetune`: every setting in force, in the
/// order of the help page. --spec is left out, for its values are among them.
std::vector<std::string> to_arguments(const EngineOptions& options);

/// Return every setting in force by key, as text. Settings that are not given are left out.
std::map<std::string, std::string> to_settings(const EngineOptions& options);

/// Return the settings in force as a TOML document that --spec reads back.
std::string to_toml(const EngineOptions& options);

/// Settings of an inference job; those without a value take the task's when they are completed.
struct InferOptions {
    std::string task = "classification";
    std::string model;  ///< Hugging Face folder with the task's head, or its hub name
    std::string data;
    std::string predictions;  ///< file to write
    bool logits = false;
    bool latency = false;
    std::optional<std::string> text_column;
    std::optional<std::string> text_pair_column;
    std::optional<std::string> label_column;
    std::int64_t batch = 1;
    std::optional<std::int64_t> max_length;
    bool is_max_length_of_recipe = false;
    std::optional<std::int64_t> doc_stride;
    std::string precision = "fp32";
    std::int64_t threads = 0;
    std::string device = "auto";
    bool no_cache = false;
};

/// Add the options of `infer` to a (sub)command. `options` must outlive the parsing.
void add_infer_options(CLI::App& app, InferOptions& options);

/// Take the task's recipe where nothing is given, and check the values. Error: invalid argument.
Status complete_infer_options(InferOptions& options);

/// Return the options as arguments for `finewatt-train infer`.
std::vector<std::string> to_arguments(const InferOptions& options);

/// Return every setting of an inference job by key, as text.
std::map<std::string, std::string> to_settings(const InferOptions& options);

/// Shorten a max_length that comes from the recipe to the positions that the model has, as ner's
/// 512 tokens are for a small model; a length that the user gave stays, and the engine refuses it
/// where it is too long. `model` is what resolve_model_name returned. Returns a notice, empty when
/// nothing was changed. A config.json that cannot be read changes nothing: the engine says what is
/// wrong.
std::string fit_max_length(EngineOptions& options, const std::string& model);
std::string fit_max_length(InferOptions& options, const std::string& model);

/// Return the task with the columns that the user chose. The options are complete.
Task task_of(const EngineOptions& options);
Task task_of(const InferOptions& options);

/// Return a table of the recipes for a help page, a task a line.
std::string recipe_table();

}  // namespace finewatt
