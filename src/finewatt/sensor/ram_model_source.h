// RamModelSource: memory power from memory size, for machines without a readable DRAM counter.
// A model, never a measurement. A virtual machine is billed its own memory only.
//
// Two published models disagree by up to a factor of ten; the range holds both (ram_power).
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/sensor/probe.h"
#include "finewatt/sensor/source.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace finewatt {

/// Power of a machine's memory: plain watts, as the model multiplies them. Never decreases with
/// the size.
struct RamPower {
    double best_w = 0;  ///< geometric middle of the range
    double low_w = 0;
    double high_w = 0;
};

/// Return the range that holds both models for memory of `gib` GiB, on x86 machines:
/// 0.375 W per GB (3 W per 8 GB: CodeCarbon to version 2, eco2AI; from Crucial's "How much power
/// does memory use"), and 5 W per guessed DIMM with 90/80/70 % from the 5th/9th/17th (CodeCarbon
/// 3, codecarbon/external/ram.py, commit 02d69a55, MIT).
RamPower ram_power(double gib);

/// Return MemTotal in bytes from the text of /proc/meminfo, or nothing.
std::optional<std::uint64_t> parse_mem_total_bytes(std::string_view meminfo);

/// One counter channel "ram-model" in microjoules: constant power x time since the probe. Used by
/// one thread at a time.
class RamModelSource : public Source {
  public:
    /// Read /proc/meminfo under the root. `why_modelled` starts the channel's reason. When the file
    /// cannot be read the report says so and dram is unmeasured.
    static SourceProbe probe(const DiscoveryOptions& options, std::string_view why_modelled);

    std::string_view name() const override { return "ram-model"; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    /// Always succeeds.
    void poll(std::span<Reading> readings) override;

    bool is_prompt() const override { return true; }

  private:
    RamModelSource(const Clock& clock, double power_w);

    const Clock& clock_;
    double power_w_;
    MonoTime begin_;
    std::vector<ChannelSpec> channels_;
};

}  // namespace finewatt
