// HwmonSource: energy and power sensors under /sys/class/hwmon, one source per driver.
//
// What a file means depends on the driver: which rails add up to a processor, which one contains
// which. hwmon_chips_internal.h knows the drivers. Sources: Documentation/hwmon of Linux
// (sysfs-interface, amd_energy, ina3221, acpi_power_meter), the drivers' own documentation.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/sensor/probe.h"
#include "finewatt/sensor/source.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// The drivers that are understood.
enum class HwmonDriver {
    kAmdEnergy,   ///< "amd_energy": energy per socket, AMD
    kPowerMeter,  ///< "power_meter": ACPI; the rails of NVIDIA Grace, or a whole server
    kFamPower,    ///< "fam15h_power", "fam17h_power", "fam19h_power": package power, AMD
    kZenpower,    ///< "zenpower": power of the core and SoC rails, AMD
    kIna3221,     ///< "ina3221": rails of NVIDIA Jetson boards
    kAmdgpu,      ///< "amdgpu": power of AMD GPUs
    kXe,          ///< "xe": energy of Intel GPUs
    kI915,        ///< "i915": energy of Intel GPUs
};

/// Channels of all chips with one driver. Used by one thread at a time.
class HwmonSource : public Source {
  public:
    /// Find the chips of a driver by their name file and open what they show.
    static SourceProbe probe(const DiscoveryOptions& options, HwmonDriver driver);

    std::string_view name() const override { return name_; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    /// Outcomes: a chip that vanished is gone; text that is no number is a retry with EINVAL; power
    /// far above the channel's ceiling (as a sensor's error value is) is a retry with RANGE; other
    /// failed reads are retries.
    void poll(std::span<Reading> readings) override;

  private:
    friend class HwmonBuilder;

    /// A rail: the number of one file, or the product of two (voltage and current).
    struct Rail {
        ScopedFd first;
        ScopedFd second;  ///< not open when the first alone is the reading
    };

    /// The rails of one channel; their sum, divided by `divisor`, is the reading.
    struct Input {
        std::vector<Rail> rails;
        std::uint64_t divisor = 1;
        std::uint64_t max_raw = UINT64_MAX;
    };

    HwmonSource(const Clock& clock, std::string name) : clock_(clock), name_(std::move(name)) {}

    Reading read_input(const Input& input) const;

    const Clock& clock_;
    std::string name_;
    std::vector<ChannelSpec> channels_;
    std::vector<Input> inputs_;  ///< same order as channels_
};

/// Return the names of all chips under /sys/class/hwmon.
std::vector<std::string> list_hwmon_names(const SysRoot& root);

/// Return the name of the source for a driver: "amd_energy", "power_meter", …
std::string_view hwmon_driver_name(HwmonDriver driver);

}  // namespace finewatt
