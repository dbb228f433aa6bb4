// finewatt data stats: what a data set will cost in tokens, by the batches that training makes.

#include "finewatt/command.h"
#include "finewatt/data/feature_cache.h"
#include "finewatt/data/task_data.h"
#include "finewatt/data/token_stats.h"
#include "finewatt/load_vocabulary.h"
#include "finewatt/report/format.h"
#include "finewatt/report/table.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <array>
#include <memory>
#include <utility>

namespace finewatt::app {
namespace {

constexpr std::array<BatchingMode, 4> kModes = {BatchingMode::kDynamic, BatchingMode::kFixed,
                                                BatchingMode::kGrouped, BatchingMode::kUnpadded};

/// What the command line says; nothing = the task's recipe.
struct StatsOptions {
    std::string task;
    std::string data;
    std::string vocab;
    bool is_cased = false;
    std::optional<std::int32_t> batch;
    std::optional<std::int32_t> max_length;
    std::optional<std::int32_t> doc_stride;
    std::uint64_t seed = 42;
    std::string batching = "dynamic";
    ColumnChoice columns;
    bool has_no_cache = false;
};

/// What was counted.
struct DataStats {
    std::string task;
    std::size_t examples = 0;
    std::size_t features = 0;
    LengthStats lengths;
    std::vector<EpochStats> epochs;  ///< in the order of kModes
    EpochOptions batching;
};

Error unknown_task(const std::string& name) {
    return FINEWATT_ERROR(kInvalidArgument, "--task {}: expected one of {}", name,
                          fmt::join(task_names(), ", "));
}

Result<DataStats> count(const StatsOptions& options, Task task) {
    choose_columns(task, options.columns);
    FINEWATT_ASSIGN(const WordPieceTokenizer tokenizer,
                    load_vocabulary(options.vocab, options.is_cased));
    // Labels do not change lengths, so a data set to predict can be counted, too.
    FINEWATT_ASSIGN(const TaskData data,
                    read_task_data(task, options.data, std::nullopt, LabelRule::kOptional));
    FeatureOptions settings = recipe_features(task);
    settings.max_length = options.max_length.value_or(settings.max_length);
    settings.doc_stride = options.doc_stride.value_or(settings.doc_stride);
    settings.is_training = data.has_labels;
    Result<FeatureSet> features = make_cached_features(
        data, tokenizer, settings, options.has_no_cache ? FeatureCache{} : default_feature_cache());
    if (!features) {
        return Error(std::move(features).error()).with_context(options.data);
    }
    DataStats stats;
    stats.task = task.name;
    stats.examples = data.size();
    stats.features = features->size();
    stats.lengths = feature_lengths(*features);
    stats.batching.batch = options.batch.value_or(task.recipe.batch);
    stats.batching.max_length = settings.max_length;
    stats.batching.seed = options.seed;
    for (const BatchingMode mode : kModes) {
        stats.epochs.push_back(count_tokens(*features, mode, stats.batching));
    }
    return stats;
}

nlohmann::ordered_json epoch_json(const EpochStats& epoch) {
    return {{"padded_batch_length_mean", epoch.padded_batch_length_mean},
            {"padding_share", epoch.padding_share()},
            {"batches", epoch.batches},
            {"real_tokens_per_epoch", epoch.real_tokens},
            {"padded_tokens_per_epoch", epoch.padded_tokens}};
}

void print_json(const DataStats& stats, BatchingMode chosen) {
    nlohmann::ordered_json document = {{"task", stats.task},
                                       {"examples", stats.examples},
                                       {"features", stats.features},
                                       {"tokens_mean", stats.lengths.mean},
                                       {"tokens_median", stats.lengths.median},
                                       {"tokens_max", stats.lengths.longest}};
    nlohmann::ordered_json modes;
    for (const EpochStats& epoch : stats.epochs) {
        const nlohmann::ordered_json fields = epoch_json(epoch);
        if (epoch.mode == chosen) {
            document["batching"] = batching_mode_name(epoch.mode);
            document.update(fields);
        }
        modes[std::string(batching_mode_name(epoch.mode))] = fields;
    }
    document["batch"] = stats.batching.batch;
    document["max_length"] = stats.batching.max_length;
    document["seed"] = stats.batching.seed;
    document["modes"] = modes;
    print_line(stdout, document.dump());
}

void print_table(const DataStats& stats) {
    print_text(stdout,
               fmt::format("{}: {} examples, {} features\n"
                           "tokens of a feature: mean {:.1f}, median {:.1f}, longest {} (cut at "
                           "{})\n"
                           "one epoch in batches of {}, seed {}:\n\n",
                           stats.task, format_count(static_cast<double>(stats.examples)),
                           format_count(static_cast<double>(stats.features)), stats.lengths.mean,
                           stats.lengths.median, stats.lengths.longest, stats.batching.max_length,
                           stats.batching.batch, stats.batching.seed));
    TextTable table({{"batching"},
                     {"batches", Align::kRight},
                     {"length in a batch", Align::kRight},
                     {"real tokens", Align::kRight},
                     {"computed tokens", Align::kRight},
                     {"padding", Align::kRight}});
    for (const EpochStats& epoch : stats.epochs) {
        table.add_row({std::string(batching_mode_name(epoch.mode)),
                       format_count(static_cast<double>(epoch.batches)),
                       fmt::format("{:.1f}", epoch.padded_batch_length_mean),
                       format_count(static_cast<double>(epoch.real_tokens)),
                       format_count(static_cast<double>(epoch.padded_tokens)),
                       format_share(epoch.padding_share())});
    }
    print_text(stdout, table.render({.max_width = static_cast<std::size_t>(terminal_columns()),
                                     .indent = 2}));
}

void run(CommandContext& context, const StatsOptions& options) {
    const std::optional<Task> task = find_task(options.task);
    if (!task) {
        fail(context, kWrongUsage, unknown_task(options.task));
        return;
    }
    const std::optional<BatchingMode> mode = parse_batching_mode(options.batching);
    if (!mode) {
        fail(context, kWrongUsage,
             FINEWATT_ERROR(kInvalidArgument,
                            "--batching {}: expected dynamic, fixed, grouped or unpadded",
                            options.batching));
        return;
    }
    const Result<DataStats> stats = count(options, *task);
    if (!stats) {
        fail(context, kBadInput, stats.error());
        return;
    }
    if (context.common.json) {
        print_json(*stats, *mode);
    } else {
        print_table(*stats);
    }
}

void add_stats_options(CLI::App& command, StatsOptions& options) {
    command
        .add_option("--task", options.task,
                    fmt::format("What the data is: {}", fmt::join(task_names(), ", ")))
        ->required();
    command
        .add_option("--data", options.data,
                    "File or folder: .tsv .csv .json .jsonl, SQuAD JSON, CoNLL columns, an aclImdb "
                    "folder or archive; files also with .gz")
        ->required()
        ->type_name("PATH");
    command.add_option("--vocab", options.vocab, "A vocab.txt, or the folder of a model")
        ->required()
        ->type_name("PATH");
    command.add_flag("--cased", options.is_cased, "Keep case and accents");
    command.add_option("--batch", options.batch, "Examples per step (default: the task's recipe)")
        ->check(CLI::PositiveNumber);
    command
        .add_option("--max-length", options.max_length,
                    "Longest feature in tokens, special tokens included (default: the task's "
                    "recipe)")
        ->check(CLI::PositiveNumber);
    command
        .add_option("--doc-stride", options.doc_stride,
                    "Question answering: tokens that two windows share (default: 128)")
        ->check(CLI::NonNegativeNumber);
    command.add_option("--seed", options.seed, "Seed of the order of examples")
        ->capture_default_str();
    command
        .add_option("--batching", options.batching,
                    "Which mode the top fields of --json are for: dynamic, fixed, grouped or "
                    "unpadded")
        ->capture_default_str();
    command.add_option("--text-column", options.columns.text,
                       "Column of the text, the words or the question (default: the task's)");
    command.add_option("--text-pair-column", options.columns.pair,
                       "Column of the second text or the context (default: the task's)");
    command.add_option("--label-column", options.columns.label,
                       "Column of the label, the tags or the answers (default: the task's)");
    command.add_flag("--no-cache", options.has_no_cache,
                     "Tokenize again, and keep nothing (environment: FINEWATT_NO_CACHE=1)");
}

}  // namespace

void register_data(CLI::App& app, CommandContext& context) {
    auto* data = app.add_subcommand("data", "Look at data sets before anything is trained");
    data->require_subcommand(1);
    auto* stats = data->add_subcommand(
        "stats", "Count what an epoch over a data set costs in tokens, for each way of batching");
    const auto options = std::make_shared<StatsOptions>();  // shared with the callback below
    add_stats_options(*stats, *options);
    stats->footer(
        "Example: finewatt data stats --task rte --data train.tsv --vocab vocab.txt\n"
        "The order of examples and the batches are those of training with the same seed (epoch "
        "0).\n"
        "\"length in a batch\" is the mean over the batches of the rows that a sequence takes: "
        "with\n"
        "dynamic batching the \"batch sequence length\" of Table 1 of the paper.");
    stats->callback([options, &context] { run(context, *options); });
}

}  // namespace finewatt::app
