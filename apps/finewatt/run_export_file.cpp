#include "finewatt/run_export_file.h"

#include "finewatt/record/json.h"
#include "finewatt/record/ulid.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <set>
#include <utility>

namespace finewatt::app {
namespace {

using nlohmann::json;

std::string json_text(const std::string& text) {
    return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Write numbers as a JSON list, a piece at a time. The shortest digits that read back as the same
/// double; "-0.0" with its point, as "-0" would read back as a whole number without sign.
Status write_numbers(const TextSink& sink, const std::vector<double>& values) {
    constexpr std::size_t kPiece = 1 << 16;
    std::string text = "[";
    for (std::size_t i = 0; i < values.size(); ++i) {
        text += i == 0 ? "" : ",";
        const double value = values[i];
        if (!std::isfinite(value)) {
            text += "null";
        } else if (value == 0 && std::signbit(value)) {
            text += "-0.0";
        } else {
            fmt::format_to(std::back_inserter(text), "{}", value);
        }
        if (text.size() >= kPiece) {
            FINEWATT_TRY(sink(text));
            text.clear();
        }
    }
    text += "]";
    return sink(text);
}

Status write_series(const TextSink& sink, const PowerSeries& series) {
    FINEWATT_TRY(sink(fmt::format(R"({{"channel":{},"component":{},"provenance":{},"t_s":)",
                                  json_text(series.channel), json_text(series.component),
                                  json_text(series.provenance))));
    FINEWATT_TRY(write_numbers(sink, series.t_s));
    FINEWATT_TRY(sink(R"(,"power_w":)"));
    FINEWATT_TRY(write_numbers(sink, series.power_w));
    return sink("}");
}

/// Steps through the text and counts its lines, so that a fault in a run can be placed.
class LineCounter {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    LineCounter(const char* place, std::size_t* line) : place_(place), begin_(place), line_(line) {}

    reference operator*() const { return *place_; }

    LineCounter& operator++() {
        // A line counts from its first letter on: the parser looks one letter ahead.
        *line_ += place_ != begin_ && place_[-1] == '\n' ? 1 : 0;
        ++place_;
        return *this;
    }

    LineCounter operator++(int) {
        LineCounter before = *this;
        ++*this;
        return before;
    }

    friend bool operator==(const LineCounter& a, const LineCounter& b) {
        return a.place_ == b.place_;
    }

    friend bool operator!=(const LineCounter& a, const LineCounter& b) { return !(a == b); }

  private:
    const char* place_;
    const char* begin_;
    std::size_t* line_;
};

/// Takes the parser's events. A run is taken at its end and then dropped from the document, and the
/// numbers of its series at once, so that the document stays small.
class ExportReader {
  public:
    ExportReader(std::string_view name, const std::function<Status(ExportedRun&& run)>& visit)
        : name_(name),
          visit_(visit) {}

    Status read(std::string_view text) {
        const LineCounter begin(text.data(), &line_);
        const LineCounter end(text.data() + text.size(), &line_);
        const auto on_event = [this](int depth, json::parse_event_t event, json& value) {
            return status_.has_value() && handle(static_cast<std::size_t>(depth), event, value);
        };
        try {
            // What is left of the document has been seen already.
            [[maybe_unused]] const json rest = json::parse(begin, end, on_event);
        } catch (const json::exception& error) {
            if (status_) {
                return syntax_error(error.what());
            }
        }
        if (status_ && !has_runs_) {
            fail(ErrorCode::kCorrupt,
                 "expected an object with the keys 'finewatt_export' and 'runs', as `finewatt runs "
                 "export` writes it, found none; for a file of another tool add --format NAME");
        }
        return status_;
    }

  private:
    // Kinds of the levels around a value: o = object, a = list. Root, runs, run, series, one of
    // them, column.
    static constexpr std::string_view kRuns = "oa";
    static constexpr std::string_view kRun = "oao";
    static constexpr std::string_view kNoRun = "oaa";
    static constexpr std::string_view kSeries = "oaoao";
    static constexpr std::string_view kColumn = "oaoaoa";
    static constexpr std::size_t kMostLevels = 6;

    void fail(ErrorCode code, const std::string& message) {
        // Texts of the file go into messages, and messages to terminals.
        status_ = Error(code, fmt::format("{}: {}", name_, safe_text(message)));
    }

    void fail_run(const std::string& message) {
        fail(ErrorCode::kCorrupt,
             fmt::format("line {}: run {}: {}", run_line_, run_number_, message));
    }

    Error syntax_error(std::string_view what) const {
        // "[json.exception.parse_error.101] parse error at line 3, column 7: …"
        const std::size_t bracket = what.find("] ");
        return FINEWATT_ERROR(
            kCorrupt,
            "{}: expected a whole export of finewatt: {}; nothing was imported (for a file of "
            "another tool add --format NAME)",
            name_, bracket == std::string_view::npos ? what : what.substr(bracket + 2));
    }

    /// Whether the place is inside "runs", at the levels given.
    bool is_at(std::string_view levels) const {
        return levels_ == levels && keys_[1] == "runs" && (levels.size() < 4 || is_inside_series());
    }

    bool is_inside_series() const { return keys_[1] == "runs" && keys_[3] == "power_series"; }

    void enter(std::size_t depth, char kind) {
        levels_.resize(std::min(depth, kMostLevels + 1));
        levels_ += kind;
        if (depth == kMostLevels && levels_.starts_with(kColumn) && is_inside_series()) {
            fail_run("power_series: expected numbers in lists, found lists or objects in them");
        }
        if (depth >= kMostLevels) {
            return;
        }
        if (is_at(kRuns)) {
            has_runs_ = true;
            if (!has_version_) {
                fail(ErrorCode::kCorrupt,
                     "expected the key 'finewatt_export' before 'runs', found none");
            }
        } else if (is_at(kRun) || is_at(kNoRun)) {
            run_line_ = line_;
            ++run_number_;
            series_.clear();
            if (kind != 'o') {
                fail_run("expected an object, found a list");
            }
        } else if (is_at(kSeries)) {
            series_.emplace_back();
        }
    }

    std::vector<double>* column() {
        if (!is_at(kColumn)) {
            return nullptr;
        }
        if (keys_[5] == "t_s") {
            return &series_.back().t_s;
        }
        return keys_[5] == "power_w" ? &series_.back().power_w : nullptr;
    }

    void check_version(const json& value) {
        if (!value.is_number_integer()) {
            fail(ErrorCode::kCorrupt, fmt::format("expected a whole number 'finewatt_export', "
                                                  "found {}",
                                                  value.dump().substr(0, 40)));
        } else if (value.get<std::int64_t>() > kExportVersion) {
            fail(
                ErrorCode::kUnsupported,
                fmt::format("expected an export of version {}, found {}; a newer finewatt reads it",
                            kExportVersion, value.dump()));
        } else if (value.get<std::int64_t>() < 1) {
            fail(ErrorCode::kCorrupt, fmt::format("expected an export of version {}, found {}",
                                                  kExportVersion, value.dump()));
        }
        has_version_ = true;
    }

    /// Take a number or text; returns whether the parser shall keep it.
    bool take_value(std::size_t depth, const json& value) {
        levels_.resize(std::min(depth, levels_.size()));
        if (levels_ == "o" && keys_[1] == "finewatt_export") {
            check_version(value);
            return true;
        }
        if (is_at(kRuns)) {
            ++run_number_;
            run_line_ = line_;
            fail_run(fmt::format("expected an object, found {}", value.type_name()));
            return false;
        }
        std::vector<double>* const numbers = column();
        if (numbers == nullptr) {
            return true;
        }
        if (value.is_number()) {
            numbers->push_back(value.get<double>());
        } else if (value.is_null()) {
            numbers->push_back(std::numeric_limits<double>::quiet_NaN());
        } else {
            fail_run(fmt::format("{}: expected a number, found {}", keys_[5], value.type_name()));
        }
        return false;
    }

    /// Returns whether the parser shall keep what it read.
    bool handle(std::size_t depth, json::parse_event_t event, json& value) {
        switch (event) {
            case json::parse_event_t::object_start:
                enter(depth, 'o');
                return true;
            case json::parse_event_t::array_start:
                enter(depth, 'a');
                return true;
            case json::parse_event_t::key:
                levels_.resize(std::min(depth, levels_.size()));
                if (depth < keys_.size()) {
                    keys_[depth] = value.get<std::string>();
                }
                return true;
            case json::parse_event_t::value:
                return take_value(depth, value);
            case json::parse_event_t::object_end:
            case json::parse_event_t::array_end:
                levels_.resize(std::min(depth + 1, levels_.size()));
                if (is_at(kRun)) {
                    take_run(value);
                    return false;
                }
                return true;
        }
        return true;
    }

    /// A text member of a series.
    static std::string text_of(const json& object, const char* key) {
        const auto found = object.find(key);
        return found != object.end() && found->is_string() ? found->get<std::string>()
                                                           : std::string();
    }

    static bool has_list(const json& object, const char* key) {
        const auto found = object.find(key);
        return found != object.end() && found->is_array();
    }

    /// Give the series their names, and check them.
    bool name_series(const json& document) {
        const json listed = document.value("power_series", json::array());
        if (!listed.is_array() || listed.size() != series_.size()) {
            fail_run("power_series: expected a list of objects");
            return false;
        }
        std::set<std::string> channels;
        for (std::size_t i = 0; i < series_.size(); ++i) {
            PowerSeries& series = series_[i];
            series.channel = text_of(listed[i], "channel");
            series.component = text_of(listed[i], "component");
            series.provenance = text_of(listed[i], "provenance");
            if (series.channel.empty() || !channels.insert(series.channel).second) {
                fail_run(fmt::format("power_series {}: expected a channel of its own, found '{}'",
                                     i + 1, series.channel));
                return false;
            }
            if (!has_list(listed[i], "t_s") || !has_list(listed[i], "power_w")) {
                fail_run(fmt::format("channel '{}': expected the lists 't_s' and 'power_w'",
                                     series.channel));
                return false;
            }
            if (series.t_s.size() != series.power_w.size()) {
                fail_run(
                    fmt::format("channel '{}': expected as many times as powers, found {} and "
                                "{}",
                                series.channel, series.t_s.size(), series.power_w.size()));
                return false;
            }
        }
        return true;
    }

    void take_run(const json& document) {
        const auto record = document.find("record");
        if (record == document.end()) {
            fail_run("expected the key 'record', found none");
            return;
        }
        Result<RunRecord> run = run_from_json(record->dump());
        if (!run) {
            fail_run(run.error().describe());
            return;
        }
        if (!is_ulid(run->run_id)) {
            fail_run(fmt::format("run_id: expected a ULID (26 characters of base 32), found '{}'",
                                 run->run_id));
            return;
        }
        if (!ids_.insert(run->run_id).second) {
            fail_run(fmt::format("expected each run once, found {} again", run->run_id));
            return;
        }
        if (name_series(document)) {
            status_ = visit_({*std::move(run), std::move(series_), run_line_});
            series_.clear();
        }
    }

    std::string_view name_;
    const std::function<Status(ExportedRun&& run)>& visit_;
    Status status_;
    std::size_t line_ = 1;
    std::string levels_;
    std::array<std::string, kMostLevels> keys_;  ///< the last key at each depth
    bool has_version_ = false;
    bool has_runs_ = false;
    std::size_t run_number_ = 0;
    std::size_t run_line_ = 0;
    std::vector<PowerSeries> series_;  ///< of the run that is being read
    std::set<std::string> ids_;
};

}  // namespace

Status RunExportWriter::write_separator() {
    if (is_begun_) {
        return sink_(",\n");
    }
    is_begun_ = true;
    return sink_(fmt::format("{{\"finewatt_export\":{},\"finewatt\":{},\"runs\":[\n",
                             kExportVersion, json_text(program_version_)));
}

Status RunExportWriter::add(const RunRecord& run, std::span<const PowerSeries> series) {
    FINEWATT_TRY(write_separator());
    FINEWATT_TRY(sink_(fmt::format(R"({{"record":{},"power_series":[)", to_json(run))));
    for (std::size_t i = 0; i < series.size(); ++i) {
        if (i > 0) {
            FINEWATT_TRY(sink_(","));
        }
        FINEWATT_TRY(write_series(sink_, series[i]));
    }
    return sink_("]}");
}

Status RunExportWriter::finish() {
    if (!is_begun_) {
        FINEWATT_TRY(write_separator());
    }
    return sink_("\n]}\n");
}

Status for_each_exported_run(std::string_view text, std::string_view name,
                             const std::function<Status(ExportedRun&& run)>& visit) {
    return ExportReader(name, visit).read(text);
}

}  // namespace finewatt::app
