#include "finewatt/exchange/prometheus_text_internal.h"
#include "finewatt/exchange/run_facts_internal.h"
#include "finewatt/exchange/texts_internal.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace finewatt::exchange {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

std::string label_text(const Labels& labels) {
    std::string text;
    for (const auto& label : labels) {
        text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", label.first,
                            prometheus_label(label.second));
    }
    return "{" + text + "}";
}

/// One metric with its samples; nothing is written for a metric without any.
class Metric {
  public:
    Metric(std::string_view name, std::string_view type, std::string_view help)
        : name_(name),
          type_(type),
          help_(help) {}

    /// Add a sample. What is unknown or not finite has none. Samples with the same labels add up:
    /// the same label set may be there only once.
    void add(const Labels& labels, std::optional<double> value) {
        if (value && std::isfinite(*value)) {
            samples_[label_text(labels)] += *value;
        }
    }

    void append_to(std::string& out) const {
        if (samples_.empty()) {
            return;
        }
        out += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name_, type_, help_);
        for (const auto& sample : samples_) {
            out += fmt::format("{}{} {}\n", name_, sample.first, number_text(sample.second));
        }
    }

  private:
    std::string_view name_;
    std::string_view type_;
    std::string_view help_;
    std::map<std::string, double> samples_;
};

std::optional<double> in_joules(std::optional<Joules> energy) {
    return energy ? std::optional<double>(energy->as_joules()) : std::nullopt;
}

std::optional<double> in_grams(std::optional<double> kilograms) {
    return kilograms ? std::optional<double>(*kilograms * 1000) : std::nullopt;
}

/// All metrics, in the order of the file.
struct Metrics {
    Metric info{"finewatt_run_info", "gauge", "What a run was; always 1."};
    Metric start{"finewatt_run_start_time_seconds", "gauge", "Start of the run, Unix time."};
    Metric duration{"finewatt_run_duration_seconds", "gauge", "Wall time of the run."};
    Metric energy{"finewatt_run_energy_joules_total", "counter",
                  "Energy of the run over the counted domains."};
    Metric energy_low{"finewatt_run_energy_low_joules", "gauge", "Lower end of its range."};
    Metric energy_high{"finewatt_run_energy_high_joules", "gauge", "Upper end of its range."};
    Metric component{"finewatt_run_component_energy_joules_total", "counter",
                     "Energy of the run by counted channel."};
    Metric phase{"finewatt_run_phase_energy_joules_total", "counter",
                 "Energy of the run by phase name; phases may overlap."};
    Metric co2{"finewatt_run_co2_grams_total", "counter", "Operational emissions of the run."};
    Metric co2_low{"finewatt_run_co2_low_grams", "gauge", "Lower end of their range."};
    Metric co2_high{"finewatt_run_co2_high_grams", "gauge", "Upper end of their range."};

    void add(const RunRecord& run) {
        const Labels id{{"run_id", run.run_id}};
        const std::string domains = fmt::format("{}", fmt::join(run.energy.domains, ","));
        info.add({{"run_id", run.run_id},
                  {"name", run.name.value_or("")},
                  {"kind", run.kind},
                  {"status", run.status},
                  {"provenance", run.energy.provenance},
                  {"domains", domains}},
                 1);
        start.add(id, static_cast<double>(run.started_at.as_unix_ns()) * 1e-9);
        duration.add(id, run.duration_s);
        energy.add(id, in_joules(run.energy.energy));
        energy_low.add(id, in_joules(run.energy.energy_low));
        energy_high.add(id, in_joules(run.energy.energy_high));
        for (const ComponentEnergy& part : run.energy.components) {
            if (part.counted) {
                component.add({{"run_id", run.run_id},
                               {"component", part.component},
                               {"domain", part.domain},
                               {"device", part.device},
                               {"source", part.source},
                               {"provenance", part.provenance}},
                              in_joules(part.energy));
            }
        }
        for (const PhaseRecord& one : run.phases) {
            phase.add({{"run_id", run.run_id}, {"phase", one.name}}, in_joules(one.energy.energy));
        }
        if (run.carbon) {
            add_carbon(run, *run.carbon);
        }
    }

    void add_carbon(const RunRecord& run, const CarbonSummary& carbon) {
        const std::string zone = carbon.zone.value_or("");
        const std::string edition = carbon.edition.value_or("");
        const std::string basis = carbon.basis.value_or("");
        const Labels labels{
            {"run_id", run.run_id}, {"zone", zone}, {"edition", edition}, {"basis", basis}};
        co2.add(labels, in_grams(carbon.co2_kg));
        co2_low.add(labels, in_grams(carbon.co2_kg_low));
        co2_high.add(labels, in_grams(carbon.co2_kg_high));
    }

    std::string text() const {
        std::string out;
        for (const Metric* metric : {&info, &start, &duration, &energy, &energy_low, &energy_high,
                                     &component, &phase, &co2, &co2_low, &co2_high}) {
            metric->append_to(out);
        }
        return out;
    }
};

}  // namespace

Result<std::string> write_prometheus(std::span<const RunRecord> runs, const ExtraFacts& /*facts*/) {
    Metrics metrics;
    std::set<std::string_view> seen;
    for (const RunRecord& run : runs) {
        if (!seen.insert(run.run_id).second) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "run {}: expected each run once, found it twice; node_exporter "
                                  "refuses a file with repeated samples",
                                  run.run_id);
        }
        metrics.add(run);
    }
    return metrics.text();
}

}  // namespace finewatt::exchange
