// MsrSource: the RAPL energy counters read from the processor's registers, /dev/cpu/N/msr.
//
// Needs root or CAP_SYS_RAWIO, so it comes after perf and powercap, which show the same counters.
// Sources: Intel SDM volume 3B, section "RAPL interfaces"; AMD PPR for family 17h, "RAPL"; units of
// single models: arch/x86/events/rapl.c of Linux. Not for any other register.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/sensor/probe.h"
#include "finewatt/sensor/source.h"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace finewatt {

/// One counter channel per domain and package (or die), in ticks of the register's unit, modulus
/// 2^32. Used by one thread at a time.
class MsrSource : public Source {
  public:
    /// Open one CPU's registers per package and keep the counters that are not 0. Devices have the
    /// names that powercap gives them.
    static SourceProbe probe(const DiscoveryOptions& options);

    std::string_view name() const override { return "msr"; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    /// Outcomes: a CPU that went offline is gone; a read of fewer than 8 bytes is a retry with EIO;
    /// other failed reads are retries.
    void poll(std::span<Reading> readings) override;

    bool is_prompt() const override { return true; }

  private:
    friend class MsrBuilder;

    struct Register {
        std::size_t file = 0;  ///< index into files_
        std::uint32_t address = 0;
    };

    explicit MsrSource(const Clock& clock) : clock_(clock) {}

    const Clock& clock_;
    std::vector<ScopedFd> files_;  ///< one per package
    std::vector<ChannelSpec> channels_;
    std::vector<Register> registers_;  ///< same order as channels_
};

}  // namespace finewatt
