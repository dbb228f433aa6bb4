#include "finewatt/report/html_report.h"

#include "finewatt/base/file.h"
#include "finewatt/report/figures_internal.h"
#include "finewatt/report/html_internal.h"
#include "finewatt/report/run_view_internal.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace finewatt {
namespace {

using report::LabelledText;

std::string title_of(const RunRecord& run) {
    return run.name && !run.name->empty() ? *run.name : "Run " + run.run_id;
}

/// The range of a figure goes to a line of its own.
std::string range_below(std::string text) {
    const std::size_t at = text.find(" (");
    return at == text.npos || text.starts_with("unknown") ? text : text.replace(at, 1, "\n");
}

/// The figures at the head of the page: scores, energy, carbon, energy per work, time.
std::string key_figures(const RunRecord& run) {
    std::vector<LabelledText> figures = report::score_lines(run);
    for (LabelledText& score : figures) {
        std::replace(score.label.begin(), score.label.end(), '_', ' ');
    }
    const EnergySummary& energy = run.energy;
    std::string energy_text = report::energy_text(energy);
    if (report::is_known(energy.energy)) {
        energy_text = fmt::format("{}\n{}\n{}", range_below(energy_text), report::kwh_text(energy),
                                  report::energy_origin_text(energy));
    }
    figures.push_back({"Energy", energy_text});
    figures.push_back({"Carbon", range_below(report::carbon_text(run))});
    figures.push_back({"Energy per 1,000 examples", report::energy_per_1k_examples_text(run)});
    figures.push_back({"Wall time", report::wall_time_text(run)});
    return report::html_key_figures(figures);
}

std::string component_section(const RunRecord& run) {
    const auto views = report::component_views(run.energy);
    if (views.empty()) {
        return report::html_section("Energy by component",
                                    report::html_paragraph("No component was read."));
    }
    report::HtmlTable table{"Energy of each component and where the figure comes from",
                            {{"Component"},
                             {"Device"},
                             {"Energy", true},
                             {"Range", true},
                             {"Mean power", true},
                             {"Largest power", true},
                             {"Coverage", true},
                             {"How"},
                             {"Source"}},
                            {}};
    std::vector<std::string> remarks;
    for (const auto& view : views) {
        const std::string& name = view.device.empty() ? view.component : view.device;
        for (const std::string& remark : view.remarks) {
            remarks.push_back(fmt::format("{}, {}: {}", view.component, name, remark));
        }
        table.rows.push_back({view.component, view.device, view.energy, view.range, view.power_mean,
                              view.power_max, view.coverage, view.provenance, view.source});
    }
    return report::html_section("Energy by component",
                                report::html_table(table) + report::html_list(remarks));
}

std::string phase_table(const RunRecord& run) {
    report::HtmlTable table{"Time and energy of each phase",
                            {{"Phase"},
                             {"Begin", true},
                             {"Time", true},
                             {"Energy", true},
                             {"Range", true},
                             {"Mean power", true},
                             {"How"}},
                            {}};
    std::vector<std::string> remarks;
    for (const auto& view : report::phase_views(run)) {
        if (!view.remark.empty()) {
            remarks.push_back(fmt::format("{}: {}", view.name, view.remark));
        }
        table.rows.push_back({view.name, view.begin, view.duration, view.energy, view.range,
                              view.power_mean, view.provenance});
    }
    return report::html_table(table) + report::html_list(remarks);
}

std::string figure_html(const report::FigureView& figure, const FigureOptions& options) {
    const auto svg = draw_svg(figure.gnuplot, options);
    if (!svg) {
        return report::html_note(fmt::format("This figure is missing: {}. {}",
                                             svg.error().describe(), figure.text_alternative));
    }
    return report::html_figure(*svg, figure.text_alternative, figure.caption);
}

std::string power_section(const RunRecord& run, const std::vector<PowerSeries>& power,
                          const FigureOptions& options) {
    const auto figure = report::power_figure(run, power);
    return report::html_section(
        "Power over time",
        figure ? figure_html(*figure, options)
               : report::html_note("There is no figure: no samples of power were recorded."));
}

std::string phase_section(const RunRecord& run, const FigureOptions& options) {
    if (run.phases.empty()) {
        return report::html_section("Phases",
                                    report::html_paragraph("The command reported no phases."));
    }
    const auto figure = report::phase_energy_figure(run);
    return report::html_section("Phases",
                                phase_table(run) + (figure ? figure_html(*figure, options) : ""));
}

std::string map_section(std::string_view title, std::string_view caption,
                        const SettingMap& values) {
    if (values.empty()) {
        return "";
    }
    std::vector<LabelledText> lines;
    for (const auto& [name, value] : values) {
        lines.push_back({name, report::setting_text(value)});
    }
    return report::html_section(title, report::html_pairs(caption, lines));
}

std::string_view meaning_of(std::string_view provenance) {
    if (provenance == "measured") {
        return "measured: read from an energy counter of the hardware";
    }
    if (provenance == "derived") {
        return "derived: integrated from power readings";
    }
    if (provenance == "modelled") {
        return "modelled: computed from load and rated power, because no sensor could be read";
    }
    if (provenance == "assumed") {
        return "assumed: taken without any knowledge of this machine";
    }
    return "mixed: the parts of the total come from different kinds of sources";
}

/// How the figures of this page came about; only what applies to the run.
std::string notes_section(const RunRecord& run) {
    std::vector<std::string> notes;
    std::vector<std::string> provenances{run.energy.provenance};
    for (const ComponentEnergy& component : run.energy.components) {
        provenances.push_back(component.provenance);
    }
    std::sort(provenances.begin(), provenances.end());
    provenances.erase(std::unique(provenances.begin(), provenances.end()), provenances.end());
    for (const std::string& provenance : provenances) {
        if (!provenance.empty()) {
            notes.emplace_back(meaning_of(provenance));
        }
    }
    if (report::is_known(run.energy.energy)) {
        std::string domains;
        for (const std::string& domain : run.energy.domains) {
            domains += (domains.empty() ? "" : ", ") + domain;
        }
        notes.push_back("The total is the sum over domains that do not overlap: " +
                        (domains.empty() ? "none named" : domains) +
                        ". Parts that lie inside a counted domain are listed, but not added.");
        notes.emplace_back(
            "A range in brackets is where the true value lies, given the known errors of the "
            "source. 1 kWh = 3,600,000 J.");
    }
    notes.emplace_back(
        "Unknown is never zero: where a figure is unknown, its reason stands beside "
        "it.");
    for (const LabelledText& line : report::meter_lines(run)) {
        notes.push_back(fmt::format("Meter, {}: {}", line.label, line.text));
    }
    return report::html_section("How these figures came about", report::html_list(notes));
}

/// What stands beside the machine's total, never in its place.
std::string beside_total_section(const RunRecord& run) {
    std::vector<LabelledText> lines = report::calibration_lines(run);
    for (const auto& more : {report::baseline_lines(run), report::attribution_lines(run)}) {
        lines.insert(lines.end(), more.begin(), more.end());
    }
    if (lines.empty()) {
        return "";
    }
    return report::html_section(
        "Beside the total", report::html_pairs("At the wall, net of rest, own processes", lines));
}

Status check_series(const std::vector<PowerSeries>& power) {
    for (const PowerSeries& series : power) {
        if (series.t_s.size() != series.power_w.size()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "power of {}: expected as many times as powers, found {} and {}",
                                  series.channel, series.t_s.size(), series.power_w.size());
        }
    }
    return {};
}

}  // namespace

Result<std::string> render_html_report(const RunRecord& run, const std::vector<PowerSeries>& power,
                                       const FigureOptions& options) {
    FINEWATT_TRY(check_series(power));
    const std::string subtitle =
        fmt::format("{}, {}. Started {}. Run {}.", run.kind, report::status_text(run),
                    run.started_at.to_iso8601(), run.run_id);
    std::string body = report::html_section("Key figures", key_figures(run));
    body += power_section(run, power, options);
    body += component_section(run);
    body += phase_section(run, options);
    std::vector<LabelledText> carbon = report::carbon_lines(run);
    body += report::html_section("Carbon", report::html_pairs("Carbon of the run", carbon));
    body += beside_total_section(run);
    body += report::html_section(
        "Work", report::html_pairs("Work done and energy for it", report::work_lines(run)));
    body += map_section("Settings", "Settings of the job", run.settings);
    body += map_section("Machine", "What the run was executed on", run.machine);
    body += map_section("Software", "Versions", run.software);
    if (!run.artifacts.empty()) {
        body += report::html_section(
            "Files", report::html_pairs("What the run left", report::artifact_lines(run)));
    }
    if (const std::vector<LabelledText> notes = report::note_lines(run); !notes.empty()) {
        body += report::html_section("Metering", report::html_pairs("What happened", notes));
    }
    body += notes_section(run);
    return report::html_page(title_of(run), subtitle, body);
}

Status write_html_report(const std::filesystem::path& path, const RunRecord& run,
                         const std::vector<PowerSeries>& power, const FigureOptions& options) {
    FINEWATT_ASSIGN(const std::string page, render_html_report(run, power, options));
    return write_file_atomically(path, page);
}

}  // namespace finewatt
