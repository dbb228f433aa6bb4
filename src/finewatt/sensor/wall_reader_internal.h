// WallReader: one meter that can be asked for its figures, and what is known of it. One reader per
// kind; wall_source turns answers into readings of channels.
#pragma once

#include "finewatt/base/http_client.h"
#include "finewatt/sensor/probe.h"
#include "finewatt/sensor/wall_meter.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace finewatt {

/// One answer. A figure that the meter does not have is empty; both are never negative.
struct WallSample {
    std::optional<double> power_w;
    std::optional<double> energy_j;  ///< counted since a moment that the meter chose
};

/// What is known of a meter once it has answered. Nothing = unknown.
struct WallFacts {
    std::string source;               ///< "shelly", "ipmi", …: meters of one kind share it
    double power_step_w = 1;          ///< smallest step of its power figure
    double energy_tick_j = 1;         ///< raw unit that its counter is stored in
    double energy_step_j = 1;         ///< smallest step of its counter
    std::optional<double> window_ms;  ///< averaging time of its power figure
    std::optional<double> update_ms;  ///< time between new power figures
    std::optional<double> energy_update_ms;
    double delay_ms = 0;  ///< further age that a figure may have before the reader sees it
    double max_power_w = 10'000;
    std::chrono::milliseconds poll_period{1000};
    std::string remark;  ///< what a reader of the record should know; one sentence, or empty
};

/// Asks one meter. Used by one thread at a time.
class WallReader {
  public:
    virtual ~WallReader() = default;

    virtual WallFacts facts() const = 0;

    /// Ask the meter and wait for its answer, at most its timeout. Errors: busy (time-out), not
    /// found (nobody answers), permission (password), corrupt (rubbish), io.
    virtual Result<WallSample> read() = 0;
};

/// Ceiling of one outlet in watts: 16 A at 250 V, the largest single-phase appliance coupler of
/// IEC 60320-1 (C20).
inline constexpr double kOutletCeilingW = 4000;

/// Ceiling of a whole machine in watts; our choice, docs/measuring.md.
inline constexpr double kNodeCeilingW = 10'000;

inline constexpr double kJoulesPerWh = 3600;

/// Make a reader of the spec's kind. Errors: what the user can mend, such as a wrong option, a
/// credentials file or a device that may not be opened. Network meters are not asked yet, but for
/// redfish, whose pages are looked up.
Result<std::unique_ptr<WallReader>> open_shelly_meter(const WallMeterSpec& spec,
                                                      const DiscoveryOptions& options);
Result<std::unique_ptr<WallReader>> open_tasmota_meter(const WallMeterSpec& spec,
                                                       const DiscoveryOptions& options);
Result<std::unique_ptr<WallReader>> open_kasa_meter(const WallMeterSpec& spec,
                                                    const DiscoveryOptions& options);
Result<std::unique_ptr<WallReader>> open_json_meter(const WallMeterSpec& spec,
                                                    const DiscoveryOptions& options);
Result<std::unique_ptr<WallReader>> open_csv_meter(const WallMeterSpec& spec,
                                                   const DiscoveryOptions& options);
Result<std::unique_ptr<WallReader>> open_redfish_meter(const WallMeterSpec& spec,
                                                       const DiscoveryOptions& options);
Result<std::unique_ptr<WallReader>> open_ipmi_meter(const WallMeterSpec& spec,
                                                    const DiscoveryOptions& options);

}  // namespace finewatt
