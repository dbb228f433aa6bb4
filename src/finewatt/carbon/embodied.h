// Embodied carbon: the emissions of making the hardware, of which a run carries the share of the
// lifetime and of the machine that it used.
//
//   embodied = total x (time used / lifetime) x share of the machine
//
// Main types: HardwareFootprint, EmbodiedOptions. Footprints are part of the program
// (data/embodied, whose SOURCE.md cites each). All of it is CO2e. Formula: Green Software
// Foundation, SCI 1.0, "Embodied emissions" (ISO/IEC 21031:2024). Provenance: modelled, or assumed
// for a default.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Published emissions of making one device, with the range of what is published.
struct HardwareFootprint {
    std::string name;  ///< "server-gpu", "a100-sxm-80gb", …
    std::string kind;  ///< "server" (without accelerators) or "accelerator"
    double kg = 0;     ///< kg CO2e
    double kg_low = 0;
    double kg_high = 0;
    std::string provenance;  ///< "modelled" for a named product, "assumed" for a class of them
    std::string source;
};

/// Return every footprint of the table. Error: corrupt (a bug in the shipped table).
Result<std::vector<HardwareFootprint>> hardware_footprints();

/// Return one by name (any case). Error: not found, listing near matches or the names there are.
Result<HardwareFootprint> hardware_footprint(std::string_view name);

/// A footprint of the user's own instead of the table's: kg CO2e, with a range if known.
struct GivenFootprint {
    double kg = 0;
    std::optional<double> kg_low{};
    std::optional<double> kg_high{};
};

/// What is in a server, for the method by parts.
struct ServerParts {
    int cpus = 1;
    double memory_gb = 16;
    int ssds = 0;
    int hard_disks = 0;
};

/// Return the footprint of a server without accelerators as the sum of its parts, with the
/// coefficients of Cloud Carbon Footprint (data/embodied/SOURCE.md); range: half to twice. Error:
/// invalid argument for a number out of range.
Result<HardwareFootprint> server_from_parts(const ServerParts& parts);

/// What a run used and for how much of its life.
struct EmbodiedOptions {
    /// Name of a server of the table; nothing = a class chosen by whether there are accelerators.
    std::optional<std::string> server{};
    std::optional<ServerParts> server_parts{};     ///< instead of a name
    std::optional<GivenFootprint> server_given{};  ///< instead of both
    /// Name of an accelerator of the table; nothing = the class "accelerator".
    std::optional<std::string> accelerator{};
    std::optional<GivenFootprint> accelerator_given{};
    /// Accelerators that the run held; nothing = as many GPUs as the run's record names.
    std::optional<int> accelerators{};
    /// Years of service; nothing = 4 with a range of 3 to 6 (see data/embodied/SOURCE.md).
    std::optional<double> lifetime_years{};
    /// Share of the server that was reserved for the run, above 0 and up to 1.
    double server_share = 1;
    /// Share of the hours of its life in which the hardware is in use at all, above 0 and up to 1.
    /// 1 charges idle hours to nobody, as the SCI does.
    double use_share = 1;
};

/// Embodied emissions of a run.
struct EmbodiedCarbon {
    double kg = 0;  ///< kg CO2e
    double kg_low = 0;
    double kg_high = 0;
    std::string provenance;  ///< "modelled" or "assumed"
    std::string source;      ///< footprints, lifetime and shares used
};

/// Compute the embodied emissions of using a machine for a time; `options.accelerators` empty = 0.
/// Low is the low footprint over the long lifetime, high the high footprint over the short one.
/// Errors: invalid argument (a time, lifetime, share, count or footprint out of range, a name of
/// the other kind); not found (a name).
Result<EmbodiedCarbon> embodied_of(std::chrono::nanoseconds used, const EmbodiedOptions& options);

/// Fill the embodied part of a run's `carbon`, making a summary when there is none (then its reason
/// is the run's carbon_reason). Call it after the operational part is set. A run without a duration
/// gets no figure, only a reason. Errors: those of embodied_of; then the run is unchanged.
Status set_embodied(RunRecord& run, const EmbodiedOptions& options);

}  // namespace finewatt
