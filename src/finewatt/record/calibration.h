// What `finewatt calibrate` keeps: the machine's power at rest (IdleBaseline) and the ratio of wall
// energy to software energy (WallCalibration). Plain structs with one field table each; the file
// format is docs/formats/calibration.md.
//
// Not for what a run took from them: CalibrationUse and BaselineUse in run.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/field.h"
#include "finewatt/units/quantity.h"

#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace finewatt {

/// Version of the file format that this program writes, and the newest that it reads.
inline constexpr int kCalibrationFormat = 1;
inline constexpr std::string_view kIdleType = "idle";
inline constexpr std::string_view kWallType = "wall";

/// What must be the same for a baseline or calibration to hold.
struct MachineIdentity {
    std::string cpu_model;
    std::optional<double> memory_bytes;
    std::vector<std::string> gpu_uuids;  ///< sorted
    std::vector<std::string> domains;    ///< of the software total, in the order of the total
    std::vector<std::string> sources;    ///< channels counted in it, sorted

    static constexpr auto fields() {
        using M = MachineIdentity;
        return std::make_tuple(
            field("cpu_model", &M::cpu_model, "", "processor as the kernel names it"),
            field("memory_bytes", &M::memory_bytes, "1", "memory that the kernel manages"),
            field("gpu_uuids", &M::gpu_uuids, "", "all GPUs, also hidden ones"),
            field("domains", &M::domains, "", "domains in the software total"),
            field("sources", &M::sources, "", "channels counted in the software total"));
    }
};

/// Power of one channel at rest.
struct ChannelIdle {
    std::string source;  ///< channel id
    std::string domain;
    std::string device;
    Watts power{};
    Watts power_low{};
    Watts power_high{};
    std::string provenance;

    static constexpr auto fields() {
        using C = ChannelIdle;
        return std::make_tuple(
            field("source", &C::source, "", "channel the power was read from"),
            field("domain", &C::domain, "", "its domain"),
            field("device", &C::device, "", "the hardware it reads"),
            field("power_w_mean", &C::power, "W", "mean power at rest"),
            field("power_w_low", &C::power_low, "W", "lower end of its range"),
            field("power_w_high", &C::power_high, "W", "upper end of its range"),
            field("provenance", &C::provenance, "", "measured, derived, modelled or assumed"));
    }
};

/// The machine at rest.
struct IdleBaseline {
    int format = kCalibrationFormat;
    std::string type{kIdleType};
    std::string id;  ///< ULID
    std::string created_at;
    std::string finewatt;  ///< version that wrote it
    MachineIdentity machine;
    double duration_s = 0;
    std::optional<double> busy_share;
    std::vector<ChannelIdle> channels;
    std::vector<std::string> notes;

    static constexpr auto fields() {
        using B = IdleBaseline;
        return std::make_tuple(
            field("finewatt_calibration", &B::format, "1", "version of the format"),
            field("type", &B::type, "", "idle"), field("id", &B::id, "", "ULID"),
            field("created_at", &B::created_at, "", "UTC time of the measurement"),
            field("finewatt", &B::finewatt, "", "version that wrote it"),
            field("machine", &B::machine, "", "where it holds"),
            field("duration_s", &B::duration_s, "s", "time measured"),
            field("busy_share", &B::busy_share, "1", "busy share of all CPUs meanwhile"),
            field("channels", &B::channels, "", "power at rest of each channel"),
            field("notes", &B::notes, "", "caveats"));
    }
};

/// One pair of readings over the same time.
struct CalibrationPair {
    std::string kind;
    Joules software{};
    Joules wall{};
    double duration_s = 0;
    double updates = 0;                 ///< readings the meter gave in that time
    std::optional<std::string> reason;  ///< why it was left out of the fit

    static constexpr auto fields() {
        using P = CalibrationPair;
        return std::make_tuple(
            field("kind", &P::kind, "", "load while it was taken"),
            field("software_j", &P::software, "J", "energy that the software read"),
            field("wall_j", &P::wall, "J", "energy that the wall meter read"),
            field("duration_s", &P::duration_s, "s", "length of the window"),
            field("updates", &P::updates, "1", "readings of the wall meter in it"),
            field("reason", &P::reason, "", "why it was left out; null when it was used"));
    }
};

/// The coefficient of one load kind, or of all pairs together ("all").
struct LoadCoefficient {
    std::string kind;
    double coefficient = 1;
    double coefficient_low = 1;
    double coefficient_high = 1;
    double pairs = 0;
    Watts power_software{};
    Watts power_wall{};

    static constexpr auto fields() {
        using L = LoadCoefficient;
        return std::make_tuple(
            field("kind", &L::kind, "", "load kind; all = every pair"),
            field("coefficient", &L::coefficient, "1", "wall energy over software energy"),
            field("coefficient_low", &L::coefficient_low, "1", "lower end, 95 %"),
            field("coefficient_high", &L::coefficient_high, "1", "upper end, 95 %"),
            field("pairs", &L::pairs, "1", "pairs in the fit"),
            field("power_w_software", &L::power_software, "W", "mean power the software read"),
            field("power_w_wall", &L::power_wall, "W", "mean power at the wall"));
    }
};

/// How wall energy follows software energy on one machine.
struct WallCalibration {
    int format = kCalibrationFormat;
    std::string type{kWallType};
    std::string id;  ///< ULID
    std::string created_at;
    std::string finewatt;
    MachineIdentity machine;
    std::vector<std::string> meters;  ///< wall meters, as the user named them
    std::optional<double> lag_s;
    std::optional<Watts> idle_software;
    std::optional<Watts> idle_wall;
    std::optional<double> slope;
    std::optional<Watts> offset;
    std::vector<LoadCoefficient> coefficients;  ///< "all" first
    std::vector<CalibrationPair> pairs;
    std::vector<std::string> notes;

    static constexpr auto fields() {
        using W = WallCalibration;
        return std::make_tuple(
            field("finewatt_calibration", &W::format, "1", "version of the format"),
            field("type", &W::type, "", "wall"), field("id", &W::id, "", "ULID"),
            field("created_at", &W::created_at, "", "UTC time of the fit"),
            field("finewatt", &W::finewatt, "", "version that wrote it"),
            field("machine", &W::machine, "", "where it holds"),
            field("meters", &W::meters, "", "wall meters or files the readings came from"),
            field("lag_s", &W::lag_s, "s", "how far the meter runs behind the software"),
            field("idle_power_w_software", &W::idle_software, "W", "software power at rest"),
            field("idle_power_w_wall", &W::idle_wall, "W", "wall power at rest"),
            field("slope", &W::slope, "1", "wall watts per software watt, with an offset fitted"),
            field("offset_w", &W::offset, "W", "wall power that the software does not see"),
            field("coefficients", &W::coefficients, "", "through the origin; all pairs first"),
            field("pairs", &W::pairs, "", "the readings it rests on"),
            field("notes", &W::notes, "", "caveats"));
    }
};

/// Return the document; `indent` as for a run record (json.h). Any thread.
std::string to_json(const IdleBaseline& baseline, int indent = 0);
std::string to_json(const WallCalibration& calibration, int indent = 0);

/// Read a document back. Errors: corrupt, naming the key's path, what was expected and what was
/// found; unsupported for a newer format, or for the other type.
Result<IdleBaseline> baseline_from_json(std::string_view text);
Result<WallCalibration> calibration_from_json(std::string_view text);

/// Return the type of a document, "idle" or "wall". Errors: as above.
Result<std::string> calibration_type(std::string_view text);

}  // namespace finewatt
