#include "finewatt/report/html_report.h"

#include "finewatt/base/file.h"
#include "finewatt/report/figures_internal.h"
#include "finewatt/report/html_internal.h"
#include "finewatt/report/page_data_internal.h"
#include "finewatt/report/page_scripts_internal.h"
#include "finewatt/report/run_sections_internal.h"
#include "finewatt/report/run_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace finewatt {
namespace {

/// With more runs the page has their tables only: all of one run is a page of its own.
constexpr std::size_t kMostUnfoldedRuns = 20;
/// Longer tables are folded away.
constexpr std::size_t kLongTable = 40;
/// Without scripts there is a drawing for each run, and no more than these.
constexpr std::size_t kMostDrawnRuns = 12;

constexpr std::string_view kPowerTitle = "Power over time";
constexpr std::string_view kEnergyTitle = "Energy by phase and component";
constexpr std::string_view kTokensTitle = "Energy against tokens";
constexpr std::string_view kNoSamples = "There is no figure: no samples of power were recorded.";
constexpr std::string_view kNoEnergy = "There is no figure: no energy of a phase is known.";

std::string title_of(std::span<const RunRecord> runs) {
    if (runs.size() != 1) {
        return fmt::format("{} runs", runs.size());
    }
    const RunRecord& run = runs[0];
    return run.name && !run.name->empty() ? *run.name : "Run " + run.run_id;
}

std::string subtitle_of(std::span<const RunRecord> runs) {
    if (runs.empty()) {
        return "";
    }
    if (runs.size() == 1) {
        return report::run_subtitle(runs[0]);
    }
    return fmt::format("Started from {} to {}.", runs.front().started_at.to_iso8601(),
                       runs.back().started_at.to_iso8601());
}

report::HtmlTable people_table(const ReportTable& table) {
    report::HtmlTable out{table.title, {}, {}};
    for (const ReportColumn& column : table.columns) {
        if (column.readers != ColumnFor::kPrograms) {
            out.columns.push_back({column.title, column.is_number});
        }
    }
    for (const auto& row : table.rows) {
        std::vector<std::string> cells;
        for (std::size_t c = 0; c < row.size(); ++c) {
            if (table.columns[c].readers != ColumnFor::kPrograms) {
                cells.push_back(row[c].text);
            }
        }
        out.rows.push_back(std::move(cells));
    }
    return out;
}

std::string table_section(const ReportTable& table) {
    if (table.rows.empty()) {
        return "";
    }
    std::string html = report::html_table(people_table(table));
    if (table.rows.size() > kLongTable) {
        html = report::html_details(fmt::format("{} lines", table.rows.size()), "table", html);
    }
    return report::html_section(table.title, html + report::html_list(table.notes));
}

std::string drawn_figure(const std::optional<report::FigureView>& figure,
                         const FigureOptions& options, std::string_view without) {
    if (!figure) {
        return report::html_note(without);
    }
    const auto svg = draw_svg(figure->gnuplot, options);
    if (!svg) {
        return report::html_note(fmt::format("This figure is missing: {}. {}",
                                             svg.error().describe(), figure->text_alternative));
    }
    return report::html_figure(*svg, figure->text_alternative, figure->caption);
}

/// What the page shows of figures, and what its scripts need.
struct FigureParts {
    std::string html;
    std::string data_json;
};

Result<FigureParts> interactive_figures(std::span<const RunRecord> runs,
                                        const std::vector<std::string>& labels,
                                        const PowerReader& read_power) {
    FINEWATT_ASSIGN(report::PageData data, report::page_data(runs, labels, read_power));
    FigureParts parts;
    parts.html = "<noscript>" +
                 report::html_note("The figures need JavaScript. The tables below need none.") +
                 "</noscript>\n";
    parts.html += report::html_section(
        kPowerTitle,
        data.has_power
            ? report::html_interactive_figure(
                  "power", "Power over time; the values are in the table below the figure.",
                  "Power of each channel over time; grey bands are the phases. Where samples were "
                  "put together, the line is their mean and the light area goes from the least to "
                  "the largest. Drag over a stretch of time to see more of it; with the keyboard: "
                  "arrow keys read values, + and - zoom, 0 shows the whole run.")
            : report::html_note(kNoSamples));
    parts.html += report::html_section(
        kEnergyTitle,
        data.has_bars
            ? report::html_interactive_figure(
                  "bars", "Energy by phase and component; the values are in the table below.",
                  "The black or white line is the range in which the total lies.")
            : report::html_note(kNoEnergy));
    if (data.has_tokens) {
        parts.html += report::html_section(
            kTokensTitle,
            report::html_interactive_figure(
                "tokens", "Energy against tokens; the values are in the table below.",
                "A point for each run, with the range in which its energy lies. Runs without "
                "known tokens or energy are left out."));
    }
    parts.data_json = std::move(data.json);
    return parts;
}

Result<FigureParts> drawn_figures(std::span<const RunRecord> runs,
                                  const std::vector<std::string>& labels,
                                  const PowerReader& read_power, const FigureOptions& options) {
    std::string power_html;
    std::string energy_html;
    const std::size_t drawn = std::min(runs.size(), kMostDrawnRuns);
    if (runs.size() > 1) {
        energy_html += drawn_figure(report::bar_figure(report::component_bars(runs, labels)),
                                    options, kNoEnergy);
        energy_html += drawn_figure(report::bar_figure(report::run_phase_bars(runs, labels)),
                                    options, kNoEnergy);
    }
    for (std::size_t i = 0; i < drawn; ++i) {
        FINEWATT_ASSIGN(const std::vector<PowerSeries> power, read_power(runs[i]));
        FINEWATT_TRY(report::check_series(power));
        if (runs.size() > 1) {
            power_html += report::html_subsection(labels[i], "");
        }
        power_html += drawn_figure(report::power_figure(runs[i], power), options, kNoSamples);
    }
    if (drawn < runs.size()) {
        power_html += report::html_note(
            fmt::format("The first {} of {} runs are drawn.", drawn, runs.size()));
    }
    if (runs.size() == 1) {
        energy_html +=
            drawn_figure(report::bar_figure(report::phase_bars(runs[0])), options, kNoEnergy);
    }
    FigureParts parts;
    parts.html = report::html_section(kPowerTitle, power_html);
    parts.html += report::html_section(kEnergyTitle, energy_html);
    if (const report::TokenPoints points = report::token_points(runs, labels);
        points.points.size() > 1) {
        parts.html += report::html_section(kTokensTitle,
                                           drawn_figure(report::token_figure(points), options, ""));
    }
    return parts;
}

/// Everything about each run, folded away.
std::string runs_in_detail(std::span<const RunRecord> runs,
                           const std::vector<std::string>& labels) {
    if (runs.size() > kMostUnfoldedRuns) {
        return report::html_section(
            "Each run", report::html_note(fmt::format(
                            "With more than {} runs the page has no details of each; `finewatt "
                            "report RUN` shows all of one.",
                            kMostUnfoldedRuns)));
    }
    std::string html;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        html += report::html_details(labels[i], "run",
                                     report::html_paragraph(report::run_subtitle(runs[i])) +
                                         report::key_figures_html(runs[i]) +
                                         report::run_sections(runs[i], report::html_subsection));
    }
    return report::html_section("Each run", html);
}

}  // namespace

Result<std::string> render_html_report(std::span<const RunRecord> runs,
                                       const PowerReader& read_power,
                                       const HtmlReportOptions& options) {
    const std::vector<std::string> labels = run_labels(runs);
    report::HtmlPage page;
    page.title = options.title.empty() ? title_of(runs) : options.title;
    page.subtitle = subtitle_of(runs);
    if (options.is_interactive) {
        page.scripts = report::page_scripts();
    }
    FigureParts figures;
    if (page.scripts.empty()) {
        FINEWATT_ASSIGN(figures, drawn_figures(runs, labels, read_power, options.figures));
    } else {
        FINEWATT_ASSIGN(figures, interactive_figures(runs, labels, read_power));
    }
    page.data_json = std::move(figures.data_json);
    if (runs.size() == 1) {
        page.html = report::html_section("Key figures", report::key_figures_html(runs[0]));
        page.html += figures.html;
        page.html += report::run_sections(runs[0], report::html_section);
    } else {
        const std::vector<ReportTable> tables = make_report_tables(runs);
        page.html = table_section(tables[0]) + table_section(tables[1]) + figures.html +
                    table_section(tables[2]) + table_section(tables[3]);
        page.html += runs_in_detail(runs, labels);
    }
    return report::html_page(page);
}

Status write_html_report(const std::filesystem::path& path, std::span<const RunRecord> runs,
                         const PowerReader& read_power, const HtmlReportOptions& options) {
    FINEWATT_ASSIGN(const std::string page, render_html_report(runs, read_power, options));
    return write_file_atomically(path, page);
}

}  // namespace finewatt
