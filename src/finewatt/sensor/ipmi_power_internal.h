// The power reading of a server's management controller over IPMI: the DCMI command, its answer,
// and two ways to ask. Source: DCMI specification 1.5, section 6.6.1 "Get Power Reading".
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/base/result.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// A command for the controller.
struct IpmiRequest {
    std::uint8_t net_function = 0;
    std::uint8_t command = 0;
    std::vector<std::uint8_t> data;
};

/// Carries commands to the controller. Tests answer instead of hardware.
class IpmiTransport {
  public:
    virtual ~IpmiTransport() = default;

    /// Send a request and wait for its answer: completion code, then data. Errors: busy
    /// (time-out), io.
    virtual Result<std::vector<std::uint8_t>> exchange(const IpmiRequest& request,
                                                       std::chrono::milliseconds timeout) = 0;
};

/// Talk to the driver behind an open /dev/ipmi0 (linux/ipmi.h).
std::unique_ptr<IpmiTransport> make_ipmi_device(ScopedFd device);

/// What the controller says, in whole watts. The statistics cover the last `period_ms`.
struct DcmiPower {
    unsigned now_w = 0;
    unsigned least_w = 0;
    unsigned most_w = 0;
    unsigned mean_w = 0;
    std::uint32_t period_ms = 0;
};

/// The command "get power reading", mode "system power statistics".
IpmiRequest dcmi_power_request();

/// Read the answer to it. Errors: unsupported (no DCMI), permission, busy, corrupt (short or
/// foreign answer), io (other codes; the measurement is switched off).
Result<DcmiPower> parse_dcmi_power(std::span<const std::uint8_t> answer);

/// Read what `ipmitool dcmi power reading` prints. Errors: corrupt, io (measurement off).
Result<DcmiPower> parse_ipmitool_power(std::string_view text);

}  // namespace finewatt
