#include "finewatt/sensor/wall_readings.h"

#include "finewatt/base/csv.h"
#include "finewatt/base/file.h"
#include "finewatt/sensor/wall_time_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace finewatt {
namespace {

/// What a column of numbers is called, and what one of its units is in watts or joules.
struct NumberColumn {
    std::string_view name;
    WallQuantity quantity{};
    double factor = 1;
};

constexpr double kJoulesPerWh = 3600;

constexpr std::array<NumberColumn, 8> kNumberColumns{{
    {"power_w", WallQuantity::kPower, 1},
    {"watts", WallQuantity::kPower, 1},
    {"energy_j", WallQuantity::kEnergy, 1},
    {"joules", WallQuantity::kEnergy, 1},
    {"energy_wh", WallQuantity::kEnergy, kJoulesPerWh},
    {"wh", WallQuantity::kEnergy, kJoulesPerWh},
    {"energy_kwh", WallQuantity::kEnergy, 1000 * kJoulesPerWh},
    {"kwh", WallQuantity::kEnergy, 1000 * kJoulesPerWh},
}};

/// Stretches between readings longer than this many usual ones are gaps (docs/measuring.md).
constexpr double kGapSpacings = 5;

/// The outlet of a file without an outlet column.
constexpr std::string_view kOnlyOutlet = "wall";

/// Where the columns of a file are.
struct Columns {
    std::size_t count = 0;
    std::size_t time = 0;
    std::size_t number = 0;
    std::optional<std::size_t> outlet;
    NumberColumn kind{};
};

Result<Columns> find_columns(const std::vector<std::string>& header) {
    Columns columns;
    columns.count = header.size();
    std::optional<std::size_t> time;
    std::optional<std::size_t> number;
    for (std::size_t i = 0; i < header.size(); ++i) {
        const auto known =
            std::find_if(kNumberColumns.begin(), kNumberColumns.end(),
                         [&](const NumberColumn& column) { return column.name == header[i]; });
        const bool is_number = known != kNumberColumns.end();
        std::optional<std::size_t>* place = nullptr;
        if (is_number) {
            place = &number;
            columns.kind = *known;
        } else if (header[i] == "time") {
            place = &time;
        } else if (header[i] == "outlet") {
            place = &columns.outlet;
        }
        if (place != nullptr && *place) {
            return FINEWATT_ERROR(kCorrupt,
                                  "expected one column of each kind, found '{}' beside '{}'",
                                  header[i], header[**place]);
        }
        if (place != nullptr) {
            *place = i;
        }
    }
    if (!time || !number) {
        return FINEWATT_ERROR(kCorrupt,
                              "expected the columns time and one of power_w, energy_j, energy_wh, "
                              "energy_kwh; found: {}",
                              fmt::join(header, ", "));
    }
    columns.time = *time;
    columns.number = *number;
    return columns;
}

Result<std::vector<std::string>> split_line(std::string_view line) {
    std::vector<std::string> found;
    const Status parsed =
        for_each_csv_row(line, "", [&](std::size_t, std::vector<std::string>&& fields) -> Status {
            found = std::move(fields);
            return {};
        });
    if (!parsed) {
        return FINEWATT_ERROR(kCorrupt, "expected a row of CSV on one line, found a broken quote");
    }
    for (std::string& field : found) {
        field.erase(0, std::min(field.find_first_not_of(" \t"), field.size()));
        field.erase(field.find_last_not_of(" \t") + 1);
    }
    return found;
}

/// Reads the lines of a file one after another.
class TableReader {
  public:
    explicit TableReader(const WallReadingsOptions& options) : options_(options) {}

    Status add_line(std::string_view line) {
        FINEWATT_ASSIGN(const std::vector<std::string> fields, split_line(line));
        if (!columns_) {
            FINEWATT_ASSIGN(columns_, find_columns(fields));
            return {};
        }
        if (fields.size() != columns_->count) {
            return FINEWATT_ERROR(kCorrupt, "expected {} fields as in the header, found {}",
                                  columns_->count, fields.size());
        }
        return add_row(fields);
    }

    bool has_header() const { return columns_.has_value(); }

    WallReadings take() { return std::move(readings_); }

  private:
    Status add_row(const std::vector<std::string>& fields) {
        const Result<WallTime> time = parse_wall_time(fields[columns_->time], options_.second_zero);
        if (!time) {
            return FINEWATT_ERROR(kCorrupt, "{}", time.error().message());
        }
        const std::string& text = fields[columns_->number];
        const std::optional<WrittenNumber> number = parse_written_number(text);
        if (!number || number->value < 0) {
            return FINEWATT_ERROR(kCorrupt, "{}: expected a number, 0 or more, found '{}'",
                                  columns_->kind.name, text);
        }
        OutletReadings& outlet =
            find_outlet(columns_->outlet ? fields[*columns_->outlet] : std::string(kOnlyOutlet));
        const double value = number->value * columns_->kind.factor;
        if (!outlet.readings.empty()) {
            const WallReading& last = outlet.readings.back();
            if (*time <= last.time) {
                return FINEWATT_ERROR(kCorrupt,
                                      "outlet {}: expected a time after {}, found {}; sort the "
                                      "lines by time and keep one of each",
                                      outlet.outlet, last.time.to_iso8601(), time->to_iso8601());
            }
            if (outlet.quantity == WallQuantity::kEnergy && value < last.value) {
                return FINEWATT_ERROR(kCorrupt,
                                      "outlet {}: expected energy of {} J or more, found {} J; "
                                      "after a reset of the meter begin a new file",
                                      outlet.outlet, last.value, value);
            }
        }
        const double step = number->step * columns_->kind.factor;
        outlet.step = outlet.readings.empty() ? step : std::min(outlet.step, step);
        outlet.readings.push_back({*time, value});
        return {};
    }

    OutletReadings& find_outlet(const std::string& name) {
        for (OutletReadings& outlet : readings_.outlets) {
            if (outlet.outlet == name) {
                return outlet;
            }
        }
        readings_.outlets.push_back({name, columns_->kind.quantity, 0, {}});
        return readings_.outlets.back();
    }

    const WallReadingsOptions& options_;
    std::optional<Columns> columns_;
    WallReadings readings_;
};

double seconds_between(WallTime from, WallTime to) {
    return static_cast<double>(to.as_unix_ns() - from.as_unix_ns()) * 1e-9;
}

/// Median time between readings, in seconds; 0 with fewer than two.
double usual_spacing_s(const std::vector<WallReading>& readings) {
    std::vector<double> spacings;
    for (std::size_t i = 1; i < readings.size(); ++i) {
        spacings.push_back(seconds_between(readings[i - 1].time, readings[i].time));
    }
    if (spacings.empty()) {
        return 0;
    }
    const auto middle = spacings.begin() + static_cast<std::ptrdiff_t>(spacings.size() / 2);
    std::nth_element(spacings.begin(), middle, spacings.end());
    return *middle;
}

/// The two readings around a time that lies inside a series, and the value between them.
struct Place {
    const WallReading* before = nullptr;
    const WallReading* after = nullptr;
    double value = 0;
};

Place place_of(const std::vector<WallReading>& readings, WallTime time) {
    auto after =
        std::lower_bound(readings.begin(), readings.end(), time,
                         [](const WallReading& reading, WallTime t) { return reading.time < t; });
    if (after == readings.end()) {
        --after;
    }
    const auto before = after->time == time || after == readings.begin() ? after : after - 1;
    const double length_s = seconds_between(before->time, after->time);
    const double share = length_s > 0 ? seconds_between(before->time, time) / length_s : 0;
    return {&*before, &*after, before->value + share * (after->value - before->value)};
}

/// Best value and what may be missing or too much, in joules.
struct Spread {
    double best_j = 0;
    double below_j = 0;
    double above_j = 0;
    std::size_t gaps = 0;
};

/// Energy of a counter between two times inside the series.
Spread counted_energy(const OutletReadings& outlet, WallTime begin, WallTime end) {
    const Place first = place_of(outlet.readings, begin);
    const Place last = place_of(outlet.readings, end);
    Spread spread;
    spread.best_j = last.value - first.value;
    spread.below_j =
        outlet.step + (first.after->value - first.value) + (last.value - last.before->value);
    spread.above_j =
        outlet.step + (first.value - first.before->value) + (last.after->value - last.value);
    return spread;
}

/// Energy of power readings between two times inside the series.
Spread integrated_energy(const OutletReadings& outlet, WallTime begin, WallTime end) {
    const double usual_s = usual_spacing_s(outlet.readings);
    double largest_w = 0;
    for (const WallReading& reading : outlet.readings) {
        largest_w = std::max(largest_w, reading.value);
    }
    Spread spread;
    for (std::size_t i = 1; i < outlet.readings.size(); ++i) {
        const WallTime from = std::max(begin, outlet.readings[i - 1].time);
        const WallTime to = std::min(end, outlet.readings[i].time);
        if (from >= to) {
            continue;
        }
        const double length_s = seconds_between(from, to);
        const double piece_j =
            length_s / 2 *
            (place_of(outlet.readings, from).value + place_of(outlet.readings, to).value);
        spread.best_j += piece_j;
        const double whole_s =
            seconds_between(outlet.readings[i - 1].time, outlet.readings[i].time);
        if (whole_s > kGapSpacings * usual_s) {
            ++spread.gaps;
            spread.below_j += piece_j;
            spread.above_j += largest_w * length_s - piece_j;
        }
    }
    double around_j = outlet.step / 2 * seconds_between(begin, end);
    for (const WallTime edge : {begin, end}) {
        const Place place = place_of(outlet.readings, edge);
        around_j += usual_s * std::abs(place.after->value - place.before->value);
    }
    spread.below_j += around_j;
    spread.above_j += around_j;
    return spread;
}

WallEnergy unknown_energy(std::string reason) {
    WallEnergy energy;
    energy.reason = std::move(reason);
    return energy;
}

}  // namespace

WallTime WallReadings::first_time() const {
    WallTime first = outlets.front().readings.front().time;
    for (const OutletReadings& outlet : outlets) {
        first = std::min(first, outlet.readings.front().time);
    }
    return first;
}

WallTime WallReadings::last_time() const {
    WallTime last = outlets.front().readings.back().time;
    for (const OutletReadings& outlet : outlets) {
        last = std::max(last, outlet.readings.back().time);
    }
    return last;
}

Result<WallReadings> parse_wall_readings(std::string_view text, std::string_view name,
                                         const WallReadingsOptions& options) {
    TableReader reader(options);
    std::size_t line_number = 0;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++line_number;
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.find_first_not_of(" \t") == std::string_view::npos || line.starts_with('#')) {
            continue;
        }
        if (const Status added = reader.add_line(line); !added) {
            return FINEWATT_ERROR(kCorrupt, "{}:{}: {}", name, line_number,
                                  added.error().message());
        }
    }
    WallReadings readings = reader.take();
    if (readings.outlets.empty()) {
        return FINEWATT_ERROR(
            kCorrupt, "{}:{}: expected {}, found the end of the file", name, line_number + 1,
            reader.has_header() ? "at least one reading" : "a header like time,outlet,power_w");
    }
    return readings;
}

Result<WallReadings> read_wall_readings(const std::filesystem::path& path,
                                        const WallReadingsOptions& options) {
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    return parse_wall_readings(text, path.string(), options);
}

WallEnergy wall_energy_between(const OutletReadings& outlet, WallTime begin, WallTime end) {
    if (end <= begin) {
        return unknown_energy(fmt::format("outlet {}: the window is empty", outlet.outlet));
    }
    if (outlet.readings.size() < 2) {
        return unknown_energy(fmt::format("outlet {}: fewer than two readings", outlet.outlet));
    }
    const WallTime from = std::max(begin, outlet.readings.front().time);
    const WallTime to = std::min(end, outlet.readings.back().time);
    if (from >= to) {
        return unknown_energy(fmt::format(
            "outlet {}: its readings run from {} to {}, the window from {} to {}", outlet.outlet,
            outlet.readings.front().time.to_iso8601(), outlet.readings.back().time.to_iso8601(),
            begin.to_iso8601(), end.to_iso8601()));
    }
    const Spread spread = outlet.quantity == WallQuantity::kPower
                              ? integrated_energy(outlet, from, to)
                              : counted_energy(outlet, from, to);
    WallEnergy energy;
    energy.energy = joules(spread.best_j);
    energy.energy_low = joules(std::max(0.0, spread.best_j - spread.below_j));
    energy.energy_high = joules(spread.best_j + spread.above_j);
    energy.coverage = seconds_between(from, to) / seconds_between(begin, end);
    energy.readings = static_cast<std::size_t>(std::count_if(
        outlet.readings.begin(), outlet.readings.end(),
        [&](const WallReading& reading) { return reading.time >= begin && reading.time < end; }));
    if (spread.gaps > 0) {
        energy.notes.push_back(
            fmt::format("outlet {}: {} gap{} in the readings, each over 5 times the usual spacing",
                        outlet.outlet, spread.gaps, spread.gaps == 1 ? "" : "s"));
    }
    return energy;
}

WallEnergy wall_energy_between(const WallReadings& readings, WallTime begin, WallTime end) {
    WallEnergy sum;
    sum.energy = joules(0);
    sum.energy_low = joules(0);
    sum.energy_high = joules(0);
    sum.coverage = 1;
    for (const OutletReadings& outlet : readings.outlets) {
        WallEnergy one = wall_energy_between(outlet, begin, end);
        if (!one.energy) {
            return unknown_energy(one.reason.value_or("energy unknown"));
        }
        *sum.energy += *one.energy;
        *sum.energy_low += *one.energy_low;
        *sum.energy_high += *one.energy_high;
        sum.coverage = std::min(sum.coverage, one.coverage);
        sum.readings += one.readings;
        std::move(one.notes.begin(), one.notes.end(), std::back_inserter(sum.notes));
    }
    return sum;
}

}  // namespace finewatt
