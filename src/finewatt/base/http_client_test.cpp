#include "finewatt/base/http_client.h"

#include "finewatt/base/subprocess.h"
#include "finewatt/testing/local_server.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <spawn.h>

namespace finewatt {
namespace {

using testing::LocalHttpServer;
using testing::ServedAnswer;
using testing::ServedRequest;

std::unique_ptr<HttpClient> make_client() {
    Result<std::unique_ptr<HttpClient>> client = HttpClient::create();
    EXPECT_OK(client);
    return client ? std::move(*client) : nullptr;
}

HttpRequest get(const std::string& url) {
    HttpRequest request;
    request.url = url;
    request.use_proxy = false;
    return request;
}

TEST(HttpClient, GetsStatusHeadersAndBody) {
    const LocalHttpServer server([](const ServedRequest&) {
        return ServedAnswer{200, "hello", {{"X-Auth-Token", "  abc "}}};
    });
    ASSERT_OK_AND_ASSIGN(const HttpResponse response, make_client()->send(get(server.url("/a?b"))));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "hello");
    EXPECT_EQ(response.header("x-auth-token"), "abc");
    EXPECT_EQ(response.header("x-other"), std::nullopt);
    EXPECT_GT(response.duration.count(), 0);
    EXPECT_EQ(server.requests().at(0).target, "/a?b");
}

TEST(HttpClient, PostsABodyWithHeaders) {
    const LocalHttpServer server([](const ServedRequest&) { return ServedAnswer{201, ""}; });
    HttpRequest request = get(server.url("/sessions"));
    request.method = "POST";
    request.body = R"({"a":1})";
    request.headers = {{"Content-Type", "application/json"}};
    ASSERT_OK_AND_ASSIGN(const HttpResponse response, make_client()->send(request));
    EXPECT_EQ(response.status, 201);
    const ServedRequest seen = server.requests().at(0);
    EXPECT_EQ(seen.method, "POST");
    EXPECT_EQ(seen.body, R"({"a":1})");
    EXPECT_EQ(seen.headers.at("content-type"), "application/json");
}

TEST(HttpClient, OneClientSendsManyRequestsWithoutMixingThem) {
    const LocalHttpServer server([](const ServedRequest& seen) {
        return ServedAnswer{200, seen.method + seen.body};
    });
    const auto client = make_client();
    HttpRequest post = get(server.url("/"));
    post.method = "DELETE";
    post.body = "x";
    ASSERT_OK_AND_ASSIGN(const HttpResponse first, client->send(post));
    ASSERT_OK_AND_ASSIGN(const HttpResponse second, client->send(get(server.url("/"))));
    EXPECT_EQ(first.body, "DELETEx");
    EXPECT_EQ(second.body, "GET");
}

TEST(HttpClient, BasicCredentialsAreSentAtOnce) {
    const LocalHttpServer server([](const ServedRequest& seen) {
        const auto sent = seen.headers.find("authorization");
        // base64 of "ann:secret"
        const bool is_known =
            sent != seen.headers.end() && sent->second == "Basic YW5uOnNlY3JldA==";
        return ServedAnswer{is_known ? 200 : 401, ""};
    });
    HttpRequest request = get(server.url("/"));
    request.credentials = HttpCredentials{"ann", "secret"};
    request.auth = HttpAuth::kBasic;
    ASSERT_OK_AND_ASSIGN(const HttpResponse response, make_client()->send(request));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST(HttpClient, DigestAnswersTheServersQuestion) {
    const LocalHttpServer server([](const ServedRequest& seen) {
        const auto sent = seen.headers.find("authorization");
        if (sent == seen.headers.end()) {
            return ServedAnswer{
                401,
                "who?",
                {{"WWW-Authenticate",
                  R"(Digest qop="auth", realm="plug", nonce="60dc59c6", algorithm=SHA-256)"}}};
        }
        const bool is_digest = sent->second.starts_with("Digest username=\"admin\"") &&
                               sent->second.find("response=") != std::string::npos &&
                               sent->second.find("secret") == std::string::npos;
        return ServedAnswer{is_digest ? 200 : 401, "power"};
    });
    HttpRequest request = get(server.url("/rpc"));
    request.credentials = HttpCredentials{"admin", "secret"};
    ASSERT_OK_AND_ASSIGN(const HttpResponse response, make_client()->send(request));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "power");
}

TEST(HttpClient, StatusBecomesAnErrorThatSaysWhatToDo) {
    HttpRequest request = get("http://plug/meter?password=hush");
    HttpResponse response;
    response.status = 401;
    EXPECT_ERROR(kPermission, require_success(request, response), "none were given");
    request.credentials = HttpCredentials{"ann", "secret"};
    EXPECT_ERROR(kPermission, require_success(request, response), "are refused");
    EXPECT_EQ(require_success(request, response).error().describe().find("hush"),
              std::string::npos);
    response.status = 404;
    EXPECT_ERROR(kNotFound, require_success(request, response), "http://plug/meter: HTTP");
    response.status = 503;
    EXPECT_ERROR(kBusy, require_success(request, response), "503");
    response.status = 500;
    EXPECT_ERROR(kIo, require_success(request, response), "500");
    response.status = 204;
    EXPECT_OK(require_success(request, response));
}

TEST(HttpClient, PortWithoutListenerIsNotFound) {
    LocalHttpServer server([](const ServedRequest&) { return ServedAnswer{}; });
    server.stop();
    EXPECT_ERROR(kNotFound, make_client()->send(get(server.url("/"))), "nobody answers there");
}

TEST(HttpClient, SilentServerIsATimeOut) {
    const LocalHttpServer server([](const ServedRequest&) {
        ServedAnswer answer;
        answer.is_silent = true;
        return answer;
    });
    HttpRequest request = get(server.url("/"));
    request.timeout = std::chrono::milliseconds(60);
    EXPECT_ERROR(kBusy, make_client()->send(request), "within 60 ms");
}

TEST(HttpClient, RubbishIsNoHttpAnswer) {
    const LocalHttpServer server([](const ServedRequest&) {
        ServedAnswer answer;
        answer.raw = "SSH-2.0-OpenSSH_9.2\r\n";
        return answer;
    });
    EXPECT_ERROR(kCorrupt, make_client()->send(get(server.url("/"))), "expected an HTTP answer");
}

TEST(HttpClient, AnswerCutInTheMiddleIsAnError) {
    const LocalHttpServer server([](const ServedRequest&) {
        ServedAnswer answer;
        answer.raw = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort";
        return answer;
    });
    EXPECT_ERROR(kCorrupt, make_client()->send(get(server.url("/"))), "something else");
}

TEST(HttpClient, LongAnswerIsRefusedAtTheLimit) {
    const LocalHttpServer server([](const ServedRequest&) {
        return ServedAnswer{200, std::string(2000, 'x')};
    });
    HttpRequest request = get(server.url("/"));
    request.max_body_bytes = 1999;
    EXPECT_ERROR(kCorrupt, make_client()->send(request), "at most 1999 bytes");
    request.max_body_bytes = 2000;
    EXPECT_OK(make_client()->send(request));
}

TEST(HttpClient, BodySinkGetsTheBytesAndMayStop) {
    const LocalHttpServer server([](const ServedRequest&) {
        return ServedAnswer{200, std::string(2000, 'x')};
    });
    HttpRequest request = get(server.url("/"));
    request.max_body_bytes = 1;
    std::size_t bytes = 0;
    request.on_body = [&bytes](std::string_view piece) -> Status {
        bytes += piece.size();
        return {};
    };
    EXPECT_OK(make_client()->send(request));
    EXPECT_EQ(bytes, 2000U);
    request.on_body = [](std::string_view) -> Status { return FINEWATT_ERROR(kIo, "disk full"); };
    EXPECT_ERROR(kIo, make_client()->send(request), "disk full");
}

TEST(HttpClient, HeadGetsTheHeadersOfABodyThatIsNotSent) {
    const LocalHttpServer server([](const ServedRequest&) {
        return ServedAnswer{200, std::string(5000, 'x'), {{"ETag", "\"e\""}}};
    });
    const auto client = make_client();
    HttpRequest request = get(server.url("/"));
    request.method = "HEAD";
    ASSERT_OK_AND_ASSIGN(const HttpResponse head, client->send(request));
    EXPECT_EQ(server.requests().at(0).method, "HEAD");
    EXPECT_EQ(head.header("content-length"), "5000");
    EXPECT_EQ(head.header("etag"), "\"e\"");
    EXPECT_EQ(head.body, "");
    // The next request of the same client has a body again.
    ASSERT_OK_AND_ASSIGN(const HttpResponse whole, client->send(get(server.url("/"))));
    EXPECT_EQ(whole.body.size(), 5000U);
}

TEST(HttpClient, HeadSinkSeesStatusBeforeTheBodyAndMayStop) {
    const LocalHttpServer server([](const ServedRequest&) {
        return ServedAnswer{206, "part", {{"Content-Range", "bytes 4-7/8"}}};
    });
    std::string order;
    HttpRequest request = get(server.url("/"));
    request.on_head = [&order](const HttpResponse& head) -> Status {
        order += fmt::format("head {} {}, ", head.status, *head.header("content-range"));
        return {};
    };
    request.on_body = [&order](std::string_view bytes) -> Status {
        order += bytes;
        return {};
    };
    ASSERT_OK(make_client()->send(request));
    EXPECT_EQ(order, "head 206 bytes 4-7/8, part");
    request.on_head = [](const HttpResponse&) -> Status {
        return FINEWATT_ERROR(kCancelled, "not that one");
    };
    EXPECT_ERROR(kCancelled, make_client()->send(request), "not that one");
}

TEST(HttpClient, HeadSinkIsCalledForAnEmptyBodyToo) {
    const LocalHttpServer server([](const ServedRequest&) { return ServedAnswer{404, ""}; });
    int status = 0;
    HttpRequest request = get(server.url("/"));
    request.on_head = [&status](const HttpResponse& head) -> Status {
        status = head.status;
        return {};
    };
    ASSERT_OK(make_client()->send(request));
    EXPECT_EQ(status, 404);
}

TEST(HttpClient, DownloadThatStallsIsATimeOut) {
    const testing::LocalServer server([](const testing::LocalServer::Connection& connection) {
        connection.receive();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
        connection.hang();
    });
    HttpRequest request = get(fmt::format("http://127.0.0.1:{}/", server.port()));
    request.stall_timeout = std::chrono::seconds(1);
    EXPECT_ERROR(kBusy, make_client()->send(request), "no byte came for 1 s");
}

TEST(HttpClient, RedirectIsFollowedOnlyWhenAsked) {
    LocalHttpServer server([](const ServedRequest& seen) {
        return seen.target == "/old" ? ServedAnswer{302, "moved", {{"Location", "/new"}}}
                                     : ServedAnswer{200, "here"};
    });
    HttpRequest request = get(server.url("/old"));
    ASSERT_OK_AND_ASSIGN(const HttpResponse stayed, make_client()->send(request));
    EXPECT_EQ(stayed.status, 302);
    request.follow_redirects = true;
    ASSERT_OK_AND_ASSIGN(const HttpResponse followed, make_client()->send(request));
    EXPECT_EQ(followed.body, "here");
}

/// How many sockets of this process a program that it starts would inherit.
int inheritable_sockets() {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const bool is_socket =
            std::filesystem::read_symlink(entry.path(), gone).string().starts_with("socket:");
        const int flags = ::fcntl(std::stoi(entry.path().filename().string()), F_GETFD);
        count += is_socket && flags >= 0 && (flags & FD_CLOEXEC) == 0 ? 1 : 0;
    }
    return count;
}

TEST(HttpClient, ConnectionIsNotInheritedByOtherPrograms) {
    const LocalHttpServer server([](const ServedRequest&) { return ServedAnswer{200, "x"}; });
    const int before = inheritable_sockets();
    const auto client = make_client();
    ASSERT_OK(client->send(get(server.url("/"))));
    EXPECT_EQ(inheritable_sockets(), before);
    int during = -1;
    HttpRequest request = get(server.url("/"));
    request.on_body = [&during](std::string_view) -> Status {
        during = inheritable_sockets();
        return {};
    };
    ASSERT_OK(client->send(request));
    EXPECT_EQ(during, before);
}

TEST(HttpClient, OnlyHttpIsSpoken) {
    EXPECT_ERROR(kInvalidArgument, make_client()->send(get("file:///etc/passwd")), "http://");
}

TEST(HttpClient, HeaderWithALineEndIsRefusedAndNotShown) {
    HttpRequest request = get("http://127.0.0.1:1/");
    request.headers = {{"Authorization", "Bearer hush\r\nX: y"}};
    const Result<HttpResponse> response = make_client()->send(request);
    EXPECT_ERROR(kInvalidArgument, response, "the header Authorization must be one line");
    EXPECT_EQ(response.error().describe().find("hush"), std::string::npos);
}

TEST(HttpClient, MissingLibraryIsNamedWithItsPackage) {
    EXPECT_ERROR(kNotFound, HttpClient::create("libno-such-curl.so.4"), "apt-get install libcurl4");
}

TEST(PrintableUrl, HidesUserPasswordAndQuery) {
    EXPECT_EQ(printable_url("http://u:p@host:80/a@b?password=x#y"), "http://host:80/a@b");
    EXPECT_EQ(printable_url("https://host"), "https://host");
    EXPECT_EQ(printable_url("rubbish?x"), "rubbish");
}

/// An HTTPS server with a certificate of its own: `openssl s_server`, ended with the object.
class TlsServer {
  public:
    TlsServer() = default;
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;

    /// Nothing where there is no openssl program.
    static std::unique_ptr<TlsServer> start() {
        SubprocessOptions make;
        auto server = std::make_unique<TlsServer>();
        make.argv = {"openssl",  "req",           "-x509",   "-newkey",
                     "rsa:2048", "-nodes",        "-keyout", "-",
                     "-subj",    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"};
        const auto made = run_subprocess(make);
        if (!made || !made->succeeded()) {
            return nullptr;
        }
        server->certificate_ = server->tree_.write("server.pem", made->stdout_text);
        return server->spawn() ? std::move(server) : nullptr;
    }

    ~TlsServer() {
        if (process_ > 0) {
            ::kill(process_, SIGKILL);
            ::waitpid(process_, nullptr, 0);
        }
    }

    std::string url() const { return fmt::format("https://localhost:{}/", port_); }

    std::string certificate() const { return certificate_; }

  private:
    bool spawn() {
        // s_server prints "ACCEPT host:port" once it listens; port 0 lets the kernel choose.
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            return false;
        }
        const ScopedFd out(ends[0]);
        ScopedFd child_out(ends[1]);
        posix_spawn_file_actions_t actions{};
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, child_out.get(), STDOUT_FILENO);
        std::string program = "openssl";
        std::array<std::string, 7> words{"s_server",   "-accept", "localhost:0", "-cert",
                                         certificate_, "-www",    "-naccept"};
        std::string count = "10";
        std::vector<char*> argv{program.data()};
        for (std::string& word : words) {
            argv.push_back(word.data());
        }
        argv.push_back(count.data());
        argv.push_back(nullptr);
        const int failed =
            ::posix_spawnp(&process_, "openssl", &actions, nullptr, argv.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        child_out.reset();
        if (failed != 0) {
            process_ = -1;
            return false;
        }
        std::string text;
        std::array<char, 256> buffer{};
        ssize_t n = 0;
        while ((n = ::read(out.get(), buffer.data(), buffer.size())) > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(n));
            const std::size_t line = text.find("ACCEPT ");
            const std::size_t end = line == std::string::npos ? line : text.find('\n', line);
            if (end != std::string::npos) {
                const std::size_t colon = text.rfind(':', end);
                port_ = std::stoi(text.substr(colon + 1, end - colon - 1));
                return true;
            }
        }
        return false;
    }

    testing::TempTree tree_;
    std::string certificate_;
    pid_t process_ = -1;
    int port_ = 0;
};

TEST(HttpClientTls, SelfSignedCertificateIsRefusedUnlessTheUserSaysSo) {
    const std::unique_ptr<TlsServer> server = TlsServer::start();
    if (!server) {
        GTEST_SKIP() << "no TLS server: the program openssl is not installed or does not start";
    }
    HttpRequest request = get(server->url());
    EXPECT_ERROR(kCorrupt, make_client()->send(request), "the TLS connection was refused");
    request.verify_tls = false;
    ASSERT_OK_AND_ASSIGN(const HttpResponse insecure, make_client()->send(request));
    EXPECT_EQ(insecure.status, 200);
    request.verify_tls = true;
    request.ca_file = server->certificate();
    ASSERT_OK_AND_ASSIGN(const HttpResponse known, make_client()->send(request));
    EXPECT_EQ(known.status, 200);
}

TEST(HttpClientTls, PlainServerBehindHttpsIsATlsError) {
    const testing::LocalServer server([](const testing::LocalServer::Connection& connection) {
        connection.receive();
        connection.send("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    const HttpRequest request = get(fmt::format("https://127.0.0.1:{}/", server.port()));
    EXPECT_ERROR(kCorrupt, make_client()->send(request), "the TLS connection was refused");
}

}  // namespace
}  // namespace finewatt
