#include "finewatt/report/run_view_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace finewatt::report {
namespace {

constexpr std::string_view kUnknown = "unknown";
/// Below this share the coverage is shown beside the figure.
constexpr double kFullCoverage = 0.99;

bool is_finite(const std::optional<double>& value) {
    return value && std::isfinite(*value);
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    std::string out;
    for (const std::string& part : parts) {
        if (!part.empty()) {
            out += out.empty() ? part : std::string(separator) + part;
        }
    }
    return out;
}

std::string power_text(const std::optional<Watts>& power, const Range& like) {
    return power && std::isfinite(power->as_watts()) ? format_power(*power, like)
                                                     : std::string(kUnknown);
}

std::string coverage_text(const std::optional<double>& coverage) {
    return is_finite(coverage) ? format_share(*coverage) : std::string();
}

std::vector<std::string> component_remarks(const ComponentEnergy& component) {
    std::vector<std::string> remarks;
    const std::string reason = component.reason.value_or("");
    if (!is_known(component.energy)) {
        remarks.push_back(format_unknown(component.reason));
        if (component.energy_low) {
            remarks.push_back("at least " + format_energy(*component.energy_low));
        }
    } else if (!component.counted) {
        remarks.push_back("not in the total: " +
                          (reason.empty() ? "no reason was recorded" : reason));
    } else if (!reason.empty()) {
        remarks.push_back(reason);
    }
    if (is_finite(component.coverage) && *component.coverage < kFullCoverage) {
        remarks.push_back(fmt::format("seen {} of the time", format_share(*component.coverage)));
    }
    remarks.insert(remarks.end(), component.notes.begin(), component.notes.end());
    return remarks;
}

void add_count(std::vector<LabelledText>& lines, std::string label,
               const std::optional<double>& count) {
    if (count) {
        lines.push_back({std::move(label), format_count(*count)});
    }
}

void add_token_lines(std::vector<LabelledText>& lines, const WorkTotals& work) {
    add_count(lines, "real tokens", work.tokens_real);
    if (work.tokens_padded) {
        std::string text = format_count(*work.tokens_padded);
        if (is_finite(work.tokens_real) && *work.tokens_padded > 0) {
            const double padding = 1 - *work.tokens_real / *work.tokens_padded;
            text += fmt::format(" ({} padding)", format_share(padding));
        }
        lines.push_back({"tokens computed", text});
    }
    if (work.tokens_padded_would_be) {
        std::string text = format_count(*work.tokens_padded_would_be);
        if (is_finite(work.tokens_padded) && *work.tokens_padded_would_be > 0) {
            const double saved = 1 - *work.tokens_padded / *work.tokens_padded_would_be;
            text += fmt::format(" ({} of them {})", format_share(std::abs(saved)),
                                saved >= 0 ? "saved" : "added");
        }
        lines.push_back({"if padded", text});
    }
}

std::string_view artifact_label(std::string_view path) {
    const std::size_t dot = path.rfind('.');
    const std::string_view extension = dot == path.npos ? "" : path.substr(dot);
    if (extension == ".html") {
        return "report";
    }
    if (extension == ".json") {
        return "record";
    }
    if (extension == ".safetensors") {
        return "model";
    }
    if (extension == ".jsonl" || extension == ".trace") {
        return "trace";
    }
    return "output";
}

}  // namespace

bool is_known(const std::optional<Joules>& energy) {
    return energy && std::isfinite(energy->as_joules());
}

Range joules_range(const EnergySummary& energy) {
    Range range{energy.energy->as_joules(), std::nullopt, std::nullopt};
    if (energy.energy_low && energy.energy_high) {
        range.low = energy.energy_low->as_joules();
        range.high = energy.energy_high->as_joules();
    }
    return range;
}

std::string energy_text(const EnergySummary& energy) {
    if (is_known(energy.energy)) {
        return format_energy(*energy.energy, energy.energy_low, energy.energy_high);
    }
    std::string text = format_unknown(energy.reason);
    if (is_known(energy.energy_low)) {
        text += fmt::format(" (at least {})", format_energy(*energy.energy_low));
    }
    return text;
}

std::string kwh_text(const EnergySummary& energy) {
    return is_known(energy.energy)
               ? format_kwh(*energy.energy, energy.energy_low, energy.energy_high)
               : std::string(kUnknown);
}

std::string energy_origin_text(const EnergySummary& energy) {
    std::string text = join({energy.provenance, join(energy.domains, ", ")}, "; ");
    if (is_finite(energy.coverage) && *energy.coverage < kFullCoverage) {
        text += fmt::format("; seen {} of the time", format_share(*energy.coverage));
    }
    return text;
}

std::string carbon_text(const RunRecord& run) {
    if (!run.carbon) {
        return format_unknown(run.carbon_reason);
    }
    const CarbonSummary& carbon = *run.carbon;
    if (!is_finite(carbon.co2_kg)) {
        return format_unknown(carbon.reason);
    }
    const std::string gas = carbon.basis == "co2e" ? "CO2e" : "CO2";
    return format_co2_kg({*carbon.co2_kg, carbon.co2_kg_low, carbon.co2_kg_high}, gas);
}

std::string energy_per_1k_examples_text(const RunRecord& run) {
    const std::optional<double> figure = run.derived.j_per_1k_examples;
    if (!is_finite(figure)) {
        const bool has_work = run.work && is_finite(run.work->examples);
        return has_work ? format_unknown(run.energy.reason)
                        : "unknown: no number of examples was reported";
    }
    std::optional<Joules> low;
    std::optional<Joules> high;
    if (is_known(run.energy.energy) && run.energy.energy->as_joules() > 0) {
        const Range range = joules_range(run.energy);
        if (range.low && range.high) {
            low = joules(*figure * *range.low / range.best);
            high = joules(*figure * *range.high / range.best);
        }
    }
    return format_energy_best(joules(*figure), low, high);
}

std::string wall_time_text(const RunRecord& run) {
    return run.duration_s ? format_duration(*run.duration_s)
                          : "unknown: the end of the run was not recorded";
}

std::string status_text(const RunRecord& run) {
    std::string text = run.status;
    if (run.exit_status && *run.exit_status != 0) {
        text += fmt::format(" (exit status {})", *run.exit_status);
    }
    if (run.status_reason && !run.status_reason->empty()) {
        text += ": " + *run.status_reason;
    }
    return text;
}

std::vector<LabelledText> score_lines(const RunRecord& run) {
    std::vector<LabelledText> lines;
    for (const auto& [name, value] : run.scores) {
        lines.push_back(
            {name, std::isfinite(value) ? fmt::format("{:.4f}", value) : "unknown: not a number"});
    }
    return lines;
}

std::vector<LabelledText> carbon_lines(const RunRecord& run) {
    std::vector<LabelledText> lines{{"emissions", carbon_text(run)}};
    if (!run.carbon) {
        return lines;
    }
    const CarbonSummary& carbon = *run.carbon;
    std::vector<std::string> grid;
    if (carbon.zone) {
        grid.push_back(*carbon.zone);
    }
    if (carbon.intensity && std::isfinite(carbon.intensity->as_grams_per_kwh())) {
        grid.push_back(format_number(carbon.intensity->as_grams_per_kwh()) + " g/kWh");
    }
    grid.push_back(carbon.edition.value_or(""));
    grid.push_back(carbon.source.value_or(""));
    if (const std::string text = join(grid, ", "); !text.empty()) {
        lines.push_back({"grid", text});
    }
    if (is_finite(carbon.co2_kg)) {
        lines.push_back({"PUE applied", format_number(carbon.pue, 3)});
    }
    if (is_known(carbon.facility_energy) && carbon.pue != 1) {
        lines.push_back(
            {"facility", format_energy(*carbon.facility_energy, carbon.facility_energy_low,
                                       carbon.facility_energy_high)});
    }
    const std::vector<LabelledText> beyond = beyond_lines(carbon);
    lines.insert(lines.end(), beyond.begin(), beyond.end());
    return lines;
}

std::vector<LabelledText> note_lines(const RunRecord& run) {
    std::vector<LabelledText> lines;
    for (const std::string& note : run.notes) {
        lines.push_back({"note", note});
    }
    return lines;
}

std::string setting_text(const SettingValue& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
        return *text;
    }
    if (const auto* whole = std::get_if<std::int64_t>(&value)) {
        return fmt::format("{}", *whole);
    }
    if (const auto* number = std::get_if<double>(&value)) {
        return fmt::format("{}", *number);
    }
    if (const auto* flag = std::get_if<bool>(&value)) {
        return *flag ? "yes" : "no";
    }
    return "unknown";
}

std::vector<LabelledText> work_lines(const RunRecord& run) {
    std::vector<LabelledText> lines;
    if (run.work) {
        const WorkTotals& work = *run.work;
        add_count(lines, "examples", work.examples);
        add_count(lines, "steps", work.steps);
        if (work.epochs) {
            const bool is_whole = *work.epochs == std::floor(*work.epochs);
            lines.push_back(
                {"epochs", is_whole ? format_count(*work.epochs) : format_number(*work.epochs, 3)});
        }
        add_token_lines(lines, work);
        if (work.flops_model) {
            lines.push_back({"model operations", format_si(*work.flops_model, "FLOP")});
        }
    } else {
        lines.push_back({"work", "unknown: the command reported none"});
    }
    lines.push_back({"per 1,000 examples", energy_per_1k_examples_text(run)});
    if (run.derived.tokens_per_s) {
        lines.push_back({"speed", format_number(*run.derived.tokens_per_s) + " tokens/s"});
    } else if (run.work) {
        lines.push_back({"speed", "unknown: no tokens were reported"});
    }
    if (run.derived.flops_per_j) {
        lines.push_back({"per joule", format_si(*run.derived.flops_per_j, "FLOP")});
    }
    return lines;
}

std::vector<LabelledText> meter_lines(const RunRecord& run) {
    std::vector<LabelledText> lines;
    for (const auto& [name, value] : run.meter) {
        if (name == "seed") {
            continue;  // for repeating a run, not for reading
        }
        std::string label = name;
        std::replace(label.begin(), label.end(), '_', ' ');
        const bool is_whole = std::isfinite(value) && value == std::floor(value);
        lines.push_back({label, is_whole ? format_count(value) : format_number(value, 3)});
    }
    return lines;
}

std::vector<LabelledText> artifact_lines(const RunRecord& run) {
    std::vector<LabelledText> lines;
    for (const std::string& path : run.artifacts) {
        lines.push_back({std::string(artifact_label(path)), path});
    }
    return lines;
}

std::vector<LabelledText> calibration_lines(const RunRecord& run) {
    if (!run.calibration) {
        return run.calibration_reason && !run.calibration_reason->empty()
                   ? std::vector<LabelledText>{{"at the wall",
                                                format_unknown(run.calibration_reason)}}
                   : std::vector<LabelledText>{};
    }
    const CalibrationUse& use = *run.calibration;
    std::string text = fmt::format(
        "{} x the total, by calibration {}",
        format_with_range({use.coefficient, use.coefficient_low, use.coefficient_high}, ""),
        use.id);
    if (!use.kind.empty()) {
        text += fmt::format(" for {} load", use.kind);
    }
    if (is_known(use.energy_adjusted)) {
        text = fmt::format(
            "{}; {}",
            format_energy(*use.energy_adjusted, use.energy_adjusted_low, use.energy_adjusted_high),
            text);
    }
    return {{"at the wall", text}};
}

std::vector<LabelledText> baseline_lines(const RunRecord& run) {
    if (!run.baseline) {
        return {};
    }
    const BaselineUse& use = *run.baseline;
    std::vector<LabelledText> lines;
    if (is_known(use.energy_idle)) {
        std::string text =
            format_energy(*use.energy_idle, use.energy_idle_low, use.energy_idle_high);
        if (use.power) {
            text += fmt::format("; {} W by baseline {}", format_number(use.power->as_watts(), 3),
                                use.id);
        }
        lines.push_back({"at rest", text});
    }
    std::string net = is_known(use.energy_net)
                          ? format_energy(*use.energy_net, use.energy_net_low, use.energy_net_high)
                          : format_unknown(use.reason);
    if (is_known(use.energy_net) && use.reason) {
        net += "; " + *use.reason;
    }
    lines.push_back({"net of rest", net});
    return lines;
}

std::vector<LabelledText> attribution_lines(const RunRecord& run) {
    if (!run.attribution) {
        return {};
    }
    const Attribution& part = *run.attribution;
    std::vector<std::string> shares;
    if (part.cpu_share) {
        shares.push_back(format_share(*part.cpu_share) + " of the busy CPU time");
    }
    if (part.gpu_share) {
        shares.push_back(format_share(*part.gpu_share) + " of the busy GPU time");
    }
    std::string text = is_known(part.energy)
                           ? format_energy(*part.energy, part.energy_low, part.energy_high)
                           : format_unknown(part.reason);
    if (!shares.empty()) {
        text += "; " + join(shares, ", ");
    }
    if (is_known(part.energy) && part.reason) {
        text += "; " + *part.reason;
    }
    return {{"own processes", text}};
}

std::vector<ComponentView> component_views(const EnergySummary& energy) {
    std::vector<ComponentView> views;
    for (const ComponentEnergy& component : energy.components) {
        ComponentView view;
        view.component = component.component;
        view.device = component.device;
        view.source = component.source;
        view.provenance = component.provenance;
        view.coverage = coverage_text(component.coverage);
        view.is_counted = component.counted;
        view.remarks = component_remarks(component);
        view.energy = kUnknown;
        view.range = kUnknown;
        Range like;
        if (is_known(component.energy)) {
            view.energy =
                format_energy_best(*component.energy, component.energy_low, component.energy_high);
            view.range =
                format_energy_range(*component.energy, component.energy_low, component.energy_high);
            like.best = component.energy->as_joules();
            if (component.energy_low && component.energy_high) {
                like.low = component.energy_low->as_joules();
                like.high = component.energy_high->as_joules();
            }
        }
        view.power_mean = power_text(component.power_mean, like);
        view.power_max = power_text(component.power_max, like);
        views.push_back(std::move(view));
    }
    return views;
}

std::vector<PhaseView> phase_views(const RunRecord& run) {
    std::vector<PhaseView> views;
    for (const PhaseRecord& phase : run.phases) {
        PhaseView view;
        const EnergySummary& energy = phase.energy;
        view.name = phase.name;
        view.begin = format_duration(phase.t_begin_s);
        view.duration = format_duration(phase.duration_s);
        view.provenance = energy.provenance;
        view.energy = kUnknown;
        view.range = kUnknown;
        view.power_mean = kUnknown;
        std::vector<std::string> remarks;
        if (is_known(energy.energy)) {
            view.energy = format_energy_best(*energy.energy, energy.energy_low, energy.energy_high);
            view.range = format_energy_range(*energy.energy, energy.energy_low, energy.energy_high);
            if (phase.duration_s > 0) {
                view.power_mean = format_power(watts(energy.energy->as_joules() / phase.duration_s),
                                               joules_range(energy));
            }
        } else {
            remarks.push_back(energy_text(energy));
        }
        remarks.push_back(phase.note.value_or(""));
        view.remark = join(remarks, "; ");
        views.push_back(std::move(view));
    }
    return views;
}

}  // namespace finewatt::report
