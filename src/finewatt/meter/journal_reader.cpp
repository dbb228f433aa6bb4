#include "finewatt/base/file.h"
#include "finewatt/meter/energy_total.h"
#include "finewatt/meter/journal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace finewatt {
namespace {

using Json = nlohmann::json;

constexpr int kVersion = 1;
/// Fields of a channel in a checkpoint, see journal_writer.cpp.
constexpr std::size_t kChannelFields = 11;

Error broken(const std::string& what) {
    return FINEWATT_ERROR(kCorrupt, "{}", what);
}

// The getters below throw nlohmann's exceptions when a key is missing or has another type;
// read_line() catches them.

template <class T>
std::optional<T> optional_of(const Json& json) {
    return json.is_null() ? std::nullopt : std::optional<T>(json.get<T>());
}

std::optional<Joules> joules_of(const Json& json) {
    const auto value = optional_of<double>(json);
    return value ? std::optional(joules(*value)) : std::nullopt;
}

ChannelSpec channel_of(const Json& json) {
    ChannelSpec spec;
    spec.id = json.at("id").get<std::string>();
    spec.kind = json.at("kind") == "gauge" ? ChannelKind::kGauge : ChannelKind::kCounter;
    spec.unit = json.at("unit").get<std::string>();
    spec.unit_size = json.at("unit_size").get<double>();
    spec.range = optional_of<std::uint64_t>(json.at("range"));
    spec.max_power_w = optional_of<double>(json.at("max_power_w"));
    spec.domain = parse_domain(json.at("domain").get<std::string>()).value_or(Domain::kOther);
    spec.device = json.at("device").get<std::string>();
    spec.window_ms = optional_of<double>(json.at("window_ms"));
    spec.update_ms = optional_of<double>(json.at("update_ms"));
    spec.source = json.at("source").get<std::string>();
    spec.provenance =
        parse_provenance(json.at("provenance").get<std::string>()).value_or(Provenance::kAssumed);
    spec.gain_error_low = optional_of<double>(json.at("gain_error_low"));
    spec.gain_error_high = optional_of<double>(json.at("gain_error_high"));
    spec.reason = json.at("reason").get<std::string>();
    return spec;
}

MonoTime mono_of(const Json& json) {
    return MonoTime::from_ns(json.at("t_mono_ns").get<std::int64_t>());
}

WallTime wall_of(const Json& json) {
    return WallTime::from_unix_ns(json.at("wall_unix_ns").get<std::int64_t>());
}

Status read_header(const Json& json, JournalHeader& header) {
    if (!json.contains("finewatt_journal")) {
        return broken("expected the header of a journal, found another line");
    }
    if (json.at("finewatt_journal") != kVersion) {
        return broken(fmt::format("expected journal version {}, found {}", kVersion,
                                  json.at("finewatt_journal").dump()));
    }
    header.run_id = json.at("run_id").get<std::string>();
    header.boot_id = json.at("boot_id").get<std::string>();
    header.begin = mono_of(json);
    header.started_at = wall_of(json);
    header.seed = json.at("seed").get<std::uint64_t>();
    for (const Json& channel : json.at("channels")) {
        header.channels.push_back(channel_of(channel));
    }
    return {};
}

Status read_checkpoint(const Json& json, JournalContents& contents) {
    Checkpoint checkpoint;
    checkpoint.time = mono_of(json);
    checkpoint.wall = wall_of(json);
    for (const Json& fields : json.at("checkpoint")) {
        if (!fields.is_array() || fields.size() != kChannelFields) {
            return broken(fmt::format("expected {} fields per channel", kChannelFields));
        }
        ChannelCheckpoint channel;
        channel.last_raw = optional_of<std::uint64_t>(fields.at(0));
        ChannelEnergy& energy = channel.energy;
        energy.energy = joules_of(fields.at(1));
        energy.energy_low = joules_of(fields.at(2));
        energy.energy_high = joules_of(fields.at(3));
        energy.gain_below = joules_of(fields.at(4)).value_or(Joules{});
        energy.gain_above = joules_of(fields.at(5)).value_or(Joules{});
        energy.coverage = fields.at(6).get<double>();
        energy.wraps = fields.at(7).get<std::uint64_t>();
        energy.gaps = fields.at(8).get<std::uint64_t>();
        if (const auto name = optional_of<std::string>(fields.at(9))) {
            energy.provenance = parse_provenance(*name);
        }
        energy.reason = optional_of<std::string>(fields.at(10));
        const bool has_range = energy.energy_low && energy.energy_high && energy.provenance;
        if (energy.energy ? !has_range : !energy.reason) {
            return broken("expected a range and provenance with an energy, a reason without one");
        }
        checkpoint.channels.push_back(std::move(channel));
    }
    if (checkpoint.channels.size() != contents.header.channels.size()) {
        return broken(fmt::format("expected {} channels as in the header, found {}",
                                  contents.header.channels.size(), checkpoint.channels.size()));
    }
    contents.last_checkpoint = std::move(checkpoint);
    return {};
}

Status read_body(const Json& json, JournalContents& contents) {
    if (json.contains("checkpoint")) {
        return read_checkpoint(json, contents);
    }
    if (json.contains("phase")) {
        contents.phase_edges.push_back(
            {json.at("phase").get<std::string>(),
             json.at("edge") == "end" ? PhaseEdge::kEnd : PhaseEdge::kBegin, mono_of(json)});
    } else if (json.contains("event")) {
        contents.events.push_back(json.at("event").dump());
    } else if (json.contains("end")) {
        contents.is_complete = true;
        contents.ended = mono_of(json);
    }
    // Any other object is a kind of line of a later version: skipped.
    return {};
}

Status read_line(std::string_view line, bool is_header, JournalContents& contents) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) {
        return broken("expected a JSON object, found something else");
    }
    try {
        return is_header ? read_header(json, contents.header) : read_body(json, contents);
    } catch (const Json::exception& e) {
        return broken(fmt::format("expected the fields of a journal line, found: {}", e.what()));
    }
}

}  // namespace

Result<JournalContents> read_journal(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    JournalContents contents;
    std::size_t begin = 0;
    std::size_t number = 0;
    while (begin < text.size()) {
        const std::size_t end = text.find('\n', begin);
        if (end == std::string::npos) {
            contents.has_torn_tail = true;
            break;
        }
        ++number;
        const std::string_view line = std::string_view(text).substr(begin, end - begin);
        FINEWATT_TRY_CONTEXT(read_line(line, number == 1, contents), "{}:{}", path.string(),
                             number);
        begin = end + 1;
    }
    if (number == 0) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}:1: expected the header of a journal, found no whole line; the "
                              "run died before it was measured",
                              path.string());
    }
    return contents;
}

EnergySummary JournalContents::energy() const {
    std::vector<ChannelEnergy> energies;
    for (std::size_t i = 0; i < header.channels.size(); ++i) {
        if (last_checkpoint) {
            ChannelEnergy energy = last_checkpoint->channels[i].energy;
            const double seconds = as_seconds(last_checkpoint->time - header.begin);
            if (energy.energy && seconds > 0 && energy.coverage > 0) {
                energy.power_mean = watts(energy.energy->as_joules() / (seconds * energy.coverage));
            }
            energies.push_back(std::move(energy));
        } else {
            energies.emplace_back().reason = "the journal ends before its first checkpoint";
        }
    }
    return summarize_energy(header.channels, energies);
}

std::chrono::nanoseconds JournalContents::duration() const {
    if (ended) {
        return *ended - header.begin;
    }
    return last_checkpoint ? last_checkpoint->time - header.begin : std::chrono::nanoseconds(0);
}

Result<std::string> read_boot_id(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(std::string text, read_file(path));
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    return text;
}

}  // namespace finewatt
