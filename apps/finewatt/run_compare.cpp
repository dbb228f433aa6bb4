#include "finewatt/run_compare.h"

#include "finewatt/stats/effect_size.h"
#include "finewatt/stats/rank.h"
#include "finewatt/stats/summary.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>

namespace finewatt::app {
namespace {

/// The domains of a total, each with where its figures come from.
using TotalParts = std::map<std::string, std::set<std::string>>;

/// Read from a sensor, whether it counts energy or power, or not.
std::string provenance_class(const std::string& provenance) {
    return provenance == "derived" ? "measured" : provenance;
}

TotalParts parts_of(const RunRecord& run) {
    TotalParts parts;
    for (const std::string& domain : run.energy.domains) {
        parts[domain];
    }
    for (const ComponentEnergy& component : run.energy.components) {
        const auto found = parts.find(component.domain);
        if (component.counted && found != parts.end() && !component.provenance.empty()) {
            found->second.insert(provenance_class(component.provenance));
        }
    }
    // Records of other tools have no components: their total's word stands for every domain.
    for (auto& part : parts) {
        if (part.second.empty() && !run.energy.provenance.empty()) {
            part.second.insert(provenance_class(run.energy.provenance));
        }
    }
    return parts;
}

std::string list_of(const std::set<std::string>& words) {
    return words.empty() ? std::string("none") : fmt::format("{}", fmt::join(words, " + "));
}

std::set<std::string> domains_of(const TotalParts& parts) {
    std::set<std::string> domains;
    for (const auto& part : parts) {
        domains.insert(part.first);
    }
    return domains;
}

/// A run with a known total, and what is in it.
struct NamedParts {
    std::string run;
    TotalParts parts;
};

/// The runs of both sides whose totals are known; the others have nothing to compare.
std::vector<NamedParts> all_parts(const RunGroup& a, const RunGroup& b) {
    std::vector<NamedParts> all;
    for (const RunGroup* group : {&a, &b}) {
        for (const RunRecord& run : group->runs) {
            if (run.energy.energy) {
                all.push_back({run.run_id, parts_of(run)});
            }
        }
    }
    return all;
}

/// Return how the domains of some run differ from those of the first; empty when all are alike.
std::string domain_difference(const std::vector<NamedParts>& all) {
    for (const NamedParts& one : all) {
        const auto first = domains_of(all.front().parts);
        const auto other = domains_of(one.parts);
        if (first != other) {
            return fmt::format("the total of run {} contains {}, that of run {} {}",
                               all.front().run, list_of(first), one.run, list_of(other));
        }
    }
    return {};
}

/// The same for where the figures of a domain come from, over domains that both have.
std::string provenance_difference(const std::vector<NamedParts>& all) {
    for (const NamedParts& one : all) {
        for (const auto& part : one.parts) {
            const auto first = all.front().parts.find(part.first);
            if (first != all.front().parts.end() && first->second != part.second) {
                return fmt::format("{} of run {} is {}, that of run {} is {}", part.first,
                                   all.front().run, list_of(first->second), one.run,
                                   list_of(part.second));
            }
        }
    }
    return {};
}

Status check_totals(const RunGroup& a, const RunGroup& b, const CompareOptions& options,
                    std::vector<std::string>& notes) {
    const std::vector<NamedParts> all = all_parts(a, b);
    const std::string domains = domain_difference(all);
    if (!domains.empty() && !options.across_domains) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "compare: expected totals of the same domains, found others: {}; "
                              "compare what does not rest on energy (--metric duration_s), or "
                              "accept it with --across-domains",
                              domains);
    }
    if (!domains.empty()) {
        notes.push_back("Totals of different domains (--across-domains): " + domains + ".");
    }
    const std::string provenance = provenance_difference(all);
    if (!provenance.empty() && !options.across_provenance) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "compare: expected energy of one provenance, found several: {}; "
                              "compare what does not rest on energy (--metric duration_s), or "
                              "accept it with --across-provenance",
                              provenance);
    }
    if (!provenance.empty()) {
        notes.push_back("Energy of different provenance (--across-provenance): " + provenance +
                        ".");
    }
    return {};
}

/// CO2 and CO2e are never compared. Differing zones are, but not in silence.
Status check_carbon(const RunGroup& a, const RunGroup& b, std::vector<std::string>& notes) {
    std::set<std::string> gases;
    std::set<std::string> zones;
    for (const RunGroup* group : {&a, &b}) {
        for (const RunRecord& run : group->runs) {
            if (run.carbon && run.carbon->co2_kg) {
                gases.insert(run.carbon->basis.value_or("an intensity given as is"));
                zones.insert(fmt::format("{} {}", run.carbon->zone.value_or("unnamed zone"),
                                         run.carbon->edition.value_or("")));
            }
        }
    }
    if (gases.size() > 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "compare: expected emissions that count the same gases, found {}; "
                              "leave co2_kg out by naming others with --metric",
                              fmt::join(gases, " and "));
    }
    if (zones.size() > 1) {
        notes.push_back(
            fmt::format("Emissions rest on different grids: {}.", fmt::join(zones, "; ")));
    }
    return {};
}

GroupFigure figure_of(const RunGroup& group, const Metric& metric) {
    GroupFigure figure;
    double low = 0;
    double high = 0;
    bool has_range = true;
    for (const RunRecord& run : group.runs) {
        const MetricValue value = metric.value(run);
        if (!value.best) {
            figure.reason = fmt::format("run {}: {}", run.run_id, value.reason);
            continue;
        }
        figure.values.push_back(*value.best);
        has_range = has_range && value.low && value.high;
        low += value.low.value_or(0);
        high += value.high.value_or(0);
    }
    const Result<stats::Summary> summary = stats::summarise(figure.values);
    if (!summary) {
        figure.reason = figure.values.empty() ? figure.reason : summary.error().message();
        return figure;
    }
    figure.reason.clear();
    figure.mean = summary->mean;
    figure.sd = summary->sd;
    if (has_range) {
        figure.low = low / static_cast<double>(summary->count);
        figure.high = high / static_cast<double>(summary->count);
    }
    return figure;
}

/// Fill in what the spread between repeats tells.
void compare_repeats(MetricComparison& line, double confidence) {
    line.method = CompareMethod::kRepeats;
    const std::span<const double> a = line.a.values;
    const std::span<const double> b = line.b.values;
    if (const auto welch = stats::welch_difference(b, a, confidence)) {
        line.difference.low = welch->difference.low;
        line.difference.high = welch->difference.high;
        line.p_value = welch->p_value;
    } else {
        line.difference.reason = welch.error().message();
    }
    if (const auto ratio = stats::ratio_of_means(b, a, confidence)) {
        line.ratio.low = ratio->low;
        line.ratio.high = ratio->high;
    } else {
        line.ratio.reason = ratio.error().message();
    }
    if (const auto effect = stats::hedges_g(b, a, confidence)) {
        line.effect = *effect;
    }
    if (const auto test = stats::mann_whitney(b, a)) {
        line.p_value_rank = test->p_value;
    }
}

/// Fill in what the ranges of single measurements tell: the farthest that both can be apart.
void compare_measurements(MetricComparison& line) {
    if (!line.a.low || !line.b.low) {
        line.difference.reason =
            "no interval: one run on a side, and the figure has no range of measurement";
        line.ratio.reason = line.difference.reason;
        return;
    }
    line.method = CompareMethod::kMeasurement;
    line.difference.low = *line.b.low - *line.a.high;
    line.difference.high = *line.b.high - *line.a.low;
    if (*line.a.low > 0 && *line.b.low >= 0) {
        line.ratio.low = *line.b.low / *line.a.high;
        line.ratio.high = *line.b.high / *line.a.low;
    } else {
        line.ratio.reason = "no interval: the range of A reaches down to 0";
    }
}

MetricComparison compare_metric(const Comparison& comparison, const Metric& metric) {
    MetricComparison line;
    line.metric = metric.name;
    line.unit = metric.unit;
    line.a = figure_of(comparison.a, metric);
    line.b = figure_of(comparison.b, metric);
    if (!line.a.mean || !line.b.mean) {
        const bool is_a = !line.a.mean.has_value();
        line.difference.reason =
            fmt::format("{}: {}", is_a ? "A" : "B", is_a ? line.a.reason : line.b.reason);
        line.ratio.reason = line.difference.reason;
        return line;
    }
    line.difference.best = *line.b.mean - *line.a.mean;
    if (*line.a.mean != 0) {
        line.ratio.best = *line.b.mean / *line.a.mean;
    }
    if (line.a.values.size() > 1 && line.b.values.size() > 1) {
        compare_repeats(line, comparison.confidence);
    } else {
        compare_measurements(line);
    }
    if (!line.ratio.best) {
        line.ratio = {std::nullopt, std::nullopt, std::nullopt, "A is 0"};
    }
    return line;
}

Status check_groups(const RunGroup& a, const RunGroup& b) {
    std::set<std::string> ids;
    for (const RunRecord& run : a.runs) {
        ids.insert(run.run_id);
    }
    for (const RunRecord& run : b.runs) {
        if (ids.count(run.run_id) != 0) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "compare: expected different runs on the two sides, found run {} "
                                  "in both '{}' and '{}'; name one side by run ids",
                                  run.run_id, a.key, b.key);
        }
    }
    return {};
}

Result<std::vector<Metric>> chosen_metrics(const RunGroup& a, const RunGroup& b,
                                           const CompareOptions& options) {
    std::vector<Metric> metrics;
    for (const std::string& name : options.metrics) {
        FINEWATT_ASSIGN(Metric metric, find_metric(name));
        metrics.push_back(std::move(metric));
    }
    if (metrics.empty()) {
        std::vector<RunRecord> all = a.runs;
        all.insert(all.end(), b.runs.begin(), b.runs.end());
        metrics = known_metrics(all);
    }
    return metrics;
}

void add_group_notes(const RunGroup& group, std::string_view side,
                     std::span<const MetricComparison> lines, std::vector<std::string>& notes) {
    for (const RunRecord& run : group.runs) {
        if (run.status != "complete") {
            notes.push_back(fmt::format("{}: run {} is {}.", side, run.run_id, run.status));
        }
    }
    for (const MetricComparison& line : lines) {
        const std::size_t known = (side == "A" ? line.a : line.b).values.size();
        if (known > 0 && known < group.runs.size()) {
            notes.push_back(fmt::format("{}: {} of {} runs have {}.", side, known,
                                        group.runs.size(), line.metric));
        }
    }
}

void add_method_note(Comparison& comparison) {
    const auto uses = [&](CompareMethod method) {
        return std::any_of(comparison.metrics.begin(), comparison.metrics.end(),
                           [&](const MetricComparison& line) { return line.method == method; });
    };
    if (uses(CompareMethod::kRepeats)) {
        comparison.notes.push_back(fmt::format(
            "Intervals cover {:g} % and come from the spread between repeats; an error that the "
            "meter makes in all runs is not in them.",
            comparison.confidence * 100));
    }
    if (uses(CompareMethod::kMeasurement)) {
        comparison.notes.push_back(
            "One run on a side: intervals are the ranges of the measurement and say nothing of "
            "what a repeat would give.");
    }
}

}  // namespace

Result<Comparison> compare_groups(RunGroup a, RunGroup b, const CompareOptions& options) {
    if (!(options.confidence > 0 && options.confidence < 1)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--confidence: expected a share between 0 and 1, such as 0.95, found "
                              "{}",
                              options.confidence);
    }
    FINEWATT_TRY(check_groups(a, b));
    FINEWATT_ASSIGN(const std::vector<Metric> metrics, chosen_metrics(a, b, options));
    const auto rests_on = [&](MetricBasis basis) {
        return std::any_of(metrics.begin(), metrics.end(),
                           [&](const Metric& metric) { return metric.basis == basis; });
    };
    Comparison comparison;
    if (rests_on(MetricBasis::kEnergy) || rests_on(MetricBasis::kCarbon)) {
        FINEWATT_TRY(check_totals(a, b, options, comparison.notes));
    }
    if (rests_on(MetricBasis::kCarbon)) {
        FINEWATT_TRY(check_carbon(a, b, comparison.notes));
    }
    comparison.a = std::move(a);
    comparison.b = std::move(b);
    comparison.confidence = options.confidence;
    for (const Metric& metric : metrics) {
        comparison.metrics.push_back(compare_metric(comparison, metric));
    }
    add_group_notes(comparison.a, "A", comparison.metrics, comparison.notes);
    add_group_notes(comparison.b, "B", comparison.metrics, comparison.notes);
    add_method_note(comparison);
    return comparison;
}

}  // namespace finewatt::app
