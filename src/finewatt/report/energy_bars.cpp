#include "finewatt/report/energy_bars_internal.h"
#include "finewatt/report/run_tables_internal.h"
#include "finewatt/report/run_view_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

namespace finewatt::report {
namespace {

constexpr const char* kOutside = "outside of phases";

using Parts = std::map<std::string, double>;

/// A bar before the names of all parts are known.
struct NamedBar {
    EnergyBar bar;
    Parts parts_j;
};

std::optional<double> finite_joules(const std::optional<Joules>& energy) {
    return is_known(energy) ? std::optional(energy->as_joules()) : std::nullopt;
}

/// The energy must be known.
EnergyBar bar_of(std::string label, const EnergySummary& energy) {
    EnergyBar bar;
    bar.label = std::move(label);
    bar.total_j = energy.energy->as_joules();
    bar.low_j = finite_joules(energy.energy_low);
    bar.high_j = finite_joules(energy.energy_high);
    return bar;
}

Parts component_parts(const EnergySummary& energy) {
    Parts parts;
    for (const ComponentEnergy& part : energy.components) {
        if (part.counted && is_known(part.energy)) {
            parts[part.component] += part.energy->as_joules();
        }
    }
    return parts;
}

Parts phase_parts(const RunRecord& run, std::vector<std::string>& order) {
    Parts parts;
    double inside_j = 0;
    for (const PhaseRecord* phase : outer_phases(run)) {
        if (is_known(phase->energy.energy)) {
            const double energy_j = phase->energy.energy->as_joules();
            if (parts.find(phase->name) == parts.end() &&
                std::find(order.begin(), order.end(), phase->name) == order.end()) {
                order.push_back(phase->name);
            }
            parts[phase->name] += energy_j;
            inside_j += energy_j;
        }
    }
    parts[kOutside] += std::max(0.0, run.energy.energy->as_joules() - inside_j);
    return parts;
}

/// Give each bar its parts in one order for all.
void set_parts(EnergyBars& out, std::vector<NamedBar> bars, std::vector<std::string> order) {
    out.parts = std::move(order);
    for (NamedBar& named : bars) {
        for (const std::string& name : out.parts) {
            const auto part = named.parts_j.find(name);
            named.bar.parts_j.push_back(part == named.parts_j.end() ? 0 : part->second);
        }
        out.bars.push_back(std::move(named.bar));
    }
}

/// The names of all parts by their alphabet.
std::vector<std::string> names_of(const std::vector<NamedBar>& bars) {
    Parts all;
    for (const NamedBar& bar : bars) {
        all.insert(bar.parts_j.begin(), bar.parts_j.end());
    }
    std::vector<std::string> names;
    for (const auto& part : all) {
        names.push_back(part.first);
    }
    return names;
}

}  // namespace

EnergyBars phase_bars(const RunRecord& run) {
    EnergyBars out{"Energy by phase", "Energy of each phase by component.", {}, {}, 0};
    std::vector<NamedBar> bars;
    for (const PhaseTotal& total : phase_totals(run)) {
        if (is_known(total.energy.energy)) {
            bars.push_back({bar_of(total.name, total.energy), total.component_j});
        } else {
            ++out.left_out;
        }
    }
    std::vector<std::string> names = names_of(bars);
    set_parts(out, std::move(bars), std::move(names));
    return out;
}

EnergyBars component_bars(std::span<const RunRecord> runs, const std::vector<std::string>& labels) {
    EnergyBars out{"Energy by component", "Energy of each run by component.", {}, {}, 0};
    std::vector<NamedBar> bars;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (is_known(runs[i].energy.energy)) {
            bars.push_back({bar_of(labels[i], runs[i].energy), component_parts(runs[i].energy)});
        } else {
            ++out.left_out;
        }
    }
    std::vector<std::string> names = names_of(bars);
    set_parts(out, std::move(bars), std::move(names));
    return out;
}

EnergyBars run_phase_bars(std::span<const RunRecord> runs, const std::vector<std::string>& labels) {
    EnergyBars out{"Energy by phase", "Energy of each run by phase.", {}, {}, 0};
    std::vector<NamedBar> bars;
    std::vector<std::string> order;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        if (is_known(runs[i].energy.energy)) {
            bars.push_back({bar_of(labels[i], runs[i].energy), phase_parts(runs[i], order)});
        } else {
            ++out.left_out;
        }
    }
    if (std::find(order.begin(), order.end(), kOutside) == order.end()) {
        order.emplace_back(kOutside);
    }
    set_parts(out, std::move(bars), std::move(order));
    return out;
}

TokenPoints token_points(std::span<const RunRecord> runs, const std::vector<std::string>& labels) {
    const auto is_positive = [](const std::optional<double>& tokens) {
        return tokens && std::isfinite(*tokens) && *tokens > 0;
    };
    const bool has_computed = std::any_of(runs.begin(), runs.end(), [&](const RunRecord& run) {
        return run.work && is_positive(run.work->tokens_padded);
    });
    TokenPoints out{has_computed ? "computed tokens (with padding)" : "tokens of the texts", {}, 0};
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const RunRecord& run = runs[i];
        const WorkTotals work = run.work.value_or(WorkTotals{});
        const std::optional<double>& tokens = has_computed ? work.tokens_padded : work.tokens_real;
        if (!is_known(run.energy.energy) || !is_positive(tokens)) {
            ++out.left_out;
            continue;
        }
        const EnergyBar bar = bar_of(labels[i], run.energy);
        out.points.push_back({bar.label, run.kind, *tokens, bar.total_j, bar.low_j, bar.high_j});
    }
    return out;
}

}  // namespace finewatt::report
