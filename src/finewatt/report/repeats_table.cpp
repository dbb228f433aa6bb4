#include "finewatt/report/figures_internal.h"
#include "finewatt/report/format.h"
#include "finewatt/report/run_tables_internal.h"
#include "finewatt/report/run_view_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace finewatt::report {
namespace {

/// Settings in which repeats of one job may differ: the seed, and where files go.
constexpr std::array<std::string_view, 6> kFreeSettings{"seed",        "out",    "log",
                                                        "predictions", "resume", "spec"};

struct Spread {
    std::size_t count = 0;
    double mean = 0;
    double deviation = 0;  ///< of the sample, n - 1; 0 for one value
    double least = 0;
    double largest = 0;
};

/// Nothing when there are no values.
std::optional<Spread> spread_of(const std::vector<double>& values) {
    if (values.empty()) {
        return std::nullopt;
    }
    Spread spread{values.size(), 0, 0, values[0], values[0]};
    for (const double value : values) {
        spread.mean += value / static_cast<double>(values.size());
        spread.least = std::min(spread.least, value);
        spread.largest = std::max(spread.largest, value);
    }
    double squares = 0;
    for (const double value : values) {
        squares += (value - spread.mean) * (value - spread.mean);
    }
    if (values.size() > 1) {
        spread.deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
    }
    return spread;
}

bool is_repeatable(const RunRecord& run) {
    return run.status == "complete" && is_known(run.energy.energy);
}

/// A text that repeats of one job share. Lengths stand before the texts, so that no name can look
/// like the end of another.
std::string repeat_key(const RunRecord& run) {
    std::vector<std::string> parts{run.kind, run.name.value_or("")};
    std::set<std::string> domains(run.energy.domains.begin(), run.energy.domains.end());
    parts.insert(parts.end(), domains.begin(), domains.end());
    for (const auto& [name, value] : run.machine) {
        const bool is_gpu = name.starts_with("gpu_") && name.ends_with("_name");
        if (is_gpu || name == "cpu_model") {
            parts.push_back(setting_text(value));
        }
    }
    for (const auto& [name, value] : run.settings) {
        if (std::find(kFreeSettings.begin(), kFreeSettings.end(), name) == kFreeSettings.end()) {
            parts.push_back(name);
            parts.push_back(setting_text(value));
        }
    }
    std::string key;
    for (const std::string& part : parts) {
        key += fmt::format("{}:{}", part.size(), part);
    }
    return key;
}

using Group = std::vector<const RunRecord*>;

/// Groups of two runs or more, by their first run.
std::vector<Group> repeat_groups(std::span<const RunRecord> runs) {
    std::map<std::string, std::size_t> places;
    std::vector<Group> groups;
    for (const RunRecord& run : runs) {
        if (is_repeatable(run)) {
            const auto [place, is_new] = places.try_emplace(repeat_key(run), groups.size());
            if (is_new) {
                groups.emplace_back();
            }
            groups[place->second].push_back(&run);
        }
    }
    groups.erase(std::remove_if(groups.begin(), groups.end(),
                                [](const Group& group) { return group.size() < 2; }),
                 groups.end());
    return groups;
}

/// The known values of one figure over a group.
std::vector<double> values_of(const Group& group,
                              std::optional<double> (*figure)(const RunRecord&)) {
    std::vector<double> values;
    for (const RunRecord* run : group) {
        const std::optional<double> value = figure(*run);
        if (value && std::isfinite(*value)) {
            values.push_back(*value);
        }
    }
    return values;
}

/// A figure that is summarised: its keys, and how "mean ± deviation" reads.
struct Figure {
    std::string key;
    std::string unit;
    std::string title;
    std::optional<double> (*value)(const RunRecord&);
    std::string (*text)(double mean, double deviation);
};

/// "5.814 ± 0.090 kJ": two digits of the deviation, and the mean with the same decimals.
std::string spread_text(double mean, double deviation, double unit_size, std::string_view unit) {
    const double shown_mean = mean / unit_size;
    const double shown_deviation = deviation / unit_size;
    const std::string end = unit.empty() ? "" : fmt::format(" {}", unit);
    if (!(shown_deviation > 0)) {
        return fmt::format("{} ± 0{}", format_number(shown_mean), end);
    }
    const int decimals =
        std::clamp(1 - static_cast<int>(std::floor(std::log10(shown_deviation))), 0, 9);
    return fmt::format("{:.{}f} ± {:.{}f}{}", shown_mean, decimals, shown_deviation, decimals, end);
}

std::string energy_spread_text(double mean, double deviation) {
    const ScaledEnergy unit = energy_scale(mean);
    return spread_text(mean, deviation, unit.size_j, unit.name);
}

std::string time_spread_text(double mean, double deviation) {
    return mean < 180 ? spread_text(mean, deviation, 1, "s")
                      : spread_text(mean, deviation, mean < 3 * 3600 ? 60 : 3600,
                                    mean < 3 * 3600 ? "min" : "h");
}

std::string number_spread_text(double mean, double deviation) {
    return spread_text(mean, deviation, 1, "");
}

std::string carbon_spread_text(double mean_kg, double deviation_kg) {
    return mean_kg < 1 ? spread_text(mean_kg, deviation_kg, 1e-3, "g")
                       : spread_text(mean_kg, deviation_kg, 1, "kg");
}

const std::vector<Figure>& figures() {
    static const std::vector<Figure> kFigures{
        {"energy", "j", "Energy",
         [](const RunRecord& run) -> std::optional<double> {
             return run.energy.energy->as_joules();
         },
         energy_spread_text},
        {"duration", "s", "Time", [](const RunRecord& run) { return run.duration_s; },
         time_spread_text},
        {"co2", "kg", "Carbon",
         [](const RunRecord& run) {
             return run.carbon ? run.carbon->co2_kg : std::optional<double>();
         },
         carbon_spread_text},
        {"per_1k_examples", "j", "Per 1,000 examples",
         [](const RunRecord& run) { return run.derived.j_per_1k_examples; }, energy_spread_text},
        {"tokens_per_s", "", "Tokens/s",
         [](const RunRecord& run) { return run.derived.tokens_per_s; }, number_spread_text}};
    return kFigures;
}

void add_spread_cells(std::vector<ReportCell>& row, const std::vector<double>& values,
                      std::string (*text)(double, double)) {
    const std::optional<Spread> spread = spread_of(values);
    if (!spread) {
        row.insert(row.end(), {{"unknown", {}}, {}, {}, {}, {}});
        return;
    }
    const bool has_spread = spread->count > 1;
    row.push_back({text(spread->mean, spread->deviation), spread->mean});
    row.push_back(plain_number(has_spread ? std::optional(spread->deviation) : std::nullopt));
    row.push_back(plain_number(spread->least));
    row.push_back(plain_number(spread->largest));
    row.push_back(plain_number(static_cast<double>(spread->count)));
}

void add_spread_columns(std::vector<ReportColumn>& columns, const std::string& figure,
                        const std::string& unit, const std::string& title) {
    const std::string stem = unit.empty() ? figure : figure + "_" + unit;
    columns.push_back({stem + "_mean", title, true});
    for (const char* suffix : {"_sd", "_min", "_max"}) {
        columns.push_back({stem + suffix, "", true, ColumnFor::kPrograms});
    }
    columns.push_back({figure + "_count", "", true, ColumnFor::kPrograms});
}

std::set<std::string> scores_of(const std::vector<Group>& groups) {
    std::set<std::string> names;
    for (const Group& group : groups) {
        for (const RunRecord* run : group) {
            for (const auto& score : run->scores) {
                names.insert(score.first);
            }
        }
    }
    return names;
}

std::vector<double> score_values(const Group& group, const std::string& name) {
    std::vector<double> values;
    for (const RunRecord* run : group) {
        const auto score = run->scores.find(name);
        if (score != run->scores.end() && std::isfinite(score->second)) {
            values.push_back(score->second);
        }
    }
    return values;
}

std::string ids_of(const Group& group) {
    std::string ids;
    for (const RunRecord* run : group) {
        ids += (ids.empty() ? "" : " ") + run->run_id;
    }
    return ids;
}

}  // namespace

ReportTable repeats_table(std::span<const RunRecord> runs, const std::vector<std::string>& labels) {
    const std::vector<Group> groups = repeat_groups(runs);
    std::vector<ReportColumn> columns{{"label", "Repeats of", false, ColumnFor::kPeople},
                                      {"name", "", false, ColumnFor::kPrograms},
                                      {"kind", "Kind"},
                                      {"runs", "Runs", true},
                                      {"run_ids", "", false, ColumnFor::kPrograms}};
    for (const Figure& figure : figures()) {
        add_spread_columns(columns, figure.key, figure.unit, figure.title);
    }
    const std::set<std::string> scores = scores_of(groups);
    for (const std::string& score : scores) {
        std::string title = score;
        std::replace(title.begin(), title.end(), '_', ' ');
        add_spread_columns(columns, "score_" + score, "", title);
    }
    ReportTable table{"repeats", "Repeats", columns, {}, {}};
    for (const Group& group : groups) {
        const RunRecord& first = *group.front();
        const auto place = static_cast<std::size_t>(&first - runs.data());
        const auto count = static_cast<double>(group.size());
        std::vector<ReportCell> row{text_cell(first.name ? *first.name : labels[place]),
                                    text_cell(first.name), text_cell(first.kind),
                                    number_cell(count, format_count(count)),
                                    text_cell(ids_of(group))};
        for (const Figure& figure : figures()) {
            add_spread_cells(row, values_of(group, figure.value), figure.text);
        }
        for (const std::string& score : scores) {
            add_spread_cells(row, score_values(group, score), number_spread_text);
        }
        table.rows.push_back(std::move(row));
    }
    table.notes = {
        "Mean and sample standard deviation over complete runs with the same kind, name, "
        "processor, counted domains and settings; seed and places of files may differ."};
    return table;
}

}  // namespace finewatt::report
