#include "finewatt/meter/trace_line_internal.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace finewatt {
namespace {

namespace dom = simdjson::dom;

static_assert(kTraceLinePadding >= simdjson::SIMDJSON_PADDING);

Error malformed(std::string_view expected, std::string_view found) {
    return FINEWATT_ERROR(kCorrupt, "expected {}, found {}", expected, found);
}

/// Show a value in a message, shortened.
std::string shown(const dom::element& value) {
    constexpr std::size_t kMost = 60;
    std::string text = simdjson::minify(value);
    if (text.size() > kMost) {
        text.resize(kMost);
        text += "…";
    }
    return text;
}

/// The fields of one object, by name; null counts as absent where the field is optional.
class Fields {
  public:
    Fields(dom::object object, std::string_view what) : object_(object), what_(what) {}

    std::optional<dom::element> find(std::string_view name) const {
        dom::element value;
        if (object_.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) {
            return std::nullopt;
        }
        return value;
    }

    Result<std::string> text(std::string_view name) const {
        const auto value = find(name);
        std::string_view view;
        if (!value || value->get(view) != simdjson::SUCCESS) {
            return wrong(name, "a string", value);
        }
        return std::string(view);
    }

    /// A number >= `least`, or absent. With `is_open`, `least` itself is refused.
    Result<std::optional<double>> number(std::string_view name, double least, bool is_open) const {
        const auto value = find(name);
        if (!value) {
            return std::optional<double>();
        }
        double number = 0;
        const bool is_number = value->is_number() && value->get(number) == simdjson::SUCCESS;
        if (!is_number || number < least || (is_open && number == least)) {
            return wrong(name, fmt::format("a number {} {}", is_open ? ">" : ">=", least), value);
        }
        return std::optional<double>(number);
    }

    Error wrong(std::string_view name, std::string_view expected,
                const std::optional<dom::element>& found) const {
        return malformed(
            fmt::format("field '{}' of {} to be ", name, what_) + std::string(expected),
            found ? shown(*found) : "none");
    }

  private:
    dom::object object_;
    std::string what_;
};

struct Unit {
    std::string_view name;
    ChannelKind kind;
    double size;
};

constexpr std::array<Unit, 6> kUnits{{
    {"uJ", ChannelKind::kCounter, 1e-6},
    {"mJ", ChannelKind::kCounter, 1e-3},
    {"J", ChannelKind::kCounter, 1},
    {"ticks", ChannelKind::kCounter, 0},
    {"mW", ChannelKind::kGauge, 1e-3},
    {"W", ChannelKind::kGauge, 1},
}};

Status read_unit(const Fields& fields, ChannelSpec& spec) {
    FINEWATT_ASSIGN(const std::string kind, fields.text("kind"));
    if (kind != "counter" && kind != "gauge") {
        return fields.wrong("kind", "\"counter\" or \"gauge\"", fields.find("kind"));
    }
    spec.kind = kind == "counter" ? ChannelKind::kCounter : ChannelKind::kGauge;
    FINEWATT_ASSIGN(spec.unit, fields.text("unit"));
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&spec](const Unit& known) {
        return known.name == spec.unit && known.kind == spec.kind;
    });
    if (unit == kUnits.end()) {
        return fields.wrong("unit",
                            spec.kind == ChannelKind::kCounter ? "uJ, mJ, J or ticks (a counter)"
                                                               : "mW or W (a gauge)",
                            fields.find("unit"));
    }
    spec.unit_size = unit->size;
    FINEWATT_ASSIGN(const auto per_tick, fields.number("joules_per_tick", 0, true));
    const bool has_ticks = spec.unit == "ticks";
    if (has_ticks != per_tick.has_value()) {
        return fields.wrong(
            "joules_per_tick",
            has_ticks ? "a number > 0 (the unit is ticks)" : "absent (the unit is not ticks)",
            fields.find("joules_per_tick"));
    }
    spec.unit_size = per_tick.value_or(spec.unit_size);
    return {};
}

Status read_range(const Fields& fields, ChannelSpec& spec) {
    const auto value = fields.find("range");
    if (!value) {
        return {};
    }
    std::uint64_t range = 0;
    if (spec.kind == ChannelKind::kGauge) {
        return fields.wrong("range", "null (a gauge does not wrap)", value);
    }
    if (value->get(range) != simdjson::SUCCESS || range == 0) {
        return fields.wrong("range", "an integer > 0 or null", value);
    }
    spec.range = range;
    return {};
}

/// Fields beyond the format, which finewatt's own recorder writes: taken where they make sense.
void read_extras(const Fields& fields, ChannelSpec& spec) {
    spec.source = fields.text("source").value_or("trace");
    if (const auto name = fields.text("provenance")) {
        const auto provenance = parse_provenance(*name);
        spec.provenance =
            provenance && *provenance != Provenance::kMixed ? *provenance : spec.provenance;
    }
    spec.resolution_raw =
        fields.number("resolution", 0, true).value_or(std::nullopt).value_or(spec.resolution_raw);
    spec.gain_error_low = fields.number("gain_error_low", 0, false).value_or(std::nullopt);
    spec.gain_error_high = fields.number("gain_error_high", 0, false).value_or(std::nullopt);
}

Result<ChannelSpec> read_channel(const dom::element& element, std::size_t index) {
    dom::object object;
    const std::string what = fmt::format("channel {}", index + 1);
    if (element.get(object) != simdjson::SUCCESS) {
        return malformed(what + " to be an object", shown(element));
    }
    const Fields fields(object, what);
    ChannelSpec spec;
    FINEWATT_ASSIGN(spec.id, fields.text("id"));
    if (spec.id.empty()) {
        return fields.wrong("id", "a non-empty string", fields.find("id"));
    }
    FINEWATT_TRY(read_unit(fields, spec));
    FINEWATT_TRY(read_range(fields, spec));
    FINEWATT_ASSIGN(spec.max_power_w, fields.number("max_power_w", 0, true));
    FINEWATT_ASSIGN(const std::string domain, fields.text("domain"));
    const auto known = parse_domain(domain);
    if (!known) {
        return fields.wrong("domain", "package, dram, core, psys, gpu, node or other",
                            fields.find("domain"));
    }
    spec.domain = *known;
    if (fields.find("device")) {
        FINEWATT_ASSIGN(spec.device, fields.text("device"));
    }
    FINEWATT_ASSIGN(spec.window_ms, fields.number("window_ms", 0, false));
    FINEWATT_ASSIGN(spec.update_ms, fields.number("update_ms", 0, false));
    read_extras(fields, spec);
    return spec;
}

/// What a timed line holds, before it is checked.
struct RawLine {
    dom::element t_ns, id, raw, error, phase, edge;
    bool has_t_ns = false, has_id = false, has_raw = false, has_error = false, has_phase = false,
         has_edge = false;
};

void collect(const dom::object& object, RawLine& line) {
    for (const dom::key_value_pair field : object) {
        if (field.key == "t_ns") {
            line.t_ns = field.value;
            line.has_t_ns = true;
        } else if (field.key == "id") {
            line.id = field.value;
            line.has_id = true;
        } else if (field.key == "raw") {
            line.raw = field.value;
            line.has_raw = true;
        } else if (field.key == "error") {
            line.error = field.value;
            line.has_error = true;
        } else if (field.key == "phase") {
            line.phase = field.value;
            line.has_phase = true;
        } else if (field.key == "edge") {
            line.edge = field.value;
            line.has_edge = true;
        }
    }
}

Status check_text(const dom::element& value, bool is_there, std::string_view name,
                  std::string_view& text) {
    if (!is_there || value.get(text) != simdjson::SUCCESS) {
        return malformed(fmt::format("field '{}' to be a string", name),
                         is_there ? shown(value) : "none");
    }
    return {};
}

Status check_phase(const RawLine& line, TimedLine& timed) {
    timed.kind = TraceLineKind::kPhase;
    FINEWATT_TRY(check_text(line.phase, true, "phase", timed.phase));
    std::string_view edge;
    FINEWATT_TRY(check_text(line.edge, line.has_edge, "edge", edge));
    if (edge != "begin" && edge != "end") {
        return malformed("field 'edge' to be \"begin\" or \"end\"", shown(line.edge));
    }
    timed.edge = edge == "begin" ? PhaseEdge::kBegin : PhaseEdge::kEnd;
    return {};
}

Result<TimedLine> check(const RawLine& line) {
    TimedLine timed;
    const int kinds = int{line.has_raw} + int{line.has_error} + int{line.has_phase};
    if (kinds != 1) {
        return malformed("one of 'raw', 'error' and 'phase' in a line", fmt::format("{}", kinds));
    }
    if (!line.has_t_ns || line.t_ns.get(timed.t_ns) != simdjson::SUCCESS || timed.t_ns < 0) {
        return malformed("field 't_ns' to be an integer from 0 to 2^63 - 1",
                         line.has_t_ns ? shown(line.t_ns) : "none");
    }
    if (line.has_phase) {
        FINEWATT_TRY(check_phase(line, timed));
        return timed;
    }
    FINEWATT_TRY(check_text(line.id, line.has_id, "id", timed.id));
    if (line.has_error) {
        timed.kind = TraceLineKind::kFailure;
        FINEWATT_TRY(check_text(line.error, true, "error", timed.error));
        return timed;
    }
    if (line.raw.get(timed.raw) != simdjson::SUCCESS) {
        return malformed("field 'raw' to be an integer from 0 to 2^64 - 1", shown(line.raw));
    }
    return timed;
}

}  // namespace

class TraceLineParser::Impl {
  public:
    /// Parse a line that must be one object.
    Result<dom::object> object(std::string_view line) {
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
            return malformed("one JSON object", "an empty line");
        }
        dom::element document;
        const auto error = parser_.parse(line.data(), line.size(), false).get(document);
        if (error != simdjson::SUCCESS) {
            return malformed("one JSON object", simdjson::error_message(error));
        }
        dom::object object;
        if (document.get(object) != simdjson::SUCCESS) {
            return malformed("one JSON object", shown(document));
        }
        return object;
    }

  private:
    dom::parser parser_;
};

TraceLineParser::TraceLineParser() : impl_(std::make_unique<Impl>()) {}

TraceLineParser::~TraceLineParser() = default;

Result<TraceHeaderLine> TraceLineParser::header(std::string_view line) {
    FINEWATT_ASSIGN(const dom::object object, impl_->object(line));
    const Fields fields(object, "the header");
    const auto version = fields.find("finewatt_trace");
    std::int64_t number = 0;
    if (!version || version->get(number) != simdjson::SUCCESS || number != 1) {
        return fields.wrong("finewatt_trace", "1", version);
    }
    TraceHeaderLine header;
    FINEWATT_ASSIGN(const std::string started_at, fields.text("started_at"));
    const auto wall = WallTime::parse_iso8601(started_at);
    if (!wall) {
        return fields.wrong("started_at", "UTC like 2026-11-23T04:28:00Z",
                            fields.find("started_at"));
    }
    header.started_at = *wall;
    const auto list = fields.find("channels");
    dom::array channels;
    if (!list || list->get(channels) != simdjson::SUCCESS) {
        return fields.wrong("channels", "an array", list);
    }
    std::set<std::string> ids;
    for (const dom::element channel : channels) {
        FINEWATT_ASSIGN(ChannelSpec spec, read_channel(channel, header.channels.size()));
        if (!ids.insert(spec.id).second) {
            return malformed("each channel id once", fmt::format("'{}' twice", spec.id));
        }
        header.channels.push_back(std::move(spec));
    }
    return header;
}

Result<TimedLine> TraceLineParser::timed(std::string_view line) {
    FINEWATT_ASSIGN(const dom::object object, impl_->object(line));
    RawLine raw;
    collect(object, raw);
    return check(raw);
}

}  // namespace finewatt
