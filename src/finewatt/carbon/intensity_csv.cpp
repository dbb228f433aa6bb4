// Reads an IntensitySeries from CSV: our own column names, or the export of Electricity Maps.
#include "finewatt/base/ascii.h"
#include "finewatt/base/csv.h"
#include "finewatt/base/file.h"
#include "finewatt/carbon/carbon.h"
#include "finewatt/carbon/intensity_series.h"
#include "finewatt/carbon/number_text_internal.h"
#include "finewatt/carbon/zoned_time_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace finewatt {
namespace {

constexpr std::int64_t kNanosecondsPerHour = 3'600'000'000'000;

WallTime later(WallTime time, std::int64_t ns) {
    return WallTime::from_unix_ns(time.as_unix_ns() + ns);
}

/// Where the values stand in a row. Names are compared without regard to capitals.
struct Columns {
    std::optional<std::size_t> begin, end, intensity, low, high;
    std::optional<std::size_t> zone, basis, kind, is_estimated, source;
    bool is_utc_by_name = false;  ///< the header says that its times are UTC
    /// What an export of Electricity Maps holds: "life cycle" or "direct"; empty for other files.
    std::string_view export_factor{};
};

std::optional<std::size_t> find_column(const std::vector<std::string>& header,
                                       std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
        for (std::size_t i = 0; i < header.size(); ++i) {
            if (ascii_lower(header[i]) == name) {
                return i;
            }
        }
    }
    return std::nullopt;
}

/// The headers of Electricity Maps' CSV exports (downloads of 2022 to 2025), in small letters.
void find_export_columns(const std::vector<std::string>& header, Columns& at) {
    if (!at.begin) {
        at.begin = find_column(header, {"datetime (utc)"});
        at.is_utc_by_name = at.begin.has_value();
    }
    if (at.intensity) {
        return;
    }
    at.intensity = find_column(
        header, {"carbon intensity gco₂eq/kwh (life cycle)", "carbon intensity gco₂eq/kwh (lca)"});
    at.export_factor = "life cycle";
    if (!at.intensity) {
        at.intensity = find_column(header, {"carbon intensity gco₂eq/kwh (direct)"});
        at.export_factor = at.intensity ? "direct" : "";
    }
}

Result<Columns> find_columns(const std::vector<std::string>& header, std::string_view name) {
    Columns at;
    at.begin = find_column(header, {"datetime"});
    at.end = find_column(header, {"datetime_end"});
    at.intensity = find_column(header, {"intensity_g_per_kwh"});
    at.low = find_column(header, {"intensity_g_per_kwh_low"});
    at.high = find_column(header, {"intensity_g_per_kwh_high"});
    at.zone = find_column(header, {"zone", "zone id"});
    at.basis = find_column(header, {"basis"});
    at.kind = find_column(header, {"intensity_kind"});
    at.is_estimated = find_column(header, {"is_estimated", "data estimated"});
    at.source = find_column(header, {"source"});
    find_export_columns(header, at);
    if (!at.begin || !at.intensity) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}: expected the columns datetime and intensity_g_per_kwh, or those "
                              "of an Electricity Maps export; found: {}",
                              name, fmt::join(header, ", "));
    }
    return at;
}

/// For each row that the CSV reader keeps (line ends inside quotes belong to a row, empty lines are
/// skipped) the line on which it begins. The header is the first.
std::vector<std::size_t> row_lines(std::string_view text) {
    std::vector<std::size_t> lines;
    std::size_t line = 1;
    std::size_t row_line = 1;
    bool is_quoted = false;
    bool is_empty = true;
    for (const char c : text) {
        if (c == '"') {
            is_quoted = !is_quoted;
        }
        if (c == '\n') {
            ++line;
        }
        if ((c == '\n' || c == '\r') && !is_quoted) {
            if (!is_empty) {
                lines.push_back(row_line);
            }
            is_empty = true;
        } else if (is_empty) {
            row_line = line;
            is_empty = false;
        }
    }
    if (!is_empty) {
        lines.push_back(row_line);
    }
    return lines;
}

/// Reads rows one after another and keeps what the whole file says.
class SeriesReader {
  public:
    SeriesReader(Columns at, const IntensityCsvOptions& options) : at_(at), options_(options) {}

    /// `where` is "FILE: line N".
    Status take(const std::vector<std::string>& row, const std::string& where) {
        IntensityInterval one;
        FINEWATT_ASSIGN(one.begin, time_in(row[*at_.begin], where));
        one.end = later(one.begin, kNanosecondsPerHour);  // until set_ends knows the spacing
        if (at_.end) {
            FINEWATT_ASSIGN(one.end, time_in(row[*at_.end], where));
        }
        FINEWATT_ASSIGN(const std::optional<CarbonIntensity> intensity,
                        intensity_in(row, at_.intensity, where));
        if (!intensity) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected an intensity in g/kWh, found an empty field; give "
                                  "the value, or leave the row away to leave a hole",
                                  where);
        }
        one.intensity = *intensity;
        FINEWATT_ASSIGN(one.low, intensity_in(row, at_.low, where));
        FINEWATT_ASSIGN(one.high, intensity_in(row, at_.high, where));
        FINEWATT_ASSIGN(one.is_estimated, flag_in(row, where));
        FINEWATT_TRY(check_interval(one, where));
        FINEWATT_TRY(check_order(one, where));
        FINEWATT_TRY(take_texts(row, where));
        series_.intervals.push_back(one);
        return {};
    }

    Result<IntensitySeries> finish(std::string_view name) {
        if (series_.intervals.empty()) {
            return FINEWATT_ERROR(kCorrupt, "{}: expected rows under the header, found none", name);
        }
        if (!at_.end) {
            set_ends();
        }
        if (!series_.basis) {
            series_.basis =
                at_.export_factor.empty() ? options_.basis : std::optional<std::string>("co2e");
        }
        if (series_.source.empty()) {
            series_.source = at_.export_factor.empty()
                                 ? fmt::format("time series of {}", name)
                                 : fmt::format("Electricity Maps export, {} factors ({})",
                                               at_.export_factor, name);
        }
        return std::move(series_);
    }

  private:
    Result<WallTime> time_in(const std::string& text, const std::string& where) const {
        const std::optional<ZonedTime> time = parse_zoned_time(text);
        if (!time) {
            return FINEWATT_ERROR(
                kCorrupt, "{}: expected a time like 2026-11-23T04:00:00Z, found '{}'", where, text);
        }
        if (!time->has_zone && !options_.is_naive_utc && !at_.is_utc_by_name) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected a time with its zone (Z or +01:00), found '{}'; "
                                  "add the zone, or say that the times are UTC",
                                  where, text);
        }
        return time->time;
    }

    Result<std::optional<CarbonIntensity>> intensity_in(const std::vector<std::string>& row,
                                                        const std::optional<std::size_t>& column,
                                                        const std::string& where) const {
        if (!column || row[*column].empty()) {
            return std::optional<CarbonIntensity>();
        }
        const std::optional<double> number = number_in(row[*column]);
        if (!number) {
            return FINEWATT_ERROR(kCorrupt, "{}: expected an intensity in g/kWh, found '{}'", where,
                                  row[*column]);
        }
        return std::optional(grams_per_kwh(*number));
    }

    Result<bool> flag_in(const std::vector<std::string>& row, const std::string& where) const {
        const std::string text = at_.is_estimated ? ascii_lower(row[*at_.is_estimated]) : "";
        if (text.empty() || text == "false" || text == "0" || text == "no") {
            return false;
        }
        if (text == "true" || text == "1" || text == "yes") {
            return true;
        }
        return FINEWATT_ERROR(kCorrupt, "{}: expected true or false for 'estimated', found '{}'",
                              where, row[*at_.is_estimated]);
    }

    Status check_order(const IntensityInterval& one, const std::string& where) const {
        if (series_.intervals.empty()) {
            return {};
        }
        const IntensityInterval& before = series_.intervals.back();
        const WallTime least = at_.end ? before.end : before.begin;
        if (one.begin < least || one.begin == before.begin) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected rows in order of time without overlap, found {} "
                                  "after {}; sort the file, and keep one row for each time",
                                  where, one.begin.to_iso8601(),
                                  at_.end ? least.to_iso8601() : before.begin.to_iso8601());
        }
        return {};
    }

    /// Zone, basis, kind and source: the same in all rows.
    Status take_texts(const std::vector<std::string>& row, const std::string& where) {
        const bool is_first = series_.intervals.empty();
        const std::string zone = at_.zone ? row[*at_.zone] : "";
        if (is_first) {
            series_.zone = zone;
            series_.source = at_.source ? row[*at_.source] : "";
        } else if (zone != series_.zone) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected the zone of the rows before, '{}', found '{}'; "
                                  "keep one zone in a file",
                                  where, series_.zone, zone);
        }
        std::optional<std::string> basis;
        if (at_.basis && !row[*at_.basis].empty()) {
            FINEWATT_ASSIGN(const CarbonBasis parsed, parse_carbon_basis(row[*at_.basis]));
            basis = std::string(carbon_basis_name(parsed));
        }
        const std::string kind = at_.kind ? ascii_lower(row[*at_.kind]) : "average";
        if (kind != "average" && kind != "marginal") {
            return FINEWATT_ERROR(kCorrupt, "{}: expected average or marginal, found '{}'", where,
                                  row[*at_.kind]);
        }
        const IntensityKind kind_here =
            kind == "average" ? IntensityKind::kAverage : IntensityKind::kMarginal;
        if (!is_first && (basis != series_.basis || kind_here != series_.kind)) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected the basis and the kind of the rows before; co2 and "
                                  "co2e, average and marginal are never mixed",
                                  where);
        }
        series_.basis = basis;
        series_.kind = kind_here;
        return {};
    }

    /// Each interval lasts as long as the shortest distance between two rows; one row alone lasts
    /// an hour.
    void set_ends() {
        std::int64_t spacing_ns = 0;
        for (std::size_t i = 1; i < series_.intervals.size(); ++i) {
            const std::int64_t distance_ns = series_.intervals[i].begin.as_unix_ns() -
                                             series_.intervals[i - 1].begin.as_unix_ns();
            spacing_ns = spacing_ns == 0 ? distance_ns : std::min(spacing_ns, distance_ns);
        }
        spacing_ns = spacing_ns == 0 ? kNanosecondsPerHour : spacing_ns;
        for (IntensityInterval& one : series_.intervals) {
            one.end = later(one.begin, spacing_ns);
        }
    }

    Columns at_;
    const IntensityCsvOptions& options_;
    IntensitySeries series_;
};

}  // namespace

Result<IntensitySeries> parse_intensity_csv(std::string_view text, std::string_view name,
                                            const IntensityCsvOptions& options) {
    IntensityCsvOptions checked = options;
    if (options.basis) {
        FINEWATT_ASSIGN(const CarbonBasis basis, parse_carbon_basis(*options.basis));
        checked.basis = std::string(carbon_basis_name(basis));
    }
    FINEWATT_ASSIGN(const CsvTable table, parse_csv(text, name));
    FINEWATT_ASSIGN(const Columns at, find_columns(table.header, name));
    const std::vector<std::size_t> lines = row_lines(text);
    SeriesReader reader(at, checked);
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
        const std::size_t line = i + 1 < lines.size() ? lines[i + 1] : i + 2;
        FINEWATT_TRY(reader.take(table.rows[i], fmt::format("{}: line {}", name, line)));
    }
    FINEWATT_ASSIGN(IntensitySeries series, reader.finish(name));
    if (options.zone && ascii_lower(*options.zone) != ascii_lower(series.zone)) {
        return FINEWATT_ERROR(kNotFound,
                              "{}: expected intensities of zone '{}', found {}; give the file of "
                              "that zone",
                              name, *options.zone,
                              series.zone.empty() ? "no zone" : "'" + series.zone + "'");
    }
    return series;
}

Result<IntensitySeries> read_intensity_csv(const std::filesystem::path& file,
                                           const IntensityCsvOptions& options) {
    FINEWATT_ASSIGN(const std::string text, read_file(file));
    return parse_intensity_csv(text, file.string(), options);
}

}  // namespace finewatt
