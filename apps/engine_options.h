// EngineOptions: what the user asked of the training engine, from the command line and from a
// --spec file. Both programs read it with the same code: finewatt passes it on to finewatt-train.
// Free of LibTorch. Not for what the engine makes of it: that is engine/trainer.h.
#pragma once

#include "finewatt/base/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace finewatt {

/// Settings of a fine-tuning job. Defaults are those of the Hugging Face run_glue recipe. The
/// member names are also the keys of a --spec file and of the run record's settings.
struct EngineOptions {
    std::string task = "classification";
    std::string text_column = "text";
    std::optional<std::string> text_pair_column;
    std::string label_column = "label";
    std::string model;                 ///< Hugging Face folder, hub name or "random:CONFIG.json"
    std::optional<std::string> vocab;  ///< vocab.txt or a folder with one
    std::string data;
    std::optional<std::string> eval_data;
    std::int64_t epochs = 3;
    std::optional<std::int64_t> max_steps;  ///< stops before the epochs are over
    std::int64_t batch = 32;                ///< examples per step
    std::int64_t max_length = 128;          ///< tokens per example, special tokens included
    double lr = 2e-5;
    double warmup = 0;  ///< steps; below 1 a share of all steps
    double weight_decay = 0;
    std::int64_t seed = 42;
    std::string batching = "unpadded";
    std::optional<double> dropout;  ///< probability; nothing = the model's own
    std::int64_t threads = 0;       ///< 0 = one per core that this process may use
    std::string device = "auto";
    std::optional<std::string> out;
    std::optional<std::string> log;
    std::optional<std::string> spec;
};

/// Add the options to a (sub)command. `options` must outlive the parsing. After CLI11 has parsed,
/// call complete_engine_options.
void add_engine_options(CLI::App& app, EngineOptions& options);

/// Read the --spec file under the command line (the command line wins) and check all values.
/// Errors: invalid argument for wrong usage (exit status 2); not found or corrupt, naming file and
/// line, for the --spec file (exit status 4).
Status complete_engine_options(const CLI::App& app, EngineOptions& options);

/// Return the options as arguments for `finewatt-train finetune`: every setting in force, in the
/// order of the help page. --spec is left out, for its values are among them.
std::vector<std::string> to_arguments(const EngineOptions& options);

/// Return every setting in force by key, as text. Settings that are not given are left out.
std::map<std::string, std::string> to_settings(const EngineOptions& options);

/// Return the settings in force as a TOML document that --spec reads back.
std::string to_toml(const EngineOptions& options);

/// Settings of an inference job.
struct InferOptions {
    std::string model;  ///< Hugging Face folder with a classification head, or its hub name
    std::string data;
    std::string predictions;  ///< file to write, JSON lines
    bool logits = false;
    std::string text_column = "text";
    std::optional<std::string> text_pair_column;
    std::string label_column = "label";
    std::int64_t batch = 1;
    std::int64_t max_length = 128;
    std::int64_t threads = 0;
    std::string device = "auto";
};

/// Add the options of `infer` to a (sub)command. `options` must outlive the parsing.
void add_infer_options(CLI::App& app, InferOptions& options);

/// Check the values. Error: invalid argument.
Status check_infer_options(const InferOptions& options);

/// Return the options as arguments for `finewatt-train infer`.
std::vector<std::string> to_arguments(const InferOptions& options);

/// Return every setting of an inference job by key, as text.
std::map<std::string, std::string> to_settings(const InferOptions& options);

}  // namespace finewatt
