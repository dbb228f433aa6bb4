// finewatt fetch: brings a model or data set from the hub into the Hugging Face cache.

#include "finewatt/command.h"
#include "finewatt/hub/fetch.h"
#include "finewatt/report/table.h"
#include "finewatt/report/text.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <chrono>
#include <memory>

namespace finewatt::app {
namespace {

struct FetchCommand {
    std::string name;
    bool is_dataset = false;
    hub::FetchOptions options;
};

std::string format_size(std::uint64_t bytes) {
    const auto size = static_cast<double>(bytes);
    if (size < 1e3) {
        return fmt::format("{} B", bytes);
    }
    if (size < 1e6) {
        return fmt::format("{:.1f} kB", size / 1e3);
    }
    return size < 1e9 ? fmt::format("{:.1f} MB", size / 1e6) : fmt::format("{:.2f} GB", size / 1e9);
}

/// Shows how far the fetch is: one line that is rewritten on a terminal, else nothing but waits.
class FetchLine {
  public:
    explicit FetchLine(bool is_terminal) : is_terminal_(is_terminal) {}

    void show(const hub::FetchProgress& progress) {
        if (progress.is_waiting) {
            clear();
            print_line(stderr, "waiting for another process that fetches " +
                                   safe_text(std::string(progress.file)));
            return;
        }
        const auto now = std::chrono::steady_clock::now();
        constexpr std::chrono::milliseconds kBetweenLines{200};
        if (!is_terminal_ || now - shown_at_ < kBetweenLines) {
            return;
        }
        shown_at_ = now;
        std::string text = fmt::format("{}/{} files  {}", progress.files_done, progress.files,
                                       format_size(progress.done_bytes));
        if (progress.total_bytes && *progress.total_bytes > 0) {
            text += fmt::format(" of {} ({:.0f}%)", format_size(*progress.total_bytes),
                                100.0 * static_cast<double>(progress.done_bytes) /
                                    static_cast<double>(*progress.total_bytes));
        }
        text += "  " + safe_text(std::string(progress.file));
        const auto width = static_cast<std::size_t>(terminal_columns());
        print_text(stderr, "\r\x1b[2K" + truncate_to_width(text, width - 1));
        std::fflush(stderr);
        is_shown_ = true;
    }

    void clear() {
        if (is_shown_) {
            print_text(stderr, "\r\x1b[2K");
            std::fflush(stderr);
            is_shown_ = false;
        }
    }

  private:
    bool is_terminal_;
    bool is_shown_ = false;
    std::chrono::steady_clock::time_point shown_at_{};
};

nlohmann::ordered_json to_json(const hub::Repo& repo, const hub::FetchResult& result) {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();
    for (const hub::FetchedFile& file : result.files) {
        files.push_back({{"path", file.path},
                         {"size_bytes", file.size_bytes},
                         {"state", hub::file_state_name(file.state)}});
    }
    return {{"name", repo.name},
            {"type", repo.type == hub::RepoType::kModel ? "model" : "dataset"},
            {"revision", repo.revision},
            {"commit", result.commit},
            {"folder", result.folder.string()},
            {"files", files},
            {"downloaded_bytes", result.downloaded_bytes},
            {"notes", result.notes}};
}

void print_result(const CommandContext& context, const hub::Repo& repo,
                  const hub::FetchResult& result) {
    for (const std::string& note : result.notes) {
        print_line(stderr, "note: " + safe_text(note));
    }
    if (context.common.json) {
        print_line(
            stdout,
            to_json(repo, result).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
        return;
    }
    TextTable table({{"file"}, {"size", Align::kRight}, {""}});
    for (const hub::FetchedFile& file : result.files) {
        table.add_row({safe_text(file.path), format_size(file.size_bytes),
                       std::string(hub::file_state_name(file.state))});
    }
    print_text(stdout, table.render({.max_width = static_cast<std::size_t>(terminal_columns())}));
    print_line(stdout,
               fmt::format("{} {}, commit {}: {} downloaded", repo_type_name(repo.type),
                           repo.text(), result.commit, format_size(result.downloaded_bytes)));
    print_line(stdout, result.folder.string());
}

/// Exit status: what the user can mend is bad input; a network or disk that fails is a failed job.
int exit_status_of(const Error& error) {
    switch (error.code()) {
        case ErrorCode::kIo:
        case ErrorCode::kBusy:
        case ErrorCode::kCorrupt:
            return kJobFailed;
        default:
            return kBadInput;
    }
}

void fetch(CommandContext& context, FetchCommand& command) {
    const Result<hub::Repo> repo = hub::parse_repo(
        command.name, command.is_dataset ? hub::RepoType::kDataset : hub::RepoType::kModel);
    if (!repo) {
        fail(context, kWrongUsage, repo.error());
        return;
    }
    const Result<hub::HubSettings> settings = hub::HubSettings::from_environment();
    if (!settings) {
        fail(context, kBadInput, settings.error());
        return;
    }
    FetchLine line(::isatty(STDERR_FILENO) == 1);
    if (!context.common.quiet) {
        command.options.on_progress = [&line](const hub::FetchProgress& progress) {
            line.show(progress);
        };
    }
    const Result<hub::FetchResult> result = hub::fetch(*settings, *repo, command.options);
    line.clear();
    if (!result) {
        fail(context, exit_status_of(result.error()), result.error());
        return;
    }
    print_result(context, *repo, *result);
}

}  // namespace

void register_fetch(CLI::App& app, CommandContext& context) {
    auto* command = app.add_subcommand("fetch", "Fetch a model or data set by its name on the hub");
    const auto options = std::make_shared<FetchCommand>();  // shared with the callback below
    command->add_option("name", options->name, "org/name or name, with @REVISION if not main")
        ->required()
        ->type_name("NAME");
    command->add_flag("--dataset", options->is_dataset, "NAME is a data set, not a model");
    CLI::Option* include =
        command
            ->add_option("--include", options->options.include,
                         "Take the files that match, instead of those that finewatt needs; may be "
                         "given more than once, e.g. '*.json'")
            ->type_name("GLOB")
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
            ->expected(1);
    command->add_flag("--all", options->options.all, "Take every file")->excludes(include);
    command->footer(
        "Examples:\n"
        "  finewatt fetch google-bert/bert-base-uncased\n"
        "  finewatt fetch stanfordnlp/imdb@refs/convert/parquet --dataset --include "
        "'plain_text/*'\n"
        "  finewatt finetune --model google-bert/bert-base-uncased --data train.tsv\n"
        "Of a model come config.json, *.safetensors, vocab.txt, tokenizer*.json and\n"
        "special_tokens_map.json; of a data set all files. They go where Python's huggingface_hub\n"
        "keeps them, and are shared with it. Environment: HF_HOME, HF_HUB_CACHE (where), "
        "HF_ENDPOINT\n"
        "(from where), HF_TOKEN (private and gated ones), HF_HUB_OFFLINE (only look).\n"
        "The last line is the folder. An interrupted fetch goes on where it stopped.");
    command->callback([options, &context] { fetch(context, *options); });
}

}  // namespace finewatt::app
