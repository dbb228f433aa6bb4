#include "finewatt/run_metrics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace finewatt::app {
namespace {

using Value = std::optional<double>;

MetricValue unknown(std::string reason) {
    return {std::nullopt, std::nullopt, std::nullopt, std::move(reason)};
}

/// A figure without a range.
MetricValue plain(const Value& value, std::string_view why_not) {
    return value && std::isfinite(*value) ? MetricValue{value, std::nullopt, std::nullopt, {}}
                                          : unknown(std::string(why_not));
}

MetricValue energy_value(const EnergySummary& energy) {
    if (!energy.energy) {
        return unknown(energy.reason.value_or("the record gives no reason"));
    }
    const auto number = [](const std::optional<Joules>& part) {
        return part ? Value(part->as_joules()) : std::nullopt;
    };
    return {energy.energy->as_joules(), number(energy.energy_low), number(energy.energy_high), {}};
}

/// The same range, turned into that of a figure that is proportional to the energy.
MetricValue proportional(const Value& best, const EnergySummary& energy, std::string_view why_not) {
    MetricValue value = plain(best, why_not);
    const MetricValue total = energy_value(energy);
    if (value.best && total.best.value_or(0) > 0 && total.low && total.high) {
        value.low = *best * (*total.low / *total.best);
        value.high = *best * (*total.high / *total.best);
    }
    return value;
}

MetricValue power_value(const RunRecord& run) {
    if (!run.energy.energy || run.duration_s.value_or(0) <= 0) {
        return unknown(run.energy.energy ? "the run's duration is unknown"
                                         : energy_value(run.energy).reason);
    }
    return proportional(run.energy.energy->as_joules() / *run.duration_s, run.energy, "");
}

MetricValue co2_value(const RunRecord& run) {
    if (!run.carbon || !run.carbon->co2_kg) {
        return unknown(run.carbon ? run.carbon->reason.value_or("the record gives no reason")
                                  : run.carbon_reason.value_or("the run's place is unknown"));
    }
    return {run.carbon->co2_kg, run.carbon->co2_kg_low, run.carbon->co2_kg_high, {}};
}

MetricValue flops_per_j_value(const RunRecord& run) {
    MetricValue value = plain(run.derived.flops_per_j, "the run reported no model operations");
    const MetricValue total = energy_value(run.energy);
    if (value.best && total.best && total.low.value_or(0) > 0 && total.high) {
        value.low = *value.best * (*total.best / *total.high);
        value.high = *value.best * (*total.best / *total.low);
    }
    return value;
}

/// The energy of a phase. A phase that came again has a name of its own: "train", "train 2".
MetricValue phase_value(const RunRecord& run, const std::string& name) {
    const auto found = std::find_if(run.phases.begin(), run.phases.end(),
                                    [&](const PhaseRecord& phase) { return phase.name == name; });
    return found == run.phases.end() ? unknown(fmt::format("the run has no phase '{}'", name))
                                     : energy_value(found->energy);
}

MetricValue score_value(const RunRecord& run, const std::string& name) {
    const auto found = run.scores.find(name);
    return plain(found == run.scores.end() ? std::nullopt : Value(found->second),
                 fmt::format("the run has no score '{}'", name));
}

/// The metrics that every run could have.
const std::vector<Metric>& fixed_metrics() {
    static const std::vector<Metric> kMetrics{
        {"energy_j", "J", MetricBasis::kEnergy,
         [](const RunRecord& run) { return energy_value(run.energy); }},
        {"duration_s", "s", MetricBasis::kNothing,
         [](const RunRecord& run) { return plain(run.duration_s, "the run has no duration"); }},
        {"power_w_mean", "W", MetricBasis::kEnergy, power_value},
        {"co2_kg", "kg", MetricBasis::kCarbon, co2_value},
        {"j_per_1k_examples", "J", MetricBasis::kEnergy,
         [](const RunRecord& run) {
             return proportional(run.derived.j_per_1k_examples, run.energy,
                                 "the run reported no examples");
         }},
        {"j_per_million_tokens_padded", "J", MetricBasis::kEnergy,
         [](const RunRecord& run) {
             return proportional(run.derived.j_per_million_tokens_padded, run.energy,
                                 "the run reported no computed tokens");
         }},
        {"tokens_per_s", "1/s", MetricBasis::kNothing,
         [](const RunRecord& run) {
             return plain(run.derived.tokens_per_s, "the run reported no real tokens");
         }},
        {"flops_per_j", "1/J", MetricBasis::kEnergy, flops_per_j_value},
    };
    return kMetrics;
}

Metric score_metric(const std::string& name) {
    return {"score:" + name, "1", MetricBasis::kNothing,
            [name](const RunRecord& run) { return score_value(run, name); }};
}

}  // namespace

Result<Metric> find_metric(std::string_view name) {
    std::vector<std::string_view> names;
    for (const Metric& metric : fixed_metrics()) {
        if (metric.name == name) {
            return metric;
        }
        names.push_back(metric.name);
    }
    if (name.starts_with("score:") && name.size() > 6) {
        return score_metric(std::string(name.substr(6)));
    }
    if (name.starts_with("phase:") && name.size() > 6) {
        const std::string phase(name.substr(6));
        return Metric{std::string(name), "J", MetricBasis::kEnergy,
                      [phase](const RunRecord& run) { return phase_value(run, phase); }};
    }
    return FINEWATT_ERROR(kNotFound,
                          "--metric '{}': expected one of {}, score:NAME or phase:NAME, found "
                          "another word",
                          name, fmt::join(names, ", "));
}

std::vector<Metric> known_metrics(std::span<const RunRecord> runs) {
    std::vector<Metric> known;
    for (const Metric& metric : fixed_metrics()) {
        const bool is_known = std::any_of(runs.begin(), runs.end(), [&](const RunRecord& run) {
            return metric.value(run).best.has_value();
        });
        // Energy and time always stand there, if only with the reason why they are unknown.
        if (is_known || metric.name == "energy_j" || metric.name == "duration_s") {
            known.push_back(metric);
        }
    }
    std::set<std::string> scores;
    for (const RunRecord& run : runs) {
        for (const auto& score : run.scores) {
            scores.insert(score.first);
        }
    }
    for (const std::string& score : scores) {
        known.push_back(score_metric(score));
    }
    return known;
}

}  // namespace finewatt::app
