#include "finewatt/run_compare_view.h"

#include "finewatt/report/format.h"
#include "finewatt/report/table.h"
#include "finewatt/report/text.h"
#include "finewatt/stats/effect_size.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace finewatt::app {
namespace {

using Json = nlohmann::ordered_json;

// ---- Text.

/// What people call a metric.
std::string label_of(const std::string& metric) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kLabels{
        {{"energy_j", "energy"},
         {"duration_s", "time"},
         {"power_w_mean", "mean power"},
         {"co2_kg", "carbon"},
         {"j_per_1k_examples", "energy, 1,000 examples"},
         {"j_per_million_tokens_padded", "energy, 1M tokens"},
         {"tokens_per_s", "tokens/s"},
         {"flops_per_j", "operations/J"}}};
    for (const auto& label : kLabels) {
        if (label.first == metric) {
            return std::string(label.second);
        }
    }
    if (metric.starts_with("score:")) {
        return metric.substr(6);
    }
    return metric.starts_with("phase:") ? "phase " + metric.substr(6) : metric;
}

std::string in_unit(const std::string& unit, const Range& range) {
    const auto energy = [](const std::optional<double>& energy_j) {
        return energy_j ? std::optional(joules(*energy_j)) : std::nullopt;
    };
    if (unit == "J") {
        return format_energy(joules(range.best), energy(range.low), energy(range.high));
    }
    if (unit == "kg") {
        return format_co2_kg(range, "");
    }
    if (unit == "s" || unit == "W") {
        return format_with_range(range, unit);
    }
    if (unit == "1/J") {
        return format_si(range.best, "");
    }
    return format_with_range(range, "");
}

std::string side_text(const MetricComparison& line, const GroupFigure& figure) {
    if (!figure.mean) {
        return "unknown";
    }
    if (line.unit == "s") {
        return format_duration(*figure.mean);
    }
    if (line.unit == "J") {
        // As many digits as the spread of the repeats, or else the measurement, allows.
        const std::optional<double> sd = figure.sd;
        const auto low = sd ? std::optional(joules(*figure.mean - *sd)) : std::nullopt;
        const auto high = sd ? std::optional(joules(*figure.mean + *sd)) : std::nullopt;
        return format_energy_best(joules(*figure.mean), low, high);
    }
    return in_unit(line.unit, {*figure.mean, std::nullopt, std::nullopt});
}

std::string difference_text(const MetricComparison& line) {
    const ComparedFigure& figure = line.difference;
    return figure.best ? in_unit(line.unit, {*figure.best, figure.low, figure.high})
                       : std::string("unknown");
}

std::string ratio_text(const MetricComparison& line) {
    const ComparedFigure& figure = line.ratio;
    return figure.best ? format_with_range({*figure.best, figure.low, figure.high}, "")
                       : std::string("unknown");
}

void add_group(std::string& out, std::string_view side, const RunGroup& group) {
    out += fmt::format("{}  {}: {} run{}\n", side, safe_text(group.key), group.runs.size(),
                       group.runs.size() == 1 ? "" : "s");
    for (const RunRecord& run : group.runs) {
        out += fmt::format("   {}  {}\n", run.run_id, safe_text(run.name.value_or("-")));
    }
}

std::string p_text(double p) {
    return p < 0.001 ? "< 0.001" : fmt::format("{:.3f}", p);
}

void add_effects(std::string& out, const Comparison& comparison) {
    TextTable table({{"size of the effect", Align::kLeft, true},
                     {"Hedges' g", Align::kRight},
                     {"word"},
                     {"p (Welch)", Align::kRight},
                     {"p (ranks)", Align::kRight}});
    for (const MetricComparison& line : comparison.metrics) {
        if (line.effect) {
            table.add_row(
                {label_of(line.metric),
                 format_with_range({line.effect->best, line.effect->low, line.effect->high}, ""),
                 std::string(stats::effect_size_word(line.effect->best)),
                 line.p_value ? p_text(*line.p_value) : "unknown",
                 line.p_value_rank ? p_text(*line.p_value_rank) : "unknown"});
        }
    }
    if (!table.is_empty()) {
        out += "\n" + table.render({.max_width = 100, .indent = 2});
    }
}

void add_note(std::string& out, const std::string& note, std::size_t width) {
    for (const std::string& line : wrap_text(safe_text(note), width > 4 ? width - 4 : 1)) {
        out += "    " + line + "\n";
    }
}

// ---- JSON.

Json number(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json figure_json(const GroupFigure& figure) {
    Json json;
    json["n"] = figure.values.size();
    json["mean"] = number(figure.mean);
    json["sd"] = number(figure.sd);
    json["measurement_low"] = number(figure.low);
    json["measurement_high"] = number(figure.high);
    json["values"] = figure.values;
    json["reason"] = text_or_null(figure.reason);
    return json;
}

Json figure_json(const ComparedFigure& figure) {
    Json json;
    json["best"] = number(figure.best);
    json["low"] = number(figure.low);
    json["high"] = number(figure.high);
    json["reason"] = text_or_null(figure.reason);
    return json;
}

Json group_json(const RunGroup& group) {
    Json json;
    json["key"] = group.key;
    json["runs"] = Json::array();
    for (const RunRecord& run : group.runs) {
        Json one;
        one["run_id"] = run.run_id;
        one["name"] = run.name ? Json(*run.name) : Json(nullptr);
        one["status"] = run.status;
        json["runs"].push_back(std::move(one));
    }
    return json;
}

Json method_json(CompareMethod method) {
    switch (method) {
        case CompareMethod::kNone:
            return nullptr;
        case CompareMethod::kRepeats:
            return "repeats";
        case CompareMethod::kMeasurement:
            return "measurement";
    }
    return nullptr;
}

Json line_json(const MetricComparison& line) {
    Json json;
    json["metric"] = line.metric;
    json["unit"] = line.unit;
    json["a"] = figure_json(line.a);
    json["b"] = figure_json(line.b);
    json["method"] = method_json(line.method);
    json["difference"] = figure_json(line.difference);
    json["ratio"] = figure_json(line.ratio);
    if (line.effect) {
        Json effect;
        effect["name"] = "hedges_g";
        effect["best"] = line.effect->best;
        effect["low"] = line.effect->low;
        effect["high"] = line.effect->high;
        effect["word"] = stats::effect_size_word(line.effect->best);
        json["effect_size"] = std::move(effect);
    } else {
        json["effect_size"] = nullptr;
    }
    json["p_value_welch"] = number(line.p_value);
    json["p_value_mann_whitney"] = number(line.p_value_rank);
    return json;
}

}  // namespace

std::string comparison_text(const Comparison& comparison, std::size_t width) {
    std::string out;
    add_group(out, "A", comparison.a);
    add_group(out, "B", comparison.b);
    TextTable table({{"", Align::kLeft, true},
                     {"A", Align::kRight},
                     {"B", Align::kRight},
                     {"B - A", Align::kRight},
                     {"B / A", Align::kRight}});
    std::vector<std::string> reasons;
    for (const MetricComparison& line : comparison.metrics) {
        table.add_row({label_of(line.metric), side_text(line, line.a), side_text(line, line.b),
                       difference_text(line), ratio_text(line)});
        if (!line.difference.reason.empty()) {
            reasons.push_back(label_of(line.metric) + ": " + line.difference.reason);
        } else if (!line.ratio.reason.empty()) {
            reasons.push_back(label_of(line.metric) + ", ratio: " + line.ratio.reason);
        }
    }
    out += "\n" + table.render({.max_width = width, .indent = 2});
    for (const std::string& reason : reasons) {
        add_note(out, reason, width);
    }
    add_effects(out, comparison);
    out += comparison.notes.empty() ? "" : "\n";
    for (const std::string& note : comparison.notes) {
        add_note(out, note, width);
    }
    return out;
}

std::string comparison_json(const Comparison& comparison) {
    Json json;
    json["a"] = group_json(comparison.a);
    json["b"] = group_json(comparison.b);
    json["confidence"] = comparison.confidence;
    json["metrics"] = Json::array();
    for (const MetricComparison& line : comparison.metrics) {
        json["metrics"].push_back(line_json(line));
    }
    json["notes"] = comparison.notes;
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace finewatt::app
