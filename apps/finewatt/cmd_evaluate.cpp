// finewatt evaluate: predictions and references in, the task's official score out.

#include "finewatt/command.h"
#include "finewatt/data/evaluate.h"
#include "finewatt/report/table.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <memory>

namespace finewatt::app {
namespace {

struct EvaluateOptions {
    std::string task;
    std::string data;
    std::string predictions;
    std::string no_answer;
    ColumnChoice columns;
};

void print_scores(const CommandContext& context, const NamedScores& scores) {
    if (context.common.json) {
        nlohmann::ordered_json metrics;
        for (const auto& [name, value] : scores) {
            metrics[name] = value;
        }
        print_line(stdout, nlohmann::ordered_json{{"metrics", metrics}}.dump());
        return;
    }
    TextTable table({{"score"}, {"value", Align::kRight}});
    for (const auto& [name, value] : scores) {
        table.add_row({name, fmt::format("{:.6g}", value)});
    }
    print_text(stdout, table.render({.max_width = static_cast<std::size_t>(terminal_columns())}));
}

void evaluate(CommandContext& context, const EvaluateOptions& options) {
    std::optional<Task> task = find_task(options.task);
    if (!task) {
        fail(context, kWrongUsage,
             FINEWATT_ERROR(kInvalidArgument, "--task: expected one of {}, found '{}'",
                            fmt::join(task_names(), ", "), options.task));
        return;
    }
    choose_columns(*task, options.columns);
    EvaluationFiles files;
    files.references = options.data;
    files.predictions = options.predictions;
    if (!options.no_answer.empty()) {
        files.no_answer = options.no_answer;
    }
    const Result<NamedScores> scores = evaluate_files(*task, files);
    if (!scores) {
        fail(context, kBadInput, scores.error());
        return;
    }
    print_scores(context, *scores);
}

}  // namespace

void register_evaluate(CLI::App& app, CommandContext& context) {
    auto* command =
        app.add_subcommand("evaluate", "Score predictions as the task's official script does");
    const auto options = std::make_shared<EvaluateOptions>();  // shared with the callback below
    command
        ->add_option("--task", options->task, "A task of finetune: rte, sst2, squad_v2, ner, ...")
        ->required();
    command->add_option("--data", options->data, "References: a data file of the task")
        ->required()
        ->type_name("FILE");
    command
        ->add_option("--predictions", options->predictions,
                     "What `infer --predictions` wrote: JSON lines {id, label} or {id, tags}; "
                     "SQuAD: one object {id: answer}")
        ->required()
        ->type_name("FILE");
    command
        ->add_option("--no-answer", options->no_answer,
                     "squad_v2 and qa: JSON object {id: probability of no answer}; adds the "
                     "best thresholds")
        ->type_name("FILE");
    command->add_option("--text-column", options->columns.text,
                        "Column of the text, the words or the question (default: the task's own)");
    command->add_option("--text-pair-column", options->columns.pair,
                        "Column of the second text or the context (default: the task's own)");
    command->add_option("--label-column", options->columns.label,
                        "Column of the class, the tags or the answers (default: the task's own)");
    command->footer(
        "Examples:\n"
        "  finewatt evaluate --task squad_v2 --data dev-v2.0.json --predictions answers.json\n"
        "  finewatt evaluate --task ner --data test.conll --predictions tags.jsonl --json\n"
        "SQuAD scores are percent, as its scripts print them; the others are shares of 1.");
    command->callback([options, &context] { evaluate(context, *options); });
}

}  // namespace finewatt::app
