#include "finewatt/base/ascii.h"
#include "finewatt/base/utf8.h"
#include "finewatt/record/json.h"
#include "finewatt/record/ulid.h"
#include "finewatt/store/run_row_internal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

namespace finewatt {
namespace {

/// A number as the record keeps it: JSON knows neither NaN nor infinity.
std::optional<double> finite(const std::optional<double>& number) {
    return number && std::isfinite(*number) ? number : std::nullopt;
}

std::optional<double> in_joules(const std::optional<Joules>& energy) {
    return energy ? finite(energy->as_joules()) : std::nullopt;
}

/// Each tag once, in their order.
std::vector<std::string> column_tags(const RunRecord& run) {
    std::vector<std::string> tags;
    for (const std::string& tag : run.tags) {
        std::string text = column_text(tag);
        if (std::find(tags.begin(), tags.end(), text) == tags.end()) {
            tags.push_back(std::move(text));
        }
    }
    return tags;
}

/// One text a line, so that a filter finds no text across two of them by accident.
std::string make_search(const RunRecord& run, const std::vector<std::string>& tags) {
    std::string text = run.run_id;
    text += "\n" + run.name.value_or("") + "\n" + run.kind;
    for (const std::string& tag : tags) {
        text += "\n" + tag;
    }
    for (const auto& [name, value] : run.settings) {
        if (const auto* setting = std::get_if<std::string>(&value)) {
            text += "\n" + *setting;
        }
    }
    return search_text(text);
}

bool is_same_column(const std::vector<double>& a, const std::vector<double>& b) {
    return a.size() == b.size() &&
           (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

std::vector<const PowerSeries*> by_channel(std::span<const PowerSeries> all) {
    std::vector<const PowerSeries*> sorted;
    for (const PowerSeries& series : all) {
        sorted.push_back(&series);
    }
    std::sort(sorted.begin(), sorted.end(),
              [](const PowerSeries* a, const PowerSeries* b) { return a->channel < b->channel; });
    return sorted;
}

}  // namespace

std::string column_text(std::string_view text) {
    std::string clean;
    clean.reserve(text.size());
    while (!text.empty()) {
        const DecodedCodePoint next = decode_utf8_front(text);
        if (next.length == 0 || next.code_point == 0) {
            append_utf8(clean, U'\uFFFD');
            text.remove_prefix(1);
        } else {
            clean.append(text.substr(0, next.length));
            text.remove_prefix(next.length);
        }
    }
    return clean;
}

std::string search_text(std::string_view text) {
    return ascii_lower(column_text(text));
}

RunRow make_run_row(const RunRecord& run) {
    RunRow row;
    row.run_id = run.run_id;
    row.name = run.name ? std::optional(column_text(*run.name)) : std::nullopt;
    row.kind = column_text(run.kind);
    row.status = column_text(run.status);
    row.started_at = run.started_at.to_iso8601();
    row.duration_s = finite(run.duration_s);
    row.energy_j = in_joules(run.energy.energy);
    row.energy_j_low = in_joules(run.energy.energy_low);
    row.energy_j_high = in_joules(run.energy.energy_high);
    row.provenance = run.energy.provenance.empty()
                         ? std::nullopt
                         : std::optional(column_text(run.energy.provenance));
    row.co2_kg = run.carbon ? finite(run.carbon->co2_kg) : std::nullopt;
    row.tags = column_tags(run);
    row.search = make_search(run, row.tags);
    row.record = to_json(run);
    return row;
}

Status check_run_id(std::string_view run_id) {
    if (!is_ulid(run_id)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "run id: expected a ULID (26 characters of base 32), found '{}'",
                              run_id);
    }
    return {};
}

Status check_series(std::span<const PowerSeries> series) {
    std::set<std::string> channels;
    for (const PowerSeries& one : series) {
        if (!channels.insert(column_text(one.channel)).second) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "power series: expected each channel once, found '{}' twice",
                                  one.channel);
        }
        if (one.t_s.size() != one.power_w.size()) {
            return FINEWATT_ERROR(
                kInvalidArgument,
                "power series '{}': expected as many times as powers, found {} and {}", one.channel,
                one.t_s.size(), one.power_w.size());
        }
    }
    return {};
}

std::vector<std::string> differing_fields(const RunRecord& a, const RunRecord& b) {
    std::vector<std::string> names;
    const auto one = nlohmann::ordered_json::parse(to_json(a), nullptr, false);
    const auto other = nlohmann::ordered_json::parse(to_json(b), nullptr, false);
    for (const auto& [name, value] : one.items()) {
        if (!other.contains(name) || other.at(name) != value) {
            names.push_back(name);
        }
    }
    return names;
}

bool is_same_series(std::span<const PowerSeries> a, std::span<const PowerSeries> b) {
    const std::vector<const PowerSeries*> one = by_channel(a);
    const std::vector<const PowerSeries*> other = by_channel(b);
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](const PowerSeries* x, const PowerSeries* y) {
                          return column_text(x->channel) == column_text(y->channel) &&
                                 x->component == y->component && x->provenance == y->provenance &&
                                 is_same_column(x->t_s, y->t_s) &&
                                 is_same_column(x->power_w, y->power_w);
                      });
}

}  // namespace finewatt
