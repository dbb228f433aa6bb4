// What is measured: channels and readings, as plain structs. Sources (sensor/) make them, the meter
// turns them into energy, traces and records carry them.
#pragma once

#include "finewatt/base/clock.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace finewatt {

/// Cumulative energy that may wrap, or instantaneous (or averaged) power.
enum class ChannelKind { kCounter, kGauge };

/// The part of a machine a channel covers. `other` lies inside a domain that is counted already
/// (uncore, integrated GPU), and is never added.
enum class Domain { kPackage, kDram, kCore, kPsys, kGpu, kNode, kOther };

/// Where a figure comes from, weakest last: read from a counter; integrated from power; computed
/// from a model; assumed without any knowledge of this machine. `kMixed` only on totals.
enum class Provenance { kMeasured, kDerived, kModelled, kAssumed, kMixed };

std::string_view domain_name(Domain domain);
std::optional<Domain> parse_domain(std::string_view name);
std::string_view provenance_name(Provenance provenance);
std::optional<Provenance> parse_provenance(std::string_view name);

/// One counter or gauge. The fields `id` to `update_ms` are those of the trace format
/// (docs/formats/trace.md); the rest says what a record must show.
struct ChannelSpec {
    std::string id;  ///< unique in a run, e.g. "powercap:package-0"
    ChannelKind kind = ChannelKind::kCounter;
    /// Size of one raw unit: joules for a counter, watts for a gauge. Exact where the source
    /// states it (1e-6 for powercap's microjoules).
    double unit_size = 0;
    std::string unit;                    ///< "uJ", "mJ", "J", "ticks", "mW" or "W"
    std::optional<std::uint64_t> range;  ///< counter modulus in raw units; nothing = unknown
    /// Ceiling that bounds hidden wraps. Of a modelled gauge the limit that its device keeps, which
    /// also ends the range.
    std::optional<double> max_power_w;
    Domain domain = Domain::kOther;
    std::string device;  ///< names the hardware ("cpu0", a GPU's UUID); empty = a device of its own
    std::optional<double> window_ms;  ///< averaging window of the sensor
    std::optional<double> update_ms;  ///< update period of the sensor
    /// Smallest step the hardware really makes, in raw units; above 1 where the source reports in a
    /// finer unit than the sensor counts (powercap: microjoules for steps of 15.3 or 61 uJ).
    double resolution_raw = 1;

    std::string source;  ///< the source's name, e.g. "powercap", "nvml", "cpu-model"
    Provenance provenance = Provenance::kMeasured;
    /// Relative error of a model or of a sensor's gain: the true value lies in
    /// [1 - gain_error_low, 1 + gain_error_high] x the reading. Nothing = unknown, and then it is
    /// not part of the interval and the record says so.
    std::optional<double> gain_error_low;
    std::optional<double> gain_error_high;
    std::string reason;  ///< why this source was chosen for the component, one sentence
};

/// How reading one channel went. Only kOk has a value; retry leaves a gap, gone closes the channel,
/// fatal stops metering (never the measured command).
enum class PollOutcome { kOk, kRetry, kGone, kFatal };

/// One reading of one channel.
struct Reading {
    MonoTime time{};
    std::uint64_t raw = 0;
    PollOutcome outcome = PollOutcome::kRetry;
    /// Short code for a failed read ("EIO", "EACCES", "RANGE"); points at static storage.
    std::string_view error{};
};

}  // namespace finewatt
