// The transport over Linux's IPMI driver. Source: Documentation/driver-api/ipmi.rst and
// include/uapi/linux/ipmi.h of Linux.

#include "finewatt/sensor/ipmi_power_internal.h"

#include <linux/ipmi.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace finewatt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class IpmiDevice : public IpmiTransport {
  public:
    explicit IpmiDevice(ScopedFd device) : device_(std::move(device)) {}

    Result<std::vector<std::uint8_t>> exchange(const IpmiRequest& request,
                                               milliseconds timeout) override {
        const auto deadline = steady_clock::now() + timeout;
        FINEWATT_TRY(send(request));
        while (true) {
            FINEWATT_TRY(wait_until(deadline, timeout));
            FINEWATT_ASSIGN(std::optional<std::vector<std::uint8_t>> answer, receive());
            if (answer) {
                return std::move(*answer);
            }
        }
    }

  private:
    Status send(const IpmiRequest& request) {
        ipmi_system_interface_addr address{};
        address.addr_type = IPMI_SYSTEM_INTERFACE_ADDR_TYPE;
        address.channel = IPMI_BMC_CHANNEL;
        std::vector<std::uint8_t> data = request.data;
        ipmi_req message{};
        message.addr = reinterpret_cast<unsigned char*>(&address);
        message.addr_len = sizeof address;
        message.msgid = ++last_id_;
        message.msg.netfn = request.net_function;
        message.msg.cmd = request.command;
        message.msg.data_len = static_cast<unsigned short>(data.size());
        message.msg.data = data.data();
        if (::ioctl(device_.get(), IPMICTL_SEND_COMMAND, &message) != 0) {
            return error_from_errno(errno, "ipmi: send a command");
        }
        return {};
    }

    Status wait_until(steady_clock::time_point deadline, milliseconds timeout) const {
        while (true) {
            const auto left =
                std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
            pollfd what{device_.get(), POLLIN, 0};
            const int ready = left > 0 ? ::poll(&what, 1, static_cast<int>(left)) : 0;
            if (ready > 0) {
                return {};
            }
            if (ready == 0) {
                return FINEWATT_ERROR(kBusy, "ipmi: no answer within {} ms", timeout.count());
            }
            if (errno != EINTR) {
                return error_from_errno(errno, "ipmi: wait for an answer");
            }
        }
    }

    /// Nothing when the message answers an older request, one that was given up.
    Result<std::optional<std::vector<std::uint8_t>>> receive() {
        ipmi_addr address{};
        std::array<unsigned char, IPMI_MAX_MSG_LENGTH> data{};
        ipmi_recv message{};
        message.addr = reinterpret_cast<unsigned char*>(&address);
        message.addr_len = sizeof address;
        message.msg.data = data.data();
        message.msg.data_len = static_cast<unsigned short>(data.size());
        if (::ioctl(device_.get(), IPMICTL_RECEIVE_MSG_TRUNC, &message) != 0) {
            return error_from_errno(errno, "ipmi: receive an answer");
        }
        if (message.recv_type != IPMI_RESPONSE_RECV_TYPE || message.msgid != last_id_) {
            return std::optional<std::vector<std::uint8_t>>();
        }
        return std::optional(
            std::vector<std::uint8_t>(data.begin(), data.begin() + message.msg.data_len));
    }

    ScopedFd device_;
    long last_id_ = 0;
};

}  // namespace

std::unique_ptr<IpmiTransport> make_ipmi_device(ScopedFd device) {
    return std::make_unique<IpmiDevice>(std::move(device));
}

}  // namespace finewatt
