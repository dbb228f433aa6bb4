// HwmonBuilder: opens the files of hwmon chips and collects channels and failures. One function per
// family of drivers says which files of a chip make which channel.
#pragma once

#include "finewatt/sensor/hwmon_source.h"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// One folder /sys/class/hwmon/hwmonN.
struct HwmonChip {
    std::filesystem::path path;
    std::string name;     ///< the driver's
    std::string address;  ///< last part of the `device` link, e.g. a PCI address; "" without one

    /// Where an attribute is: in the folder itself, or in device/ with older drivers. The path need
    /// not exist.
    std::filesystem::path file(const std::string& attribute) const;

    /// The trimmed text of an attribute, or nothing.
    std::optional<std::string> text(const std::string& attribute) const;

    bool has(const std::string& attribute) const;

    /// The numbers K of all attributes <prefix>K<suffix>, e.g. "energy" and "_input", ascending.
    std::vector<unsigned> numbers(std::string_view prefix, std::string_view suffix) const;
};

/// List the chips whose name starts with `name`, by address, then by number of the folder.
std::vector<HwmonChip> list_hwmon_chips(const DiscoveryOptions& options, std::string_view name);

/// The file of one rail, or the two whose product it is.
struct HwmonRailFiles {
    std::filesystem::path first;
    std::filesystem::path second;  ///< empty = none
};

/// Collects the channels of one driver.
class HwmonBuilder {
  public:
    HwmonBuilder(const DiscoveryOptions& options, HwmonDriver driver);

    const DiscoveryOptions& options() const { return options_; }

    /// Add an energy counter in microjoules.
    void add_energy(ChannelSpec spec, const std::filesystem::path& file);

    /// Add a power gauge: the sum of rails in microwatts, kept in milliwatts.
    void add_power(ChannelSpec spec, const std::vector<HwmonRailFiles>& rails);

    /// Say that something was found that cannot be used.
    void add_problem(const std::string& channel, const std::string& why, const std::string& fix);

    /// Return the source and its reports; `absent` speaks when nothing at all was found.
    SourceProbe finish(const SourceReport& absent);

  private:
    Status open_rail(const std::filesystem::path& path, ScopedFd& slot) const;
    void add_unopened(const ChannelSpec& spec, const std::filesystem::path& path,
                      const Error& error);
    void add_failure(SourceStatus status, const ChannelSpec& spec, const std::string& why,
                     const std::string& fix);
    void add(ChannelSpec spec, const std::vector<HwmonRailFiles>& rails, std::uint64_t divisor,
             std::uint64_t max_raw);

    const DiscoveryOptions& options_;
    std::unique_ptr<HwmonSource> source_;
    std::map<SourceStatus, SourceReport> failures_;
    std::vector<UnmeasuredComponent> unmeasured_;  ///< GPUs that are there and cannot be read
};

/// Start a channel: id "<source>:<what>", domain, device and that domain's ceiling.
ChannelSpec hwmon_channel(std::string_view source, std::string_view what, Domain domain,
                          std::string device, std::string reason);

/// Averaging window of a gauge from <prefix>_average_interval in ms; nothing when unknown.
std::optional<double> average_interval_ms(const HwmonChip& chip);

void add_amd_energy(HwmonBuilder& builder);
void add_zenpower(HwmonBuilder& builder);
void add_family_power(HwmonBuilder& builder);
void add_power_meter(HwmonBuilder& builder);
void add_ina3221(HwmonBuilder& builder);
void add_amdgpu(HwmonBuilder& builder);
void add_intel_gpu(HwmonBuilder& builder, std::string_view driver);

}  // namespace finewatt
