#include "finewatt/testing/local_server.h"

#include "finewatt/base/ascii.h"
#include "finewatt/base/check.h"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace finewatt::testing {
namespace {

/// Read one request; nothing when the peer went away before its end.
std::optional<ServedRequest> read_request(const LocalServer::Connection& connection) {
    std::string text;
    std::size_t head_end = std::string::npos;
    while ((head_end = text.find("\r\n\r\n")) == std::string::npos) {
        const std::string more = connection.receive();
        if (more.empty()) {
            return std::nullopt;
        }
        text += more;
    }
    ServedRequest request;
    std::size_t line_end = text.find("\r\n");
    const std::string first = text.substr(0, line_end);
    request.method = first.substr(0, first.find(' '));
    const std::size_t target = request.method.size() + 1;
    request.target = first.substr(target, first.find(' ', target) - target);
    while (line_end < head_end) {
        const std::size_t begin = line_end + 2;
        line_end = text.find("\r\n", begin);
        const std::string line = text.substr(begin, line_end - begin);
        const std::size_t colon = line.find(": ");
        if (colon != std::string::npos) {
            request.headers[ascii_lower(line.substr(0, colon))] = line.substr(colon + 2);
        }
    }
    std::size_t length = 0;
    const std::string& stated = request.headers["content-length"];
    std::from_chars(stated.data(), stated.data() + stated.size(), length);
    request.body = text.substr(head_end + 4);
    while (request.body.size() < length) {
        const std::string more = connection.receive();
        if (more.empty()) {
            return std::nullopt;
        }
        request.body += more;
    }
    return request;
}

}  // namespace

bool LocalServer::Connection::wait_readable() const {
    std::array<pollfd, 2> waits{{{fd_, POLLIN, 0}, {stop_fd_, POLLIN, 0}}};
    return ::poll(waits.data(), waits.size(), -1) > 0 && waits[1].revents == 0;
}

std::string LocalServer::Connection::receive() const {
    std::array<char, 4096> buffer{};
    if (!wait_readable()) {
        return "";
    }
    const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
    return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : "";
}

void LocalServer::Connection::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) {
            return;  // the client went away, as some tests want it to
        }
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

void LocalServer::Connection::hang() const {
    while (!receive().empty()) {
    }
}

LocalServer::LocalServer(std::function<void(const Connection&)> on_connection)
    : on_connection_(std::move(on_connection)) {
    start();
}

LocalServer::~LocalServer() {
    stop();
}

void LocalServer::start() {
    listener_ = ScopedFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int yes = 1;
    ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    socklen_t size = sizeof address;
    FINEWATT_CHECK(::bind(listener_.get(), any, size) == 0, "the test server needs a port");
    FINEWATT_CHECK(::listen(listener_.get(), 16) == 0, "the test server must listen");
    ::getsockname(listener_.get(), any, &size);
    port_ = ntohs(address.sin_port);
    std::array<int, 2> ends{};
    FINEWATT_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0, "the test server needs a pipe");
    stop_read_ = ScopedFd(ends[0]);
    stop_write_ = ScopedFd(ends[1]);
    thread_ = std::jthread([this] { serve(); });
}

void LocalServer::stop() {
    if (thread_.joinable()) {
        stop_write_.reset();  // wakes every wait of the thread
        thread_.join();
        listener_.reset();
    }
}

void LocalServer::serve() {
    while (true) {
        std::array<pollfd, 2> waits{{{listener_.get(), POLLIN, 0}, {stop_read_.get(), POLLIN, 0}}};
        if (::poll(waits.data(), waits.size(), -1) < 0 || waits[1].revents != 0) {
            return;
        }
        const ScopedFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection.is_open()) {
            on_connection_(Connection(connection.get(), stop_read_.get()));
        }
    }
}

LocalHttpServer::LocalHttpServer(Handler handler)
    : handler_(std::move(handler)),
      server_([this](const LocalServer::Connection& connection) { answer(connection); }) {}

std::string LocalHttpServer::url(const std::string& path) const {
    return "http://" + host() + path;
}

std::string LocalHttpServer::host() const {
    return fmt::format("127.0.0.1:{}", port());
}

std::vector<ServedRequest> LocalHttpServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

void LocalHttpServer::set_handler(Handler handler) {
    const std::lock_guard lock(mutex_);
    handler_ = std::move(handler);
}

void LocalHttpServer::answer(const LocalServer::Connection& connection) {
    const std::optional<ServedRequest> request = read_request(connection);
    if (!request) {
        return;
    }
    ServedAnswer answer;
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(*request);
        answer = handler_(*request);
    }
    if (answer.is_silent) {
        connection.hang();
        return;
    }
    if (answer.raw) {
        connection.send(*answer.raw);
        return;
    }
    std::string text = fmt::format("HTTP/1.1 {} x\r\nConnection: close\r\nContent-Length: {}\r\n",
                                   answer.status, answer.body.size());
    for (const auto& [name, value] : answer.headers) {
        text += fmt::format("{}: {}\r\n", name, value);
    }
    // The answer to HEAD is that to GET without its body (RFC 9110, 9.3.2).
    connection.send(text + "\r\n" + (request->method == "HEAD" ? "" : answer.body));
}

}  // namespace finewatt::testing
