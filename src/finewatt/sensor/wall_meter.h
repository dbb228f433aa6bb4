// Wall meters and whole-node meters that the user names: how a meter is written on the command
// line, and what finding it gave. docs/wall-meters.md is the page for people.
//
// Main types: WallMeterSpec, and probe_wall_meters(), which discovery calls. Not for tables of
// readings taken by hand: wall_readings.h. How each meter answers is in shelly, tasmota, kasa,
// json, csv, redfish and ipmi files beside this one.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/sensor/probe.h"

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// The kinds of meters, each with its own way to be asked.
enum class WallMeterKind {
    kShelly1,  ///< Shelly plugs of the first generation
    kShelly,   ///< later Shelly devices
    kTasmota,
    kKasa,
    kJson,     ///< any device or program that answers HTTP with JSON
    kCsv,      ///< a file that another program writes meanwhile
    kRedfish,  ///< a server's management controller
    kIpmi,     ///< the local management controller, /dev/ipmi0
};

/// What a meter sees of the machine. Outlets add up; of meters that see the whole machine one is
/// counted, and none beside outlets; anything else is never part of a total.
enum class WallScope { kOutlet, kNode, kOther };

/// What to read of a meter that has both.
enum class WallChannels { kBoth, kPower, kEnergy };

/// One meter as the user named it. Holds no password, so all of it may be printed and stored.
struct WallMeterSpec {
    WallMeterKind kind{};
    std::string text;  ///< as given
    std::string name;  ///< "wall:shelly:192.168.1.20": unique, names source and channels
    bool is_tls = false;
    std::string host;  ///< without brackets; empty for files and ipmi:
    int port = 0;      ///< 0 = the usual one
    std::string path;  ///< after the host, with its '/'; of csv: the file
    /// Options of the kind that are left after the common ones below, e.g. "id" or "power".
    std::map<std::string, std::string> options;

    WallScope scope = WallScope::kOutlet;
    WallChannels channels = WallChannels::kBoth;
    std::optional<double> max_power_w;       ///< ceiling; nothing = that of the kind
    std::optional<double> accuracy_percent;  ///< of the meter, from its data sheet
    std::optional<double> window_ms;         ///< time over which the meter averages power
    std::optional<double> update_ms;         ///< how often the meter renews its power figure
    std::optional<double> energy_update_ms;  ///< how often it renews its energy counter
    std::chrono::milliseconds timeout{2000};
    bool is_insecure = false;  ///< take any TLS certificate
};

/// Read one `--wall` argument. Errors: invalid argument, saying what is wrong and how the form
/// looks. A user name or password inside is refused, and never repeated in the message.
Result<WallMeterSpec> parse_wall_meter(std::string_view text);

/// Read all arguments of one run. Errors: those of parse_wall_meter; invalid argument when a meter
/// is named twice, because it would be counted twice.
Result<std::vector<WallMeterSpec>> parse_wall_meters(std::span<const std::string> texts);

/// Return the forms of `--wall`, one a line, for `--help` and error messages.
std::string_view wall_meter_forms();

/// Ask every meter of `options.wall_meters` once. One probe per meter, in order: a source, or a
/// report that says why not. A list that cannot be read gives one report with status broken.
/// Waits at most a few times each meter's timeout.
std::vector<SourceProbe> probe_wall_meters(const DiscoveryOptions& options);

/// Return an error unless every wall meter of the run answers: a run that should have been checked
/// at the wall is worth little without it. `reports` are those of discover().
Status require_wall_meters(std::span<const SourceReport> reports);

}  // namespace finewatt
