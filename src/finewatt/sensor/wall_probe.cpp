// Asks the wall meters of a run once, and decides how each counts in the node's total.

#include "finewatt/sensor/wall_source_internal.h"

#include <algorithm>
#include <array>
#include <utility>

namespace finewatt {
namespace {

/// Reports of wall meters have names that start with this.
constexpr std::string_view kPrefix = "wall:";

Result<std::unique_ptr<WallReader>> open_reader(const WallMeterSpec& spec,
                                                const DiscoveryOptions& options) {
    switch (spec.kind) {
        case WallMeterKind::kShelly1:
        case WallMeterKind::kShelly:
            return open_shelly_meter(spec, options);
        case WallMeterKind::kTasmota:
            return open_tasmota_meter(spec, options);
        case WallMeterKind::kKasa:
            return open_kasa_meter(spec, options);
        case WallMeterKind::kJson:
            return open_json_meter(spec, options);
        case WallMeterKind::kCsv:
            return open_csv_meter(spec, options);
        case WallMeterKind::kRedfish:
            return open_redfish_meter(spec, options);
        case WallMeterKind::kIpmi:
            return open_ipmi_meter(spec, options);
    }
    return FINEWATT_ERROR(kInternal, "{}: unknown kind of meter", spec.name);
}

/// Outlets are devices of their own in the domain node, so they add up. Meters of the whole machine
/// share one device, so one of them is counted; beside outlets they would count the same energy
/// again and are never added.
WallPlace place_of(const WallMeterSpec& spec, bool has_outlets) {
    switch (spec.scope) {
        case WallScope::kOutlet:
            return {Domain::kNode, spec.name,
                    fmt::format("wall meter {} at one outlet; outlets add up", spec.text)};
        case WallScope::kNode:
            if (has_outlets) {
                return {Domain::kOther, spec.name,
                        fmt::format("{} sees the whole machine, whose outlets are metered already",
                                    spec.text)};
            }
            return {Domain::kNode, "node", fmt::format("{} sees the whole machine", spec.text)};
        case WallScope::kOther:
            break;
    }
    return {Domain::kOther, spec.name,
            fmt::format("{} covers something else than this machine", spec.text)};
}

std::string fix_for(const WallMeterSpec& spec, const Error& error) {
    if (spec.kind == WallMeterKind::kIpmi || spec.kind == WallMeterKind::kCsv) {
        return "";  // the message says it
    }
    switch (error.code()) {
        case ErrorCode::kPermission:
            return "set FINEWATT_WALL_USER and FINEWATT_WALL_PASSWORD, or name a file with mode "
                   "0600 in FINEWATT_WALL_CREDENTIALS";
        case ErrorCode::kCorrupt:
            return "check that the address belongs to a meter of this kind (docs/wall-meters.md); "
                   "a self-signed certificate is taken with insecure=1";
        case ErrorCode::kInvalidArgument:
            return "";
        default:
            return "check address, network and power of the meter";
    }
}

SourceProbe failed_probe(const std::string& name, const Error& error, std::string fix) {
    const SourceStatus status = error.code() == ErrorCode::kPermission ? SourceStatus::kDenied
                                : error.code() == ErrorCode::kNotFound ? SourceStatus::kAbsent
                                                                       : SourceStatus::kBroken;
    SourceProbe probe;
    probe.reports.push_back({name, status, {}, error.describe(), std::move(fix)});
    return probe;
}

SourceProbe probe_meter(const WallMeterSpec& spec, const DiscoveryOptions& options,
                        bool has_outlets) {
    Result<std::unique_ptr<WallReader>> reader = open_reader(spec, options);
    if (!reader) {
        return failed_probe(spec.name, reader.error(), fix_for(spec, reader.error()));
    }
    const WallPlace place = place_of(spec, has_outlets);
    Result<std::unique_ptr<WallSource>> source =
        WallSource::open(spec, std::move(*reader), place, options.clock);
    if (!source) {
        return failed_probe(spec.name, source.error(), fix_for(spec, source.error()));
    }
    SourceReport report{spec.name, SourceStatus::kUsable, {}, "answers; " + place.reason, ""};
    for (const ChannelSpec& channel : (*source)->channels()) {
        report.channels.push_back(channel.id);
    }
    SourceProbe probe;
    probe.reports.push_back(std::move(report));
    probe.source = std::move(*source);
    return probe;
}

}  // namespace

std::vector<SourceProbe> probe_wall_meters(const DiscoveryOptions& options) {
    std::vector<SourceProbe> probes;
    const Result<std::vector<WallMeterSpec>> specs = parse_wall_meters(options.wall_meters);
    if (!specs) {
        probes.push_back(failed_probe(std::string(kPrefix), specs.error(), ""));
        return probes;
    }
    const bool has_outlets =
        std::any_of(specs->begin(), specs->end(),
                    [](const WallMeterSpec& spec) { return spec.scope == WallScope::kOutlet; });
    for (const WallMeterSpec& spec : *specs) {
        probes.push_back(probe_meter(spec, options, has_outlets));
    }
    return probes;
}

Status require_wall_meters(std::span<const SourceReport> reports) {
    for (const SourceReport& report : reports) {
        if (report.source.starts_with(kPrefix) && report.status != SourceStatus::kUsable) {
            const ErrorCode code = report.status == SourceStatus::kDenied   ? ErrorCode::kPermission
                                   : report.status == SourceStatus::kAbsent ? ErrorCode::kNotFound
                                                                            : ErrorCode::kIo;
            return Error(
                code,
                fmt::format("{}: expected an answer before the run starts, found: {}{}{}",
                            report.source, report.why, report.fix.empty() ? "" : "; ", report.fix));
        }
    }
    return {};
}

}  // namespace finewatt
