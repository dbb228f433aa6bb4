// LocalServer, LocalHttpServer: servers on the loopback interface inside a test program, for tests
// of clients. They answer with what a test says: good answers, rubbish, silence, or nobody at home.
//
// Not for benchmarks: connections are served one after another on one thread.
#pragma once

#include "finewatt/base/file.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace finewatt::testing {

/// Listens on a free port of 127.0.0.1 and gives each connection to a callback on its own thread.
class LocalServer {
  public:
    /// The open connection, and a way to wait for bytes on it that ends with the server.
    class Connection {
      public:
        Connection(int fd, int stop_fd) : fd_(fd), stop_fd_(stop_fd) {}

        /// Wait for more bytes; empty when the peer has closed or the server stops.
        std::string receive() const;
        void send(std::string_view bytes) const;

        /// Wait until the peer closes or the server stops: a server that never answers.
        void hang() const;

      private:
        bool wait_readable() const;

        int fd_;
        int stop_fd_;
    };

    explicit LocalServer(std::function<void(const Connection&)> on_connection);
    LocalServer(const LocalServer&) = delete;
    LocalServer& operator=(const LocalServer&) = delete;
    ~LocalServer();

    std::uint16_t port() const { return port_; }

    /// Close the port and all connections, as a plug that is pulled out.
    void stop();

    /// Listen again on the same port.
    void start();

  private:
    void serve();

    std::function<void(const Connection&)> on_connection_;
    std::uint16_t port_ = 0;
    ScopedFd listener_;
    ScopedFd stop_read_;
    ScopedFd stop_write_;
    std::jthread thread_;
};

/// A request as it came. Header names are in lower case.
struct ServedRequest {
    std::string method;
    std::string target;  ///< path and query
    std::map<std::string, std::string> headers;
    std::string body;
};

/// How to answer it.
struct ServedAnswer {
    int status = 200;
    std::string body{};
    std::vector<std::pair<std::string, std::string>> headers{};
    std::optional<std::string> raw{};  ///< sent as it is instead of an HTTP answer
    bool is_silent = false;            ///< never answer
};

/// Answers HTTP requests with a callback, which runs on the server's thread. Each answer closes its
/// connection.
class LocalHttpServer {
  public:
    using Handler = std::function<ServedAnswer(const ServedRequest&)>;

    explicit LocalHttpServer(Handler handler);

    std::uint16_t port() const { return server_.port(); }

    /// "http://127.0.0.1:PORT" and the path.
    std::string url(const std::string& path) const;

    /// "127.0.0.1:PORT"
    std::string host() const;

    /// The requests so far.
    std::vector<ServedRequest> requests() const;

    void stop() { server_.stop(); }

    void start() { server_.start(); }

    /// Answer differently from now on.
    void set_handler(Handler handler);

  private:
    void answer(const LocalServer::Connection& connection);

    mutable std::mutex mutex_;
    Handler handler_;
    std::vector<ServedRequest> requests_;
    LocalServer server_;  ///< last: it ends first
};

}  // namespace finewatt::testing
