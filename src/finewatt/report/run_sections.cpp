#include "finewatt/report/html_internal.h"
#include "finewatt/report/run_sections_internal.h"
#include "finewatt/report/run_view_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace finewatt::report {
namespace {

/// The range of a figure goes to a line of its own.
std::string range_below(std::string text) {
    const std::size_t at = text.find(" (");
    return at == text.npos || text.starts_with("unknown") ? text : text.replace(at, 1, "\n");
}

std::string component_section(const RunRecord& run, SectionMaker section) {
    const auto views = component_views(run.energy);
    if (views.empty()) {
        return section("Energy by component", html_paragraph("No component was read."));
    }
    HtmlTable table{"Energy of each component and where the figure comes from",
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
    return section("Energy by component", html_table(table) + html_list(remarks));
}

std::string phase_table(const RunRecord& run) {
    HtmlTable table{"Time and energy of each phase",
                    {{"Phase"},
                     {"Begin", true},
                     {"Time", true},
                     {"Energy", true},
                     {"Range", true},
                     {"Mean power", true},
                     {"How"}},
                    {}};
    std::vector<std::string> remarks;
    for (const auto& view : phase_views(run)) {
        if (!view.remark.empty()) {
            remarks.push_back(fmt::format("{}: {}", view.name, view.remark));
        }
        table.rows.push_back({view.name, view.begin, view.duration, view.energy, view.range,
                              view.power_mean, view.provenance});
    }
    return html_table(table) + html_list(remarks);
}

std::string phase_section(const RunRecord& run, SectionMaker section) {
    return section("Phases", run.phases.empty() ? html_paragraph("The command reported no phases.")
                                                : phase_table(run));
}

std::string map_section(std::string_view title, std::string_view caption, const SettingMap& values,
                        SectionMaker section) {
    if (values.empty()) {
        return "";
    }
    std::vector<LabelledText> lines;
    for (const auto& [name, value] : values) {
        lines.push_back({name, setting_text(value)});
    }
    return section(title, html_pairs(caption, lines));
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
std::string notes_section(const RunRecord& run, SectionMaker section) {
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
    if (is_known(run.energy.energy)) {
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
    for (const LabelledText& line : meter_lines(run)) {
        notes.push_back(fmt::format("Meter, {}: {}", line.label, line.text));
    }
    return section("How these figures came about", html_list(notes));
}

/// What stands beside the machine's total, never in its place.
std::string beside_total_section(const RunRecord& run, SectionMaker section) {
    std::vector<LabelledText> lines = calibration_lines(run);
    for (const auto& more : {baseline_lines(run), attribution_lines(run)}) {
        lines.insert(lines.end(), more.begin(), more.end());
    }
    if (lines.empty()) {
        return "";
    }
    return section("Beside the total",
                   html_pairs("At the wall, net of rest, own processes", lines));
}

}  // namespace

std::string run_subtitle(const RunRecord& run) {
    return fmt::format("{}, {}. Started {}. Run {}.", run.kind, status_text(run),
                       run.started_at.to_iso8601(), run.run_id);
}

std::string key_figures_html(const RunRecord& run) {
    std::vector<LabelledText> figures = score_lines(run);
    for (LabelledText& score : figures) {
        std::replace(score.label.begin(), score.label.end(), '_', ' ');
    }
    const EnergySummary& energy = run.energy;
    std::string shown_energy = energy_text(energy);
    if (is_known(energy.energy)) {
        shown_energy = fmt::format("{}\n{}\n{}", range_below(shown_energy), kwh_text(energy),
                                   energy_origin_text(energy));
    }
    figures.push_back({"Energy", shown_energy});
    figures.push_back({"Carbon", range_below(carbon_text(run))});
    figures.push_back({"Energy per 1,000 examples", energy_per_1k_examples_text(run)});
    figures.push_back({"Wall time", wall_time_text(run)});
    return html_key_figures(figures);
}

std::string run_sections(const RunRecord& run, SectionMaker section) {
    std::string html = component_section(run, section);
    html += phase_section(run, section);
    html += section("Carbon", html_pairs("Carbon of the run", carbon_lines(run)));
    html += beside_total_section(run, section);
    html += section("Work", html_pairs("Work done and energy for it", work_lines(run)));
    html += map_section("Settings", "Settings of the job", run.settings, section);
    html += map_section("Machine", "What the run was executed on", run.machine, section);
    html += map_section("Software", "Versions", run.software, section);
    if (!run.artifacts.empty()) {
        html += section("Files", html_pairs("What the run left", artifact_lines(run)));
    }
    if (const std::vector<LabelledText> notes = note_lines(run); !notes.empty()) {
        html += section("Metering", html_pairs("What happened", notes));
    }
    return html + notes_section(run, section);
}

}  // namespace finewatt::report
