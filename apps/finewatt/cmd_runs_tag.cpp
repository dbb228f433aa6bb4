// finewatt runs tag: words on runs, to find them by.

#include "finewatt/report/text.h"
#include "finewatt/runs_common.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace finewatt::app {
namespace {

struct TagOptions {
    std::vector<std::string> words;  ///< runs, and "+tag"
    std::vector<std::string> add;
    std::vector<std::string> remove;
};

/// The runs to change, and how.
struct TagChange {
    std::vector<std::string> keys;
    std::vector<std::string> add;
    std::vector<std::string> remove;
};

Result<TagChange> read_change(const TagOptions& options) {
    TagChange change{{}, options.add, options.remove};
    for (const std::string& word : options.words) {
        if (word.starts_with('+')) {
            change.add.push_back(word.substr(1));
        } else {
            change.keys.push_back(word);
        }
    }
    const auto is_empty = [](const std::string& tag) { return tag.empty(); };
    if (change.keys.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "tag: expected a run, found none; example: finewatt "
                              "runs tag 01KAQ +paper");
    }
    if (change.add.empty() && change.remove.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "tag: expected a change such as +paper or -draft, found none");
    }
    if (std::any_of(change.add.begin(), change.add.end(), is_empty) ||
        std::any_of(change.remove.begin(), change.remove.end(), is_empty)) {
        return FINEWATT_ERROR(kInvalidArgument, "tag: expected a word after + or -, found none");
    }
    for (const std::string& tag : change.add) {
        if (std::find(change.remove.begin(), change.remove.end(), tag) != change.remove.end()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "tag '{}': expected it to be added or removed, found both", tag);
        }
    }
    return change;
}

Status change_tags(const CommandContext& context, const TagChange& change) {
    FINEWATT_ASSIGN(const std::unique_ptr<Store> store, open_ledger(context));
    // All runs are looked up before the first is changed.
    FINEWATT_ASSIGN(const std::vector<std::string> ids, find_runs(*store, change.keys));
    nlohmann::ordered_json document = nlohmann::ordered_json::array();
    std::string text;
    for (const std::string& id : ids) {
        FINEWATT_ASSIGN(const std::vector<std::string> tags,
                        store->set_tags(id, change.add, change.remove));
        nlohmann::ordered_json one;
        one["run_id"] = id;
        one["tags"] = tags;
        document.push_back(std::move(one));
        text += fmt::format("{}  {}\n", id,
                            tags.empty() ? std::string("no tags")
                                         : safe_text(fmt::format("{}", fmt::join(tags, ", "))));
    }
    if (context.common.json) {
        print_json(document);
    } else {
        print_text(stdout, text);
    }
    return {};
}

void tag_runs(CommandContext& context, const TagOptions& options) {
    const Result<TagChange> change = read_change(options);
    if (!change) {
        fail(context, kWrongUsage, change.error());
    } else if (Status changed = change_tags(context, *change); !changed) {
        fail(context, ledger_exit_status(changed.error()), changed.error());
    }
}

}  // namespace

void spell_out_tag_changes(std::vector<std::string>& arguments) {
    const auto runs = std::find(arguments.begin(), arguments.end(), "runs");
    const auto tag = std::find(runs, arguments.end(), "tag");
    // Other words between the two are options, as in `runs --json tag`.
    if (tag == arguments.end() || std::any_of(runs + 1, tag, [](const std::string& word) {
            return !word.starts_with('-');
        })) {
        return;
    }
    for (auto word = tag + 1; word != arguments.end(); ++word) {
        const bool is_change = word->size() > 1 && word->starts_with('-') &&
                               !word->starts_with("--") && *word != "-h" && *word != "-q" &&
                               *word != "-v";
        if (is_change) {
            *word = "--remove=" + word->substr(1);
        }
    }
}

void add_runs_tag(CLI::App& runs, CommandContext& context) {
    auto* command = runs.add_subcommand("tag", "Add words to runs, and remove them");
    const auto options = std::make_shared<TagOptions>();  // shared with the callback below
    command->add_option("run", options->words, "Runs, +TAG to add and -TAG to remove")->take_all();
    command->add_option("--add", options->add, "A tag to add; may be given several times")
        ->allow_extra_args(false)
        ->take_all();
    command->add_option("--remove", options->remove, "A tag to remove; may be given several times")
        ->allow_extra_args(false)
        ->take_all();
    command->footer(
        "A tag that is there already, or not there, is no error. The tags -h, -q and -v are\n"
        "removed with --remove.\n"
        "Example: finewatt runs tag 01KAQ my-run +paper +seed-7 -draft");
    command->callback([options, &context] { tag_runs(context, *options); });
}

}  // namespace finewatt::app
