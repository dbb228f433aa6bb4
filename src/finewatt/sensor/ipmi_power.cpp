#include "finewatt/sensor/ipmi_power_internal.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace finewatt {
namespace {

// Network function "group extension" and its DCMI identifier; IPMI 2.0, section 5.1.
constexpr std::uint8_t kGroupExtension = 0x2C;
constexpr std::uint8_t kDcmi = 0xDC;
constexpr std::uint8_t kGetPowerReading = 0x02;
constexpr std::uint8_t kSystemPowerStatistics = 0x01;

// Completion code, group, four figures of 2 bytes, time stamp and period of 4, state of 1.
constexpr std::size_t kAnswerBytes = 19;
constexpr std::uint8_t kMeasurementActive = 0x40;

// Completion codes; IPMI 2.0, table 5-2.
constexpr std::uint8_t kNodeBusy = 0xC0;
constexpr std::uint8_t kInvalidCommand = 0xC1;
constexpr std::uint8_t kTimeout = 0xC3;
constexpr std::uint8_t kNoPrivilege = 0xD4;

Error switched_off() {
    return FINEWATT_ERROR(kIo,
                          "ipmi: the controller's power measurement is switched off; switch it on "
                          "in its web page or with: ipmitool dcmi power activate");
}

/// Some controllers without a sensor answer 0; a machine that runs draws more.
Error no_power() {
    return FINEWATT_ERROR(kCorrupt,
                          "ipmi: expected power above 0 W, found 0; the controller has no "
                          "power sensor, or not now");
}

Error error_of_code(std::uint8_t code) {
    switch (code) {
        case kNodeBusy:
        case kTimeout:
            return FINEWATT_ERROR(kBusy, "ipmi: the controller is busy (code 0x{:02x})", code);
        case kInvalidCommand:
            return FINEWATT_ERROR(kUnsupported,
                                  "ipmi: the controller has no DCMI power reading; try "
                                  "redfish+https://HOST");
        case kNoPrivilege:
            return FINEWATT_ERROR(kPermission, "ipmi: the controller refuses the command");
        default:
            return FINEWATT_ERROR(kIo, "ipmi: the controller answers code 0x{:02x}", code);
    }
}

/// Return the whole number after "LABEL:" in a line that starts with the label.
std::optional<std::uint32_t> number_after(std::string_view text, std::string_view label) {
    const std::size_t place = text.find(label);
    if (place == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view rest = text.substr(place + label.size());
    rest.remove_prefix(std::min(rest.find_first_not_of(": \t"), rest.size()));
    std::uint32_t number = 0;
    const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    return parsed.ec == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

IpmiRequest dcmi_power_request() {
    return {kGroupExtension, kGetPowerReading, {kDcmi, kSystemPowerStatistics, 0, 0}};
}

Result<DcmiPower> parse_dcmi_power(std::span<const std::uint8_t> answer) {
    if (answer.empty()) {
        return FINEWATT_ERROR(kCorrupt, "ipmi: expected an answer, found an empty one");
    }
    if (answer[0] != 0) {
        return error_of_code(answer[0]);
    }
    if (answer.size() < kAnswerBytes || answer[1] != kDcmi) {
        return FINEWATT_ERROR(kCorrupt,
                              "ipmi: expected {} bytes of a DCMI power reading, found {} bytes of "
                              "something else",
                              kAnswerBytes, answer.size());
    }
    // Numbers are little-endian.
    const auto word = [&](std::size_t at) {
        return static_cast<unsigned>(answer[at]) | static_cast<unsigned>(answer[at + 1]) << 8U;
    };
    DcmiPower power{word(2), word(4), word(6), word(8), word(14) | word(16) << 16U};
    if ((answer[18] & kMeasurementActive) == 0) {
        return switched_off();
    }
    return power.now_w > 0 ? Result<DcmiPower>(power) : Result<DcmiPower>(no_power());
}

Result<DcmiPower> parse_ipmitool_power(std::string_view text) {
    const auto now = number_after(text, "Instantaneous power reading");
    if (!now) {
        return FINEWATT_ERROR(kCorrupt,
                              "ipmitool: expected a line 'Instantaneous power reading', found "
                              "none");
    }
    if (text.find("deactivated") != std::string_view::npos) {
        return switched_off();
    }
    if (*now == 0) {
        return no_power();
    }
    DcmiPower power;
    power.now_w = *now;
    power.least_w = number_after(text, "Minimum during sampling period").value_or(0);
    power.most_w = number_after(text, "Maximum during sampling period").value_or(0);
    power.mean_w = number_after(text, "Average power reading over sample period").value_or(0);
    power.period_ms = 1000 * number_after(text, "Sampling period").value_or(0);
    return power;
}

}  // namespace finewatt
