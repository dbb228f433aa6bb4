// PowercapSource: the RAPL energy counters that Linux shows under /sys/class/powercap.
//
// Zones are found by their name file, never by index. AMD Zen appears here too, as intel-rapl.
// Sources: Documentation/power/powercap/powercap.rst and drivers/powercap/intel_rapl_common.c of
// Linux. Not for perf events or MSRs, which show the same counters.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/sensor/probe.h"
#include "finewatt/sensor/source.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// One counter channel per zone, in microjoules. Used by one thread at a time.
class PowercapSource : public Source {
  public:
    /// Find the zones, open those that may be read, drop mmio twins and mirrored dies. On AMD the
    /// zone `core` is one core only and becomes `other`, and a package's only die is named by its
    /// package. Files that may not be read give a report with status denied and the commands that
    /// mend it.
    static SourceProbe probe(const DiscoveryOptions& options);

    std::string_view name() const override { return "powercap"; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    /// Outcomes: a removed zone is gone; text that is no number is a retry with EINVAL; a value
    /// above max_energy_range_uj is a retry with RANGE; other failed reads are retries.
    void poll(std::span<Reading> readings) override;

    bool is_prompt() const override { return true; }

  private:
    /// The open counter file of one channel, and the largest value it can show.
    struct Counter {
        ScopedFd file;
        std::uint64_t max_raw = 0;  ///< 0 = unknown
    };

    explicit PowercapSource(const Clock& clock) : clock_(clock) {}

    Reading read_counter(const Counter& counter) const;
    bool are_mirrored(std::size_t first, std::size_t second) const;
    std::vector<SourceReport> drop_mirrored_dies(std::vector<std::string>& dropped);
    void name_lone_dies_by_package();

    const Clock& clock_;
    std::vector<ChannelSpec> channels_;
    std::vector<Counter> counters_;  ///< same order as channels_
};

/// Return the unit of a RAPL counter in microjoules, told from the largest value that powercap
/// shows; nothing when no unit gives that value.
std::optional<double> powercap_unit_uj(std::uint64_t max_energy_range_uj);

/// Return the units of the counters in microjoules by the name of their zone ("package-0", "dram"),
/// where powercap tells them. Needs no rights.
std::map<std::string, double> powercap_units_uj(const SysRoot& root);

/// Return the counter's modulus in microjoules. The kernel shows (2^32 - 1) x unit, cut to whole
/// microjoules, with the unit in nanojoules; where that unit can be told, one unit is added.
std::uint64_t powercap_modulus_uj(std::uint64_t max_energy_range_uj);

}  // namespace finewatt
