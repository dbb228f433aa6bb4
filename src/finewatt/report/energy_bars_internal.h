// What the figures of energy show, as plain numbers: bars stacked by part, and points of energy
// against tokens. gnuplot (figures_internal.h) and the page (page_data_internal.h) both draw these.
#pragma once

#include "finewatt/record/run.h"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace finewatt::report {

/// A bar: its total with its range, and the part of each name in EnergyBars::parts. Parts of
/// unknown energy are 0 long, so the parts may be less than the total.
struct EnergyBar {
    std::string label;
    double total_j = 0;
    std::optional<double> low_j;
    std::optional<double> high_j;
    std::vector<double> parts_j;
};

/// Bars that are stacked from the same parts.
struct EnergyBars {
    std::string title;
    std::string caption;
    std::vector<std::string> parts;
    std::vector<EnergyBar> bars;
    std::size_t left_out = 0;  ///< phases or runs without a known energy
};

/// The phases of a run (windows of one name added up), stacked by component.
EnergyBars phase_bars(const RunRecord& run);

/// Runs, stacked by component.
EnergyBars component_bars(std::span<const RunRecord> runs, const std::vector<std::string>& labels);

/// Runs, stacked by the phases that lie in no other phase, and what is outside of all phases.
EnergyBars run_phase_bars(std::span<const RunRecord> runs, const std::vector<std::string>& labels);

/// Energy and work of one run.
struct TokenPoint {
    std::string label;
    std::string kind;
    double tokens = 0;
    double energy_j = 0;
    std::optional<double> low_j;
    std::optional<double> high_j;
};

/// Runs whose energy and number of computed tokens are known. Where no run reported computed
/// tokens, the tokens of the texts are taken for all.
struct TokenPoints {
    std::string tokens_name;  ///< "computed tokens (with padding)" or "tokens of the texts"
    std::vector<TokenPoint> points;
    std::size_t left_out = 0;
};

TokenPoints token_points(std::span<const RunRecord> runs, const std::vector<std::string>& labels);

}  // namespace finewatt::report
