// finewatt card: one run, or several, in the formats that others read.

#include "finewatt/base/file.h"
#include "finewatt/command.h"
#include "finewatt/exchange/formats.h"
#include "finewatt/exchange/model_card.h"
#include "finewatt/runs_common.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace finewatt::app {
namespace {

struct CardOptions {
    std::vector<std::string> keys;
    std::string format = "model-card";
    std::string out;
    std::string into;
    bool append = false;
    ExtraFacts facts;
};

/// Check what does not fit together. Error: invalid argument.
Status check_options(const CardOptions& options) {
    FINEWATT_ASSIGN(const Format format, find_format(options.format));
    if (!options.into.empty() && (options.format != "model-card" || !options.out.empty())) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "--into {}: expected --format model-card without --out, found {}; "
            "only a model card is written into another file",
            options.into,
            options.out.empty() ? "--format " + options.format : "--out " + options.out);
    }
    if (options.append && options.out.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--append: expected --out FILE, the file to add to, found none");
    }
    if (options.append && !format.can_append) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--append: expected a format of rows (codecarbon, csv), found {}; "
                              "leave --append away and name a new file",
                              options.format);
    }
    return {};
}

Result<std::vector<RunRecord>> load_runs(const CommandContext& context,
                                         const std::vector<std::string>& keys) {
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_ledger(context));
    FINEWATT_ASSIGN(const std::vector<std::string> ids, find_runs(*store, keys));
    std::vector<RunRecord> runs;
    for (const std::string& id : ids) {
        FINEWATT_ASSIGN(RunRecord run, store->get(id));
        runs.push_back(std::move(run));
    }
    return runs;
}

/// Write the document where the options say. Returns its text; empty when it went into a file.
Result<std::string> write_card(const CardOptions& options, const std::vector<RunRecord>& runs) {
    if (options.append) {
        FINEWATT_TRY(append_runs(options.format, runs, options.out));
        return std::string();
    }
    if (!options.into.empty()) {
        if (runs.size() != 1) {
            return FINEWATT_ERROR(kInvalidArgument, "--into {}: expected one run, found {}",
                                  options.into, runs.size());
        }
        FINEWATT_ASSIGN(const std::string old, read_file(options.into));
        Result<std::string> card = update_model_card(old, runs.front(), options.facts);
        if (!card) {
            return std::move(card).error().with_context(options.into);
        }
        FINEWATT_TRY(write_file_atomically(options.into, *card));
        return std::string();
    }
    FINEWATT_ASSIGN(std::string text, write_runs(options.format, runs, options.facts));
    if (options.out.empty()) {
        return text;
    }
    FINEWATT_TRY(write_file_atomically(options.out, text));
    return std::string();
}

/// Tell what was written, or print the document itself.
void tell(const CommandContext& context, const CardOptions& options,
          const std::vector<RunRecord>& runs, const std::string& text) {
    const std::string& file = options.into.empty() ? options.out : options.into;
    if (!context.common.json) {
        if (file.empty()) {
            print_text(stdout, text);
        } else if (!context.common.quiet) {
            print_line(stderr, fmt::format("{}: {} {}", file, options.format,
                                           options.append ? "appended" : "written"));
        }
        return;
    }
    nlohmann::ordered_json document;
    document["format"] = options.format;
    document["run_ids"] = nlohmann::ordered_json::array();
    for (const RunRecord& run : runs) {
        document["run_ids"].push_back(run.run_id);
    }
    document["file"] = file.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(file);
    // A JSON document stands as such, any other as text.
    nlohmann::ordered_json parsed = nlohmann::ordered_json::parse(text, nullptr, false);
    if (!file.empty()) {
        document["document"] = nullptr;
    } else if (parsed.is_object()) {
        document["document"] = std::move(parsed);
    } else {
        document["document"] = text;
    }
    print_line(stdout, document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void run_card(CommandContext& context, const CardOptions& options) {
    if (Status checked = check_options(options); !checked) {
        fail(context, kWrongUsage, checked.error());
        return;
    }
    const Result<std::vector<RunRecord>> runs = load_runs(context, options.keys);
    if (!runs) {
        fail(context, ledger_exit_status(runs.error()), runs.error());
        return;
    }
    const Result<std::string> text = write_card(options, *runs);
    if (!text) {
        fail(context, kBadInput, text.error());
        return;
    }
    tell(context, options, *runs, *text);
}

std::string format_table() {
    std::string table = "Formats:\n";
    for (const Format& format : exchange_formats()) {
        if (format.can_write) {
            table += fmt::format("  {:<17} {}{}\n", format.name, format.description,
                                 format.one_run ? " (one run)" : "");
        }
    }
    return table;
}

void add_fact_options(CLI::App& command, ExtraFacts& facts) {
    constexpr const char* kGroup = "Facts that a record does not hold";
    command
        .add_option("--training-type", facts.training_type,
                    "Model card: pre-training, fine-tuning or your own word")
        ->type_name("TEXT")
        ->group(kGroup);
    command.add_option("--location", facts.location, "Model card, BoAmps: where the run was")
        ->type_name("TEXT")
        ->group(kGroup);
    command.add_option("--hardware", facts.hardware, "Model card: what the run used")
        ->type_name("TEXT")
        ->group(kGroup);
    command.add_option("--country", facts.country, "BoAmps: name of the country")
        ->type_name("TEXT")
        ->group(kGroup);
    command
        .add_option("--task-stage", facts.task_stage, "BoAmps: finetuning, training, inference, …")
        ->type_name("TEXT")
        ->group(kGroup);
    command.add_option("--task-family", facts.task_family, "BoAmps: e.g. 'text classification'")
        ->type_name("TEXT")
        ->group(kGroup);
    command
        .add_option("--infrastructure", facts.infrastructure,
                    "BoAmps: publicCloud, privateCloud, onPremise or other")
        ->type_name("KIND")
        ->group(kGroup);
}

}  // namespace

void register_card(CLI::App& app, CommandContext& context) {
    auto* command =
        app.add_subcommand("card", "A run in the formats of others: model card, CodeCarbon, …");
    const auto options = std::make_shared<CardOptions>();  // shared with the callback below
    command->add_option("run", options->keys, "Run ids, beginnings of them, or names")
        ->required()
        ->type_name("RUN");
    command->add_option("--format", options->format, "One of the formats below")
        ->capture_default_str()
        ->type_name("NAME");
    command->add_option("--out", options->out, "File to write; without it, standard output")
        ->type_name("FILE");
    command->add_flag("--append", options->append,
                      "Add rows to --out; its columns are kept, values go where names agree");
    command
        ->add_option("--into", options->into,
                     "A model card that exists: only its key co2_eq_emissions is set")
        ->type_name("README.md");
    add_fact_options(*command, options->facts);
    command->footer(
        format_table() +
        "Model cards count grams of CO2 of a training; a run without a known place is refused.\n"
        "CodeCarbon's file holds energies of the facility (times PUE), the others the machine's.\n"
        "Examples:\n"
        "  finewatt card 01KAQ                                   the block for a model card\n"
        "  finewatt card 01KAQ --into model/README.md            set it in a card\n"
        "  finewatt card 01KAQ --format codecarbon --out emissions.csv --append\n"
        "  finewatt card 01KAQ --format boamps --task-stage inference --task-family chatbot\n"
        "  finewatt card 01KAQ --format prometheus --out /var/lib/node_exporter/finewatt.prom\n"
        "  finewatt card baseline tuned --format latex           rows for a paper");
    command->callback([options, &context] { run_card(context, *options); });
}

}  // namespace finewatt::app
