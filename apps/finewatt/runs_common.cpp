#include "finewatt/runs_common.h"

#include "finewatt/base/ascii.h"
#include "finewatt/report/format.h"
#include "finewatt/report/table.h"
#include "finewatt/report/text.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <numeric>
#include <set>
#include <utility>

namespace finewatt::app {
namespace {

std::optional<std::string> unless_empty(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional<std::string>(text);
}

/// Letters to insert, drop or change to turn one word into the other (Levenshtein's distance).
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
        }
    }
    return row[b.size()];
}

/// Read an age such as "7d".
std::optional<std::chrono::nanoseconds> parse_age(std::string_view text) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    const std::string_view unit(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits{
        {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}, {"w", 7 * 86'400}}};
    constexpr std::int64_t kMostSeconds = std::int64_t{100} * 366 * 86'400;  // a century
    for (const auto& known : kUnits) {
        if (parsed.ec == std::errc() && unit == known.first && number >= 0 &&
            number <= kMostSeconds / known.second) {
            return std::chrono::seconds(number * known.second);
        }
    }
    return std::nullopt;
}

/// The names and ids of the newest runs, for a hint.
std::vector<std::string> known_words(Store& store) {
    constexpr std::size_t kSearched = 500;
    RunFilter newest;
    newest.limit = kSearched;
    std::set<std::string> words;
    if (const auto runs = store.list(newest)) {
        for (const RunOverview& run : *runs) {
            words.insert(run.run_id);
            if (run.name) {
                words.insert(*run.name);
            }
        }
    }
    return {words.begin(), words.end()};
}

}  // namespace

void add_filter_options(CLI::App& command, RunFilterOptions& options) {
    command.add_option("--kind", options.kind, "Only this kind, e.g. fine-tuning");
    command.add_option("--status", options.status, "Only this status, e.g. complete");
    command.add_option("--name", options.name, "Only runs of this name");
    command.add_option("--tag", options.tag, "Only runs with this tag");
    command
        .add_option("--since", options.since,
                    "Started at this time or later: a UTC time, or an "
                    "age such as 12h or 7d")
        ->type_name("TIME");
    command.add_option("--until", options.until, "Started before this time")->type_name("TIME");
    command
        .add_option("--search", options.text,
                    "Only runs with this text in id, name, kind, a tag or a setting")
        ->type_name("TEXT");
}

bool is_filter_given(const RunFilterOptions& options) {
    return !(options.kind.empty() && options.status.empty() && options.name.empty() &&
             options.tag.empty() && options.since.empty() && options.until.empty() &&
             options.text.empty());
}

Result<RunFilter> make_filter(const RunFilterOptions& options, const Clock& clock) {
    RunFilter filter;
    filter.kind = unless_empty(options.kind);
    filter.status = unless_empty(options.status);
    filter.name = unless_empty(options.name);
    filter.tag = unless_empty(options.tag);
    filter.text = unless_empty(options.text);
    if (!options.since.empty()) {
        FINEWATT_ASSIGN(filter.since, parse_run_time("--since", options.since, clock));
    }
    if (!options.until.empty()) {
        FINEWATT_ASSIGN(filter.until, parse_run_time("--until", options.until, clock));
    }
    return filter;
}

Result<WallTime> parse_run_time(std::string_view option, std::string_view text,
                                const Clock& clock) {
    if (const auto age = parse_age(text)) {
        return WallTime::from_unix_ns(clock.wall_now().as_unix_ns() - age->count());
    }
    constexpr std::size_t kLengthOfDate = 10;
    const Result<WallTime> time = WallTime::parse_iso8601(
        text.size() == kLengthOfDate ? std::string(text) + "T00:00:00Z" : std::string(text));
    if (!time) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected a UTC time like 2026-11-23T04:28:00Z, a day like "
                              "2026-11-23, or an age like 90m, 12h or 7d, found '{}'",
                              option, text);
    }
    return *time;
}

Result<std::unique_ptr<Store>> open_ledger(const CommandContext& context) {
    std::string url = context.common.store_url;
    if (url.empty()) {
        FINEWATT_ASSIGN(url, default_store_url(::getenv));
    }
    return open_store(url);
}

int ledger_exit_status(const Error& error) {
    const bool is_input =
        error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kInvalidArgument;
    return is_input ? kBadInput : kStoreFailed;
}

std::vector<std::string> near_words(std::string_view word,
                                    std::span<const std::string> candidates) {
    constexpr std::size_t kMostWords = 3;
    const std::string small = ascii_lower(word);
    std::vector<std::pair<std::size_t, std::string>> near;
    for (const std::string& candidate : candidates) {
        const std::size_t longer = std::max(candidate.size(), small.size());
        const std::size_t shorter = std::min(candidate.size(), small.size());
        // Cheap first: the lengths alone may be too far apart.
        if (longer == 0 || (longer - shorter) * 4 > longer) {
            continue;
        }
        const std::size_t distance = edit_distance(small, ascii_lower(candidate));
        if (distance * 4 <= longer) {
            near.emplace_back(distance, candidate);
        }
    }
    std::sort(near.begin(), near.end());
    std::vector<std::string> words;
    for (std::size_t i = 0; i < near.size() && i < kMostWords; ++i) {
        words.push_back(near[i].second);
    }
    return words;
}

Result<std::string> find_run(Store& store, const std::string& key) {
    Result<std::string> found = store.resolve(key);
    if (found || found.error().code() != ErrorCode::kNotFound) {
        return found;
    }
    std::vector<std::string> near = near_words(key, known_words(store));
    if (near.empty()) {
        return found;
    }
    // Names may hold anything; messages go to terminals.
    std::transform(near.begin(), near.end(), near.begin(),
                   [](const std::string& word) { return safe_text(word); });
    return FINEWATT_ERROR(kNotFound, "{}; nearly the same: '{}'", found.error().describe(),
                          fmt::join(near, "', '"));
}

Result<std::vector<std::string>> find_runs(Store& store, std::span<const std::string> keys) {
    std::vector<std::string> ids;
    for (const std::string& key : keys) {
        FINEWATT_ASSIGN(std::string id, find_run(store, key));
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) {
            ids.push_back(std::move(id));
        }
    }
    return ids;
}

nlohmann::ordered_json overview_json(const RunOverview& run) {
    nlohmann::ordered_json document;
    const auto number = [](const std::optional<double>& value) {
        return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
    };
    const auto energy = [](const std::optional<Joules>& value) {
        return value ? nlohmann::ordered_json(value->as_joules()) : nlohmann::ordered_json();
    };
    document["run_id"] = run.run_id;
    document["name"] = run.name ? nlohmann::ordered_json(*run.name) : nlohmann::ordered_json();
    document["kind"] = run.kind;
    document["status"] = run.status;
    document["started_at"] = run.started_at.to_iso8601();
    document["duration_s"] = number(run.duration_s);
    document["energy_j"] = energy(run.energy);
    document["energy_j_low"] = energy(run.energy_low);
    document["energy_j_high"] = energy(run.energy_high);
    document["provenance"] = run.provenance;
    document["co2_kg"] = number(run.co2_kg);
    document["tags"] = run.tags;
    return document;
}

std::string overview_table(std::span<const RunOverview> runs) {
    const bool has_tags = std::any_of(runs.begin(), runs.end(),
                                      [](const RunOverview& run) { return !run.tags.empty(); });
    std::vector<TextColumn> columns{{"run"},
                                    {"name", Align::kLeft, true},
                                    {"kind"},
                                    {"status"},
                                    {"started (UTC)"},
                                    {"time", Align::kRight},
                                    {"energy", Align::kRight},
                                    {"provenance"}};
    if (has_tags) {
        columns.push_back({"tags", Align::kLeft, true});
    }
    TextTable table(columns);
    for (const RunOverview& run : runs) {
        std::vector<std::string> cells{
            run.run_id,
            run.name.value_or("-"),
            run.kind,
            run.status,
            run.started_at.to_iso8601().substr(0, 19),
            run.duration_s ? format_duration(*run.duration_s) : "unknown",
            run.energy ? format_energy_best(*run.energy, run.energy_low, run.energy_high)
                       : "unknown",
            run.provenance};
        if (has_tags) {
            cells.push_back(fmt::format("{}", fmt::join(run.tags, ", ")));
        }
        table.add_row(std::move(cells));
    }
    return table.render({.max_width = static_cast<std::size_t>(terminal_columns())});
}

void print_json(const nlohmann::ordered_json& document) {
    print_line(stdout, document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace finewatt::app
