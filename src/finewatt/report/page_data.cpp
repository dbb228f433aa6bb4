#include "finewatt/report/figures_internal.h"
#include "finewatt/report/page_data_internal.h"
#include "finewatt/report/run_tables_internal.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace finewatt::report {
namespace {

using Json = nlohmann::ordered_json;

/// Colours of which the page has as many as figure_colour gives before it begins anew.
constexpr std::size_t kColours = 6;
/// Significant digits of powers on the page; more than a figure can show.
constexpr int kPowerDigits = 5;

/// Rounded to a few digits, which keeps the page small; null when it is not a number.
Json rounded(double value, int digits) {
    if (!std::isfinite(value)) {
        return nullptr;
    }
    if (value == 0) {
        return 0;
    }
    const int decimals = digits - 1 - static_cast<int>(std::floor(std::log10(std::abs(value))));
    const double scale = std::pow(10.0, std::abs(decimals));
    return decimals >= 0 ? std::round(value * scale) / scale : std::round(value / scale) * scale;
}

Json rounded_list(const std::vector<double>& values) {
    Json list = Json::array();
    for (const double value : values) {
        list.push_back(rounded(value, kPowerDigits));
    }
    return list;
}

/// To a tenth of a millisecond.
double rounded_time(double seconds) {
    return std::round(seconds * 1e4) / 1e4;
}

Json number(const std::optional<double>& value) {
    return value && std::isfinite(*value) ? Json(*value) : Json();
}

/// The end of the first interval tells its begin: it is taken to be as long as the second.
double first_begin_s(const PowerSeries& series) {
    const std::vector<double>& t = series.t_s;
    return t.size() > 1 && std::isfinite(t[0]) && std::isfinite(t[1])
               ? std::max(0.0, 2 * t[0] - t[1])
               : 0;
}

double last_end_s(const PowerSeries& series) {
    for (std::size_t i = series.t_s.size(); i > 0; --i) {
        if (std::isfinite(series.t_s[i - 1])) {
            return series.t_s[i - 1];
        }
    }
    return 0;
}

/// Times that are numbers and grow, so that each sample can be drawn as it is.
bool is_ordered(const PowerSeries& series) {
    double before = first_begin_s(series);
    for (const double t : series.t_s) {
        if (!std::isfinite(t) || t <= before) {
            return false;
        }
        before = t;
    }
    return true;
}

bool has_values(const PowerSeries& series) {
    return last_end_s(series) > first_begin_s(series) &&
           std::any_of(series.power_w.begin(), series.power_w.end(),
                       [](double power) { return std::isfinite(power); });
}

Json series_json(const PowerSeries& series, std::size_t most_stretches) {
    Json out;
    out["channel"] = figure_name(series.channel);
    out["component"] = figure_name(series.component);
    out["provenance"] = safe_text(series.provenance);
    if (series.t_s.size() <= most_stretches && is_ordered(series)) {
        out["begin"] = rounded_time(first_begin_s(series));
        Json ends = Json::array();
        for (const double end : series.t_s) {
            ends.push_back(rounded_time(end));
        }
        out["end"] = std::move(ends);
        out["mean"] = rounded_list(series.power_w);
        return out;
    }
    const PowerGrid grid = cut_power(series, std::min(most_stretches, series.t_s.size()));
    out["begin"] = rounded_time(grid.begin_s);
    out["step"] = grid.step_s;
    out["mean"] = rounded_list(grid.mean_w);
    out["low"] = rounded_list(grid.low_w);
    out["high"] = rounded_list(grid.high_w);
    return out;
}

double end_of_run_s(const RunRecord& run, const std::vector<PowerSeries>& power) {
    double end = run.duration_s && std::isfinite(*run.duration_s) ? *run.duration_s : 0;
    for (const PowerSeries& series : power) {
        end = std::max(end, last_end_s(series));
    }
    return end;
}

/// Nothing without a series that has values.
std::optional<Json> power_json(const RunRecord& run, const std::string& label,
                               const std::vector<PowerSeries>& power, std::size_t most_stretches) {
    Json list = Json::array();
    for (const PowerSeries& series : power) {
        if (has_values(series)) {
            list.push_back(series_json(series, most_stretches));
        }
    }
    if (list.empty()) {
        return std::nullopt;
    }
    Json out;
    out["label"] = safe_text(label);
    out["end_s"] = end_of_run_s(run, power);
    out["phases"] = Json::array();
    for (const PhaseRecord* phase : outer_phases(run)) {
        Json one;
        one["name"] = figure_name(phase->name);
        one["begin_s"] = phase->t_begin_s;
        one["end_s"] = phase->t_begin_s + phase->duration_s;
        out["phases"].push_back(std::move(one));
    }
    out["series"] = std::move(list);
    return out;
}

/// Nothing without a bar.
std::optional<Json> bars_json(const EnergyBars& bars, const std::string& title) {
    if (bars.bars.empty() || bars.parts.empty()) {
        return std::nullopt;
    }
    Json out;
    out["title"] = safe_text(title);
    out["parts"] = Json::array();
    for (const std::string& part : bars.parts) {
        out["parts"].push_back(figure_name(part));
    }
    out["rows"] = Json::array();
    for (const EnergyBar& bar : bars.bars) {
        Json row;
        row["label"] = safe_text(bar.label);
        row["total_j"] = bar.total_j;
        row["low_j"] = number(bar.low_j);
        row["high_j"] = number(bar.high_j);
        row["parts_j"] = bar.parts_j;
        out["rows"].push_back(std::move(row));
    }
    return out;
}

Json all_bars(std::span<const RunRecord> runs, const std::vector<std::string>& labels) {
    Json list = Json::array();
    const auto add = [&list](std::optional<Json> bars) {
        if (bars) {
            list.push_back(*std::move(bars));
        }
    };
    if (runs.size() > 1) {
        add(bars_json(component_bars(runs, labels), "All runs by component"));
        add(bars_json(run_phase_bars(runs, labels), "All runs by phase"));
    }
    for (std::size_t i = 0; i < runs.size(); ++i) {
        add(bars_json(phase_bars(runs[i]), "Phases of " + labels[i]));
    }
    return list;
}

Json tokens_json(const TokenPoints& tokens) {
    Json out;
    out["tokens_name"] = tokens.tokens_name;
    out["points"] = Json::array();
    for (const TokenPoint& point : tokens.points) {
        Json one;
        one["label"] = safe_text(point.label);
        one["kind"] = figure_name(point.kind);
        one["tokens"] = point.tokens;
        one["energy_j"] = point.energy_j;
        one["low_j"] = number(point.low_j);
        one["high_j"] = number(point.high_j);
        out["points"].push_back(std::move(one));
    }
    return out;
}

/// JSON text that an HTML parser cannot take for anything else: these characters occur in strings
/// only, where an escape means the same (RFC 8259, section 7).
std::string safe_in_script(const std::string& json) {
    std::string out;
    out.reserve(json.size());
    for (const char c : json) {
        if (c == '<' || c == '>' || c == '&') {
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    return out;
}

/// About how many channels the runs have, told by their records.
std::size_t count_channels(std::span<const RunRecord> runs) {
    std::size_t count = 0;
    for (const RunRecord& run : runs) {
        count += std::max<std::size_t>(1, run.energy.components.size());
    }
    return count;
}

/// Fills a grid from intervals in the order of time. What is being filled is kept in members, and a
/// sample inside it costs no division: traces have millions of samples.
class GridFiller {
  public:
    GridFiller(PowerGrid& grid, std::size_t count) : grid_(grid) {
        grid_.mean_w.assign(count, 0);
        grid_.low_w.assign(count, kInfinity);
        grid_.high_w.assign(count, -kInfinity);
        end_s_ = grid_.begin_s + grid_.step_s;
    }

    void add(double begin, double end, double power) {
        while (end > end_s_ && stretch_ + 1 < grid_.mean_w.size()) {
            if (begin < end_s_) {
                take(end_s_ - begin, power);
                begin = end_s_;
            }
            next();
        }
        take(end - begin, power);
    }

    void finish() { close(); }

  private:
    static constexpr double kInfinity = std::numeric_limits<double>::infinity();

    void take(double seconds, double power) {
        if (std::isfinite(power) && seconds > 0) {
            energy_j_ += power * seconds;
            seen_s_ += seconds;
            low_w_ = std::min(low_w_, power);
            high_w_ = std::max(high_w_, power);
        }
    }

    void close() {
        if (seen_s_ > 0) {
            grid_.mean_w[stretch_] = energy_j_ / seen_s_;
            grid_.low_w[stretch_] = low_w_;
            grid_.high_w[stretch_] = high_w_;
        }
    }

    void next() {
        close();
        ++stretch_;
        end_s_ = grid_.begin_s + grid_.step_s * static_cast<double>(stretch_ + 1);
        energy_j_ = 0;
        seen_s_ = 0;
        low_w_ = kInfinity;
        high_w_ = -kInfinity;
    }

    PowerGrid& grid_;
    std::size_t stretch_ = 0;
    double end_s_ = 0;
    double energy_j_ = 0;
    double seen_s_ = 0;
    double low_w_ = kInfinity;
    double high_w_ = -kInfinity;
};

}  // namespace

std::size_t stretches_for(std::size_t series_count) {
    return std::clamp(kMostStretches / std::max<std::size_t>(1, series_count), kFewestOfOneSeries,
                      kMostOfOneSeries);
}

PowerGrid cut_power(const PowerSeries& series, std::size_t count) {
    constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
    PowerGrid grid;
    grid.begin_s = first_begin_s(series);
    grid.step_s = (last_end_s(series) - grid.begin_s) / static_cast<double>(count);
    GridFiller filler(grid, count);
    double begin = grid.begin_s;
    for (std::size_t i = 0; i < series.t_s.size(); ++i) {
        const double end = series.t_s[i];
        if (std::isfinite(end) && end > begin) {
            filler.add(begin, end, series.power_w[i]);
            begin = end;
        }
    }
    filler.finish();
    for (std::size_t s = 0; s < grid.mean_w.size(); ++s) {
        const bool is_seen = grid.low_w[s] <= grid.high_w[s];
        grid.mean_w[s] = is_seen ? grid.mean_w[s] : kNothing;
        grid.low_w[s] = is_seen ? grid.low_w[s] : kNothing;
        grid.high_w[s] = is_seen ? grid.high_w[s] : kNothing;
    }
    return grid;
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

Result<PageData> page_data(std::span<const RunRecord> runs, const std::vector<std::string>& labels,
                           const PowerReader& read_power) {
    Json document;
    document["colours"] = Json::array();
    for (std::size_t i = 0; i < kColours; ++i) {
        document["colours"].push_back(figure_colour(i));
    }
    const std::size_t most_stretches = stretches_for(count_channels(runs));
    document["power"] = Json::array();
    for (std::size_t i = 0; i < runs.size(); ++i) {
        FINEWATT_ASSIGN(const std::vector<PowerSeries> power, read_power(runs[i]));
        FINEWATT_TRY(check_series(power));
        if (auto shown = power_json(runs[i], labels[i], power, most_stretches)) {
            document["power"].push_back(*std::move(shown));
        }
    }
    const TokenPoints tokens = token_points(runs, labels);
    document["bars"] = all_bars(runs, labels);
    document["tokens"] = tokens_json(tokens);
    PageData page;
    page.has_power = !document["power"].empty();
    page.has_bars = !document["bars"].empty();
    page.has_tokens = tokens.points.size() > 1;
    page.json =
        safe_in_script(document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return page;
}

}  // namespace finewatt::report
