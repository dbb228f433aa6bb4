// TP-Link Kasa plugs (HS110, KP115, EP25, outlets of HS300 and KP303) over their local protocol.
// Newer firmware that speaks only the KLAP protocol does not answer on this port.

#include "finewatt/sensor/kasa_protocol_internal.h"
#include "finewatt/sensor/wall_json_internal.h"
#include "finewatt/sensor/wall_reader_internal.h"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <netdb.h>

namespace finewatt {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kDefaultPort = 9999;
constexpr unsigned char kFirstKey = 171;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kMaxMessageBytes = std::size_t{64} << 10;

// The plug renews its figures about once a second and counts whole watt-hours.
constexpr double kUpdateMs = 1000;
constexpr double kEnergyTickJ = 3.6;
// Old plugs show watts with more decimals than they measure; 0.1 W is our choice.
constexpr double kPowerStepW = 0.1;

/// A connection that waits no longer than until its deadline.
class TimedSocket {
  public:
    TimedSocket(ScopedFd fd, steady_clock::time_point deadline)
        : fd_(std::move(fd)),
          deadline_(deadline) {}

    Status connect(const sockaddr* address, socklen_t size) {
        if (::connect(fd_.get(), address, size) != 0 && errno != EINPROGRESS) {
            return refused(errno);
        }
        FINEWATT_TRY(wait(POLLOUT));
        int failed = 0;
        socklen_t length = sizeof failed;
        ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &failed, &length);
        return failed == 0 ? Status() : Status(refused(failed));
    }

    Status send(std::string_view bytes) {
        while (!bytes.empty()) {
            FINEWATT_TRY(wait(POLLOUT));
            const ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (n < 0 && errno != EAGAIN && errno != EINTR) {
                return FINEWATT_ERROR(kIo, "sending failed: {}", std::strerror(errno));
            }
            bytes.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
        }
        return {};
    }

    /// Bytes that came; at least one.
    Result<std::string> receive() {
        std::array<char, 4096> buffer{};
        while (true) {
            FINEWATT_TRY(wait(POLLIN));
            const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
            if (n > 0) {
                return std::string(buffer.data(), static_cast<std::size_t>(n));
            }
            if (n == 0) {
                return FINEWATT_ERROR(kCorrupt, "the connection was closed before the answer");
            }
            if (errno != EAGAIN && errno != EINTR) {
                return FINEWATT_ERROR(kIo, "receiving failed: {}", std::strerror(errno));
            }
        }
    }

  private:
    static Error refused(int errno_value) {
        return FINEWATT_ERROR(kNotFound, "nobody answers there ({}); check host and port",
                              std::strerror(errno_value));
    }

    Status wait(short events) const {
        while (true) {
            const auto left =
                std::chrono::ceil<milliseconds>(deadline_ - steady_clock::now()).count();
            pollfd what{fd_.get(), events, 0};
            const int ready = left > 0 ? ::poll(&what, 1, static_cast<int>(left)) : 0;
            if (ready > 0) {
                return {};
            }
            if (ready == 0) {
                return FINEWATT_ERROR(kBusy, "no complete answer in time");
            }
            if (errno != EINTR) {
                return FINEWATT_ERROR(kIo, "waiting failed: {}", std::strerror(errno));
            }
        }
    }

    ScopedFd fd_;
    steady_clock::time_point deadline_;
};

/// The address of a plug, looked up once: a name server may take longer than any time-out.
struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
    int family = 0;
};

Result<Address> look_up(const WallMeterSpec& spec) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const std::string port = std::to_string(spec.port != 0 ? spec.port : kDefaultPort);
    const int failed = ::getaddrinfo(spec.host.c_str(), port.c_str(), &wanted, &list);
    if (failed != 0) {
        return FINEWATT_ERROR(kNotFound, "{}: no address for the host {}: {}", spec.name, spec.host,
                              ::gai_strerror(failed));
    }
    Address address;
    std::memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
    address.size = list->ai_addrlen;
    address.family = list->ai_family;
    ::freeaddrinfo(list);
    return address;
}

std::string request_of(const WallMeterSpec& spec) {
    nlohmann::json request;
    request["emeter"]["get_realtime"] = nlohmann::json::object();
    const auto child = spec.options.find("child");
    if (child != spec.options.end()) {
        request["context"]["child_ids"] = {child->second};
    }
    return request.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

class KasaReader : public WallReader {
  public:
    KasaReader(const WallMeterSpec& spec, const Address& address)
        : name_(spec.name),
          timeout_(spec.timeout),
          address_(address),
          frame_(kasa_frame(request_of(spec))) {}

    WallFacts facts() const override {
        WallFacts facts;
        facts.source = "kasa";
        facts.power_step_w = kPowerStepW;
        facts.energy_tick_j = kEnergyTickJ;
        facts.energy_step_j = kJoulesPerWh;
        facts.update_ms = kUpdateMs;
        facts.energy_update_ms = kUpdateMs;
        facts.max_power_w = kOutletCeilingW;
        return facts;
    }

    Result<WallSample> read() override {
        Result<std::string> answer = exchange();
        if (!answer) {
            return Error(std::move(answer).error()).with_context(name_);
        }
        FINEWATT_ASSIGN(const nlohmann::json document, parse_answer(*answer, name_));
        return sample_of(document);
    }

  private:
    Result<std::string> exchange() {
        ScopedFd fd(::socket(address_.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd.is_open()) {
            return error_from_errno(errno, "open a socket");
        }
        TimedSocket socket(std::move(fd), steady_clock::now() + timeout_);
        FINEWATT_TRY(
            socket.connect(reinterpret_cast<const sockaddr*>(&address_.storage), address_.size));
        FINEWATT_TRY(socket.send(frame_));
        std::string bytes;
        while (true) {
            FINEWATT_ASSIGN(const std::string more, socket.receive());
            bytes += more;
            FINEWATT_ASSIGN(std::optional<std::string> message, kasa_message(bytes));
            if (message) {
                return std::move(*message);
            }
        }
    }

    /// Old plugs have `power` and `total` in W and kWh, later ones `power_mw` and `total_wh`.
    Result<WallSample> sample_of(const nlohmann::json& document) const {
        const std::string base = "/emeter/get_realtime";
        const nlohmann::json* code = find_value(document, base + "/err_code");
        const nlohmann::json* refusal = find_value(document, "/emeter/err_code");
        const nlohmann::json* wrong = code != nullptr && *code != 0 ? code : refusal;
        if (wrong != nullptr && *wrong != 0) {
            return FINEWATT_ERROR(kCorrupt, "{}: the plug reports error {}; has it a meter?", name_,
                                  wrong->is_number() ? wrong->dump() : "of an unknown kind");
        }
        WallSample sample;
        FINEWATT_ASSIGN(sample.power_w,
                        either(document, base + "/power_mw", 1e-3, base + "/power", 1));
        FINEWATT_ASSIGN(sample.energy_j, either(document, base + "/total_wh", kJoulesPerWh,
                                                base + "/total", 1000 * kJoulesPerWh));
        return sample;
    }

    Result<std::optional<double>> either(const nlohmann::json& document, const std::string& first,
                                         double first_factor, const std::string& second,
                                         double second_factor) const {
        FINEWATT_ASSIGN(const std::optional<double> a, find_number(document, first, name_));
        if (a) {
            return std::optional(*a * first_factor);
        }
        FINEWATT_ASSIGN(const std::optional<double> b, find_number(document, second, name_));
        return b ? std::optional(*b * second_factor) : std::nullopt;
    }

    std::string name_;
    milliseconds timeout_;
    Address address_;
    std::string frame_;
};

}  // namespace

std::string kasa_frame(std::string_view message) {
    std::string frame;
    for (std::size_t i = kLengthBytes; i > 0; --i) {
        frame += static_cast<char>((message.size() >> (8 * (i - 1))) & 0xFFU);
    }
    unsigned char key = kFirstKey;
    for (const char c : message) {
        key = static_cast<unsigned char>(static_cast<unsigned char>(c) ^ key);
        frame += static_cast<char>(key);
    }
    return frame;
}

Result<std::optional<std::string>> kasa_message(std::string_view frame) {
    if (frame.size() < kLengthBytes) {
        return std::optional<std::string>();
    }
    std::size_t length = 0;
    for (std::size_t i = 0; i < kLengthBytes; ++i) {
        length = (length << 8U) | static_cast<unsigned char>(frame[i]);
    }
    if (length > kMaxMessageBytes) {
        return FINEWATT_ERROR(kCorrupt, "expected a Kasa answer of at most {} bytes, found {}",
                              kMaxMessageBytes, length);
    }
    frame.remove_prefix(kLengthBytes);
    if (frame.size() < length) {
        return std::optional<std::string>();
    }
    std::string message;
    unsigned char key = kFirstKey;
    for (const char c : frame.substr(0, length)) {
        const auto byte = static_cast<unsigned char>(c);
        message += static_cast<char>(byte ^ key);
        key = byte;
    }
    return std::optional(std::move(message));
}

Result<std::unique_ptr<WallReader>> open_kasa_meter(const WallMeterSpec& spec,
                                                    const DiscoveryOptions& /*options*/) {
    FINEWATT_ASSIGN(const Address address, look_up(spec));
    return std::unique_ptr<WallReader>(std::make_unique<KasaReader>(spec, address));
}

}  // namespace finewatt
