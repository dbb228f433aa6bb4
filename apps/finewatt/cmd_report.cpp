// finewatt report: tables, a page and figures over runs of the ledger.

#include "finewatt/base/subprocess.h"
#include "finewatt/command.h"
#include "finewatt/output_files.h"
#include "finewatt/report/figure_files.h"
#include "finewatt/report/html_report.h"
#include "finewatt/report/table_formats.h"
#include "finewatt/report_runs.h"
#include "finewatt/store/store.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

namespace finewatt::app {
namespace {

namespace fs = std::filesystem;

struct ReportOptions {
    RunSelection selection;
    std::string format;   ///< empty: as the name of the output says, else terminal
    std::string figures;  ///< empty: none
    std::string table;    ///< empty: all
    std::string out;
    std::string open = "no";
};

/// A format of the tables, and how its files end.
struct TextFormat {
    std::string_view name;
    std::string_view extension;
};

constexpr std::array<TextFormat, 5> kFormats{{{"terminal", ".txt"},
                                              {"markdown", ".md"},
                                              {"latex", ".tex"},
                                              {"csv", ".csv"},
                                              {"html", ".html"}}};

/// The form of the output, once all options are known.
struct ReportPlan {
    std::string format;  ///< of kFormats; empty when only figures are written
    std::string extension;
    bool is_folder = false;
};

std::string extension_of(std::string_view format) {
    const auto* found = std::find_if(kFormats.begin(), kFormats.end(),
                                     [&](const TextFormat& each) { return each.name == format; });
    return found == kFormats.end() ? "" : std::string(found->extension);
}

bool names_a_folder(const std::string& out) {
    std::error_code ignored;
    return out.ends_with('/') || fs::is_directory(out, ignored);
}

/// Decide what goes where. Error: invalid argument for options that do not fit together.
Result<ReportPlan> make_plan(const ReportOptions& options) {
    ReportPlan plan;
    plan.format = options.format;
    const std::string extension = fs::path(options.out).extension().string();
    // Several files go into a folder, also one that is not there yet.
    const bool is_many =
        !options.figures.empty() || (plan.format == "csv" && options.table.empty());
    plan.is_folder =
        !options.out.empty() && (names_a_folder(options.out) || (is_many && extension.empty()));
    if (plan.format.empty() && !options.out.empty() && !plan.is_folder) {
        for (const TextFormat& format : kFormats) {
            if (format.extension == extension) {
                plan.format = format.name;
            }
        }
        if (plan.format.empty()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "--out {}: expected --format, or a name that ends in .txt, .md, "
                                  ".tex, .csv or .html",
                                  options.out);
        }
    }
    if (plan.format.empty() && options.figures.empty()) {
        plan.format = "terminal";
    }
    plan.extension = extension_of(plan.format);
    if (!options.figures.empty() && !plan.is_folder) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--figures {}: expected --out with a folder for the figures, found "
                              "{}; e.g. --out figures/",
                              options.figures, options.out.empty() ? "none" : options.out);
    }
    if (options.open == "yes" && (plan.format != "html" || options.out.empty())) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--open yes: expected a page to open, found none; add --format html "
                              "--out report.html");
    }
    return plan;
}

Result<std::unique_ptr<Store>> open_report_ledger(const CommandContext& context) {
    std::string url = context.common.store_url;
    if (url.empty()) {
        FINEWATT_ASSIGN(url, default_store_url(::getenv));
    }
    return open_store(url);
}

FigureFormat parse_figure_format(const std::string& name) {
    if (name == "png") {
        return FigureFormat::kPng;
    }
    return name == "pdf" ? FigureFormat::kPdf : FigureFormat::kSvg;
}

std::vector<ReportTable> chosen_tables(const std::vector<RunRecord>& runs,
                                       const std::string& name) {
    std::vector<ReportTable> tables = make_report_tables(runs);
    if (!name.empty()) {
        tables.erase(std::remove_if(tables.begin(), tables.end(),
                                    [&](const ReportTable& table) { return table.name != name; }),
                     tables.end());
    }
    return tables;
}

/// The tables or the page as one text.
Result<std::string> render(const std::string& format, const std::vector<RunRecord>& runs,
                           const std::vector<ReportTable>& tables, const PowerReader& power,
                           std::size_t width) {
    if (format == "html") {
        return render_html_report(runs, power);
    }
    if (format == "markdown") {
        return render_markdown(tables);
    }
    if (format == "latex") {
        return render_latex(tables);
    }
    return format == "csv" ? render_csv(tables.front()) : render_terminal(tables, width);
}

/// Add what goes into files.
Status add_files(OutputFiles& files, const ReportOptions& options, const ReportPlan& plan,
                 const std::vector<RunRecord>& runs, const std::vector<ReportTable>& tables,
                 const PowerReader& power) {
    constexpr std::size_t kFileColumns = 120;
    if (options.out.empty()) {
        return {};
    }
    const fs::path out(options.out);
    if (plan.format == "csv" && plan.is_folder) {
        for (const ReportTable& table : tables) {
            files.add(out / (table.name + plan.extension), render_csv(table));
        }
    } else if (!plan.format.empty()) {
        FINEWATT_ASSIGN(std::string text, render(plan.format, runs, tables, power, kFileColumns));
        files.add(plan.is_folder ? out / ("report" + plan.extension) : out, std::move(text));
    }
    if (!options.figures.empty()) {
        FINEWATT_ASSIGN(std::vector<FigureFile> figures,
                        draw_figure_files(runs, power, parse_figure_format(options.figures)));
        for (FigureFile& figure : figures) {
            files.add(out / figure.name, std::move(figure.bytes));
        }
    }
    return {};
}

/// Show a page in the browser; a page that cannot be shown is told and no failure.
void open_page(const std::string& path) {
    SubprocessOptions options;
    options.argv = {"xdg-open", path};
    options.stdout_to = ChildOutput::kDiscard;
    options.stderr_to = ChildOutput::kDiscard;
    options.timeout = std::chrono::seconds(10);
    const auto result = run_subprocess(options);
    if (!result || !result->succeeded()) {
        print_line(stderr,
                   fmt::format("finewatt: xdg-open could not show {}; open it by hand", path));
    }
}

Status report(const CommandContext& context, const ReportOptions& options, const ReportPlan& plan,
              Store& store, const std::vector<RunRecord>& runs) {
    const PowerReader power = [&store](const RunRecord& run) {
        return store.power_series(run.run_id);
    };
    const std::vector<ReportTable> tables = chosen_tables(runs, options.table);
    OutputFiles files;
    FINEWATT_TRY(add_files(files, options, plan, runs, tables, power));
    std::string text;
    if (context.common.json) {
        text = render_json(tables, files.paths()) + "\n";
    } else if (options.out.empty() || plan.format.empty()) {
        const std::string format = plan.format.empty() ? "terminal" : plan.format;
        FINEWATT_ASSIGN(text, render(format, runs, tables, power,
                                     static_cast<std::size_t>(terminal_columns())));
    }
    FINEWATT_TRY(files.write_all());
    print_text(stdout, text);
    if (!context.common.json) {
        for (const std::string& path : files.paths()) {
            print_line(stdout, "wrote " + path);
        }
    }
    if (options.open == "yes") {
        open_page(files.paths().front());
    }
    return {};
}

int exit_status_of(const Error& error) {
    switch (error.code()) {
        case ErrorCode::kInvalidArgument:
        case ErrorCode::kNotFound:
        case ErrorCode::kPermission:
            return kBadInput;
        case ErrorCode::kBusy:
        case ErrorCode::kCorrupt:
            return kStoreFailed;
        default:
            return kJobFailed;
    }
}

/// A wrong name is bad input; the rest is the store's failure.
int store_status_of(const Error& error) {
    const bool is_input =
        error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kInvalidArgument;
    return is_input ? kBadInput : kStoreFailed;
}

void make_report(CommandContext& context, const ReportOptions& options) {
    const Result<ReportPlan> plan = make_plan(options);
    if (!plan) {
        fail(context, kWrongUsage, plan.error());
        return;
    }
    if (plan->format == "html" && options.out.empty() && !context.common.json &&
        ::isatty(STDOUT_FILENO) == 1) {
        fail(context, kWrongUsage,
             FINEWATT_ERROR(kInvalidArgument,
                            "a page is not for a terminal; name a file: --out report.html"));
        return;
    }
    Result<std::unique_ptr<Store>> store = open_report_ledger(context);
    if (!store) {
        fail(context, store_status_of(store.error()), store.error());
        return;
    }
    const Result<SelectedRuns> selected = select_runs(**store, options.selection);
    if (!selected) {
        fail(context, store_status_of(selected.error()), selected.error());
        return;
    }
    if (selected->has_more && !context.common.quiet) {
        print_line(stderr, fmt::format("finewatt: only the newest {} runs that match; --limit N "
                                       "takes more",
                                       options.selection.limit));
    }
    if (Status made = report(context, options, *plan, **store, selected->runs); !made) {
        fail(context, exit_status_of(made.error()), made.error());
    }
}

void add_selection(CLI::App& command, RunSelection& selection) {
    command.add_option("run", selection.keys, "Run ids, beginnings of ids, or names")
        ->take_all()
        ->type_name("RUN");
    command.add_option("--tag", selection.tag, "Also all runs with this tag");
    command.add_option("--name", selection.name, "Also all runs of this name");
    command.add_option("--kind", selection.kind, "Also all runs of this kind, e.g. fine-tuning");
    command.add_option("--status", selection.status,
                       "Of those only runs of this status, e.g. complete");
    command.add_option("--since", selection.since, "Of those only runs started since (UTC)")
        ->type_name("2026-11-23T04:28:00Z");
    command
        .add_option("--limit", selection.limit, "At most so many runs that match, the newest first")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
}

}  // namespace

void register_report(CLI::App& app, CommandContext& context) {
    auto* command =
        app.add_subcommand("report", "Tables, a page and figures over runs of the ledger");
    const auto options = std::make_shared<ReportOptions>();  // shared with the callback below
    add_selection(*command, options->selection);
    command->add_option("--format", options->format, "How the tables are written")
        ->check(CLI::IsMember({"terminal", "markdown", "latex", "csv", "html"}));
    command
        ->add_option("--table", options->table, "Only this table (csv to one file: default runs)")
        ->check(CLI::IsMember({"runs", "repeats", "phases", "components"}));
    command
        ->add_option("--figures", options->figures, "Also draw the figures into the folder --out")
        ->check(CLI::IsMember({"svg", "png", "pdf"}));
    command
        ->add_option("--out", options->out, "File, or folder (also made), instead of the terminal")
        ->type_name("FILE|DIR");
    command->add_option("--open", options->open, "Show the page in the browser: yes or no")
        ->check(CLI::IsMember({"yes", "no"}))
        ->capture_default_str();
    command->footer(
        "Without RUN and filters the report is over all runs. Several filters must all fit. The\n"
        "format follows from the end of --out (.txt .md .tex .csv .html) where --format is not\n"
        "given. --json prints all tables as one document. Repeats, that is complete runs with the\n"
        "same name and settings apart from the seed, are summed up as mean and deviation.\n"
        "Exit status 4 when nothing matches.\n"
        "Examples:\n"
        "  finewatt report --tag bert                           tables on the terminal\n"
        "  finewatt report 01KAQ imdb-demo --out report.html    a page with figures to explore\n"
        "  finewatt report --name rte --format latex > rte.tex  booktabs for a paper\n"
        "  finewatt report --kind fine-tuning --format csv --out tables/ --figures pdf");
    command->callback([options, &context] { make_report(context, *options); });
}

}  // namespace finewatt::app
