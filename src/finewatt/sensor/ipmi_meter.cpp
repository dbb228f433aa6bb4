#include "finewatt/base/subprocess.h"
#include "finewatt/sensor/ipmi_meter_internal.h"

#include <fcntl.h>

#include <array>
#include <utility>

namespace finewatt {
namespace {

// Controllers renew power every 1 to 60 s and do not say how often (docs/measuring.md).
constexpr double kUpdateMs = 60'000;

/// Names that the driver's device has had (ipmi_devintf).
constexpr std::array kDevices{"/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0"};

constexpr std::size_t kMaxToolBytes = std::size_t{64} << 10;

WallFacts ipmi_facts() {
    WallFacts facts;
    facts.source = "ipmi";
    facts.power_step_w = 1;
    facts.update_ms = kUpdateMs;
    facts.max_power_w = kNodeCeilingW;
    facts.remark =
        "a management controller renews its power every 1 to 60 s, averages it over an "
        "unknown time and says neither; up to 60 s are assumed";
    return facts;
}

WallSample sample_of(const DcmiPower& power) {
    WallSample sample;
    sample.power_w = power.now_w;
    return sample;
}

class IpmiReader : public WallReader {
  public:
    IpmiReader(const WallMeterSpec& spec, std::unique_ptr<IpmiTransport> transport)
        : timeout_(spec.timeout),
          transport_(std::move(transport)) {}

    WallFacts facts() const override { return ipmi_facts(); }

    Result<WallSample> read() override {
        FINEWATT_ASSIGN(const std::vector<std::uint8_t> answer,
                        transport_->exchange(dcmi_power_request(), timeout_));
        FINEWATT_ASSIGN(const DcmiPower power, parse_dcmi_power(answer));
        return sample_of(power);
    }

  private:
    std::chrono::milliseconds timeout_;
    std::unique_ptr<IpmiTransport> transport_;
};

class IpmitoolReader : public WallReader {
  public:
    IpmitoolReader(const WallMeterSpec& spec, std::string program) {
        run_.argv = {std::move(program), "dcmi", "power", "reading"};
        run_.timeout = spec.timeout;
        run_.max_captured_bytes = kMaxToolBytes;
        run_.environment = {{"LC_ALL", "C"}};
    }

    WallFacts facts() const override { return ipmi_facts(); }

    Result<WallSample> read() override {
        FINEWATT_ASSIGN(const SubprocessResult result, run_subprocess(run_));
        if (result.timed_out) {
            return FINEWATT_ERROR(kBusy, "{}: no answer within {} ms", run_.argv[0],
                                  run_.timeout->count());
        }
        if (!result.succeeded()) {
            const std::string& text = result.stderr_text;
            return FINEWATT_ERROR(kIo, "{} dcmi power reading: {}: {}", run_.argv[0],
                                  result.describe(), text.substr(0, text.find('\n')));
        }
        FINEWATT_ASSIGN(const DcmiPower power, parse_ipmitool_power(result.stdout_text));
        return sample_of(power);
    }

  private:
    SubprocessOptions run_;
};

}  // namespace

std::unique_ptr<WallReader> make_ipmi_reader(const WallMeterSpec& spec,
                                             std::unique_ptr<IpmiTransport> transport) {
    return std::make_unique<IpmiReader>(spec, std::move(transport));
}

std::unique_ptr<WallReader> make_ipmitool_reader(const WallMeterSpec& spec, std::string program) {
    return std::make_unique<IpmitoolReader>(spec, std::move(program));
}

Result<std::unique_ptr<WallReader>> open_ipmi_meter(const WallMeterSpec& spec,
                                                    const DiscoveryOptions& options) {
    for (const char* const name : kDevices) {
        const std::filesystem::path path = options.root.path(name);
        Result<ScopedFd> seen = options.open(path);
        if (!seen && seen.error().code() == ErrorCode::kNotFound) {
            continue;
        }
        Result<ScopedFd> device = seen ? open_file(path, O_RDWR) : std::move(seen);
        if (device) {
            return make_ipmi_reader(spec, make_ipmi_device(std::move(*device)));
        }
        if (device.error().code() != ErrorCode::kPermission) {
            return Error(std::move(device).error());
        }
        // ipmitool may have rights of its own, such as a capability or a group.
        std::unique_ptr<WallReader> tool =
            make_ipmitool_reader(spec, options.env("FINEWATT_IPMITOOL").value_or("ipmitool"));
        if (const Result<WallSample> sample = tool->read(); !sample) {
            return FINEWATT_ERROR(kPermission,
                                  "{}: this user may not use it, and ipmitool does not help ({}); "
                                  "give your group access with a udev rule: KERNEL==\"ipmi*\", "
                                  "GROUP=\"adm\", MODE=\"0660\"",
                                  path.string(), sample.error().message());
        }
        return tool;
    }
    return FINEWATT_ERROR(kNotFound,
                          "ipmi: no {}; load the driver: sudo modprobe ipmi_si ipmi_devintf. "
                          "Virtual machines and desktops have no management controller",
                          options.root.path(kDevices[0]).string());
}

}  // namespace finewatt
