#include "finewatt/base/http_client.h"

#include "finewatt/base/ascii.h"
#include "finewatt/base/dyn_lib.h"

#include <curl/curl.h>

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

namespace finewatt {
namespace {

constexpr long kMaxRedirects = 5;

/// The functions of libcurl that we call. Its header gives the types; nothing is linked.
struct CurlApi {
    explicit CurlApi(DynLib library) : library_(std::move(library)) {}

    bool load() {
        const auto find = [this](auto& function, const char* name) {
            function = library_.symbol<std::remove_reference_t<decltype(function)>>(name);
            return function != nullptr;
        };
        return find(global_init, "curl_global_init") && find(easy_init, "curl_easy_init") &&
               find(easy_cleanup, "curl_easy_cleanup") && find(easy_reset, "curl_easy_reset") &&
               find(easy_setopt, "curl_easy_setopt") && find(easy_getinfo, "curl_easy_getinfo") &&
               find(easy_perform, "curl_easy_perform") &&
               find(easy_strerror, "curl_easy_strerror") &&
               find(slist_append, "curl_slist_append") &&
               find(slist_free_all, "curl_slist_free_all");
    }

    decltype(&::curl_global_init) global_init = nullptr;
    decltype(&::curl_easy_init) easy_init = nullptr;
    decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
    decltype(&::curl_easy_reset) easy_reset = nullptr;
    decltype(&::curl_easy_setopt) easy_setopt = nullptr;
    decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
    decltype(&::curl_easy_perform) easy_perform = nullptr;
    decltype(&::curl_easy_strerror) easy_strerror = nullptr;
    decltype(&::curl_slist_append) slist_append = nullptr;
    decltype(&::curl_slist_free_all) slist_free_all = nullptr;

  private:
    DynLib library_;
};

Result<std::unique_ptr<CurlApi>> open_curl(const std::string& library) {
    Result<DynLib> opened = library.empty() ? DynLib::open("libcurl.so.4") : DynLib::open(library);
    if (!opened && library.empty()) {
        opened = DynLib::open("libcurl-gnutls.so.4");
    }
    if (!opened) {
        return FINEWATT_ERROR(kNotFound,
                              "HTTP needs libcurl ({}); install it: apt-get install libcurl4",
                              opened.error().message());
    }
    auto api = std::make_unique<CurlApi>(std::move(*opened));
    if (!api->load() || api->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return FINEWATT_ERROR(kUnsupported,
                              "HTTP needs libcurl 4; the library found lacks its functions or does "
                              "not start");
    }
    return api;
}

/// One libcurl per name, opened once and never closed: it may have threads that look up names.
Result<const CurlApi*> curl_api(const std::string& library) {
    static std::mutex mutex;
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): guarded by the mutex.
    static auto* const kOpened = new std::map<std::string, std::unique_ptr<CurlApi>>;
    const std::lock_guard lock(mutex);
    auto found = kOpened->find(library);
    if (found == kOpened->end()) {
        FINEWATT_ASSIGN(std::unique_ptr<CurlApi> api, open_curl(library));
        found = kOpened->emplace(library, std::move(api)).first;
    }
    return found->second.get();
}

/// What the callbacks of one request share.
struct Exchange {
    const HttpRequest& request;
    HttpResponse response{};
    bool is_too_long = false;
    bool is_head_told = false;
    Status callback_status{};  ///< what on_head or on_body said

    static std::size_t on_body(char* bytes, std::size_t /*one*/, std::size_t size, void* self) {
        return static_cast<Exchange*>(self)->take_body({bytes, size}) ? size : 0;
    }

    static std::size_t on_header(char* bytes, std::size_t /*one*/, std::size_t size, void* self) {
        static_cast<Exchange*>(self)->take_header({bytes, size});
        return size;
    }

    /// Call on_head, once; false when the request must end.
    bool tell_head() {
        if (request.on_head && !std::exchange(is_head_told, true)) {
            callback_status = request.on_head(response);
        }
        return callback_status.has_value();
    }

  private:
    bool take_body(std::string_view bytes) {
        if (!tell_head()) {
            return false;
        }
        if (request.on_body) {
            callback_status = request.on_body(bytes);
            return callback_status.has_value();
        }
        is_too_long = response.body.size() + bytes.size() > request.max_body_bytes;
        if (!is_too_long) {
            response.body += bytes;
        }
        return !is_too_long;
    }

    void take_header(std::string_view line) {
        if (line.starts_with("HTTP/")) {
            // A new answer: after a redirect, or after the question for credentials.
            response.headers.clear();
            response.body.clear();
            // "HTTP/1.1 206 Partial Content"
            const std::size_t number = std::min(line.find(' ') + 1, line.size());
            std::from_chars(line.data() + number, line.data() + line.size(), response.status);
            return;
        }
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            return;
        }
        std::string name = ascii_lower(line.substr(0, colon));
        std::string_view value = line.substr(colon + 1);
        const auto is_blank = [](char c) {
            return c == ' ' || c == '\t' || c == '\r' || c == '\n';
        };
        while (!value.empty() && is_blank(value.front())) {
            value.remove_prefix(1);
        }
        while (!value.empty() && is_blank(value.back())) {
            value.remove_suffix(1);
        }
        response.headers.emplace_back(std::move(name), std::string(value));
    }
};

/// A socket that the measured command does not inherit.
curl_socket_t open_socket(void* /*self*/, curlsocktype /*purpose*/, curl_sockaddr* address) {
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// The sockets of this process, found by name: other threads' descriptors are only looked at.
std::set<int> list_sockets() {
    std::set<int> sockets;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", failed)) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
        const std::string name = entry.path().filename().string();
        int fd = -1;
        std::from_chars(name.data(), name.data() + name.size(), fd);
        if (fd >= 0 && target.starts_with("socket:")) {
            sockets.insert(fd);
        }
    }
    return sockets;
}

/// Mark the sockets that libcurl opened for itself (a pair that wakes its own waits) so that a
/// program started later does not inherit them. It has no setting for that.
void close_new_sockets_on_exec(const std::set<int>& before) {
    for (const int fd : list_sockets()) {
        if (before.count(fd) == 0) {
            ::fcntl(fd, F_SETFD, FD_CLOEXEC);
        }
    }
}

/// Keeps SIGPIPE from this thread: a TLS library writes without MSG_NOSIGNAL, and a peer that has
/// closed its end must not end the program. A signal that came meanwhile is taken back.
class SigpipeGuard {
  public:
    SigpipeGuard() {
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        sigset_t pending{};
        ::sigpending(&pending);
        was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }

    SigpipeGuard(const SigpipeGuard&) = delete;
    SigpipeGuard& operator=(const SigpipeGuard&) = delete;

    ~SigpipeGuard() {
        const timespec no_wait{};
        while (!was_pending_ && ::sigtimedwait(&pipe_, nullptr, &no_wait) == SIGPIPE) {
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

  private:
    sigset_t pipe_{};
    sigset_t before_{};
    bool was_pending_ = false;
};

bool is_tls_failure(CURLcode code) {
    constexpr std::array kCodes{CURLE_SSL_CONNECT_ERROR,    CURLE_PEER_FAILED_VERIFICATION,
                                CURLE_SSL_CERTPROBLEM,      CURLE_SSL_CIPHER,
                                CURLE_SSL_CACERT_BADFILE,   CURLE_SSL_ISSUER_ERROR,
                                CURLE_SSL_INVALIDCERTSTATUS};
    return std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end();
}

class CurlClient : public HttpClient {
  public:
    CurlClient(const CurlApi& api, CURL* handle) : api_(api), handle_(handle) {}

    CurlClient(const CurlClient&) = delete;
    CurlClient& operator=(const CurlClient&) = delete;

    ~CurlClient() override { api_.easy_cleanup(handle_); }

    Result<HttpResponse> send(const HttpRequest& request) override;

  private:
    template <class T>
    void set(CURLoption option, T value) {
        const CURLcode code = api_.easy_setopt(handle_, option, value);
        if (code != CURLE_OK && failed_ == CURLE_OK) {
            failed_ = code;
        }
    }

    void set_connection(const HttpRequest& request);
    void set_credentials(const HttpRequest& request);
    void set_content(const HttpRequest& request, curl_slist* headers);
    curl_slist* make_headers(const HttpRequest& request);
    Error error_of(CURLcode code, const Exchange& exchange) const;

    const CurlApi& api_;
    CURL* handle_;
    bool is_first_ = true;        ///< no request was sent yet
    CURLcode failed_ = CURLE_OK;  ///< the first option that libcurl refused
    std::array<char, CURL_ERROR_SIZE> error_text_{};
};

void CurlClient::set_connection(const HttpRequest& request) {
    set(CURLOPT_ERRORBUFFER, error_text_.data());
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
    set(CURLOPT_NOSIGNAL, 1L);  // time-outs without SIGALRM, since there are threads
    if (request.stall_timeout.count() > 0) {
        set(CURLOPT_LOW_SPEED_LIMIT, 1L);  // bytes per second
        set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall_timeout.count()));
    } else {
        set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
    }
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.timeout.count()));
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_FOLLOWLOCATION, request.follow_redirects ? 1L : 0L);
    set(CURLOPT_MAXREDIRS, kMaxRedirects);
    set(CURLOPT_REDIR_PROTOCOLS_STR, request.url.starts_with("https:") ? "https" : "http,https");
    set(CURLOPT_SSL_VERIFYPEER, request.verify_tls ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, request.verify_tls ? 2L : 0L);
    if (!request.ca_file.empty()) {
        set(CURLOPT_CAINFO, request.ca_file.c_str());
    }
    if (!request.use_proxy) {
        set(CURLOPT_PROXY, "");
    }
    // A name server that does not answer must not hold up the end of the program.
    set(CURLOPT_QUICK_EXIT, 1L);
}

void CurlClient::set_credentials(const HttpRequest& request) {
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
    if (!request.credentials) {
        return;
    }
    set(CURLOPT_USERNAME, request.credentials->user.c_str());
    set(CURLOPT_PASSWORD, request.credentials->password.c_str());
    unsigned long ways = CURLAUTH_BASIC | CURLAUTH_DIGEST;
    if (request.auth != HttpAuth::kAny) {
        ways = request.auth == HttpAuth::kBasic ? CURLAUTH_BASIC : CURLAUTH_DIGEST;
    }
    set(CURLOPT_HTTPAUTH, static_cast<long>(ways));
}

curl_slist* CurlClient::make_headers(const HttpRequest& request) {
    // No waiting for "100 Continue": small devices do not know it.
    curl_slist* list = api_.slist_append(nullptr, "Expect:");
    for (const auto& [name, value] : request.headers) {
        list = api_.slist_append(list, fmt::format("{}: {}", name, value).c_str());
    }
    return list;
}

void CurlClient::set_content(const HttpRequest& request, curl_slist* headers) {
    set(CURLOPT_HTTPHEADER, headers);
    if (request.method == "GET") {
        set(CURLOPT_HTTPGET, 1L);
    } else if (request.method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
    } else {
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        set(CURLOPT_POSTFIELDS, request.body.c_str());
        if (request.method != "POST") {
            set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
        }
    }
}

Error CurlClient::error_of(CURLcode code, const Exchange& exchange) const {
    const std::string url = printable_url(exchange.request.url);
    // libcurl's own text may hold the whole URL only for malformed ones, which are refused before.
    const std::string why = error_text_[0] != '\0' ? error_text_.data() : api_.easy_strerror(code);
    if (!exchange.callback_status) {
        return exchange.callback_status.error();
    }
    if (exchange.is_too_long) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected an answer of at most {} bytes, found more",
                              url, exchange.request.max_body_bytes);
    }
    if (code == CURLE_OPERATION_TIMEDOUT && exchange.request.stall_timeout.count() > 0) {
        return FINEWATT_ERROR(kBusy, "{}: no byte came for {} s", url,
                              exchange.request.stall_timeout.count());
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return FINEWATT_ERROR(kBusy, "{}: no complete answer within {} ms", url,
                              exchange.request.timeout.count());
    }
    if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
        code == CURLE_COULDNT_RESOLVE_PROXY) {
        return FINEWATT_ERROR(kNotFound, "{}: nobody answers there ({}); check host and port", url,
                              why);
    }
    if (is_tls_failure(code)) {
        return FINEWATT_ERROR(kCorrupt, "{}: the TLS connection was refused: {}", url, why);
    }
    if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL ||
        code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE || code == CURLE_GOT_NOTHING) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected an HTTP answer, found something else: {}",
                              url, why);
    }
    return FINEWATT_ERROR(kIo, "{}: {}", url, why);
}

/// Errors: a URL or header that must not be sent. Header values may be secret and are not shown.
Status check_request(const HttpRequest& request) {
    if (!request.url.starts_with("http://") && !request.url.starts_with("https://")) {
        return FINEWATT_ERROR(kInvalidArgument, "{}: expected a URL with http:// or https://",
                              printable_url(request.url));
    }
    for (const auto& [name, value] : request.headers) {
        if ((name + value).find_first_of("\r\n") != std::string::npos) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "{}: the header {} must be one line, and holds a line end",
                                  printable_url(request.url), name);
        }
    }
    return {};
}

Result<HttpResponse> CurlClient::send(const HttpRequest& request) {
    FINEWATT_TRY(check_request(request));
    const auto begin = std::chrono::steady_clock::now();
    Exchange exchange{request};
    api_.easy_reset(handle_);  // keeps connections and the digest's state
    failed_ = CURLE_OK;
    error_text_[0] = '\0';
    const auto free_list = [this](curl_slist* list) { api_.slist_free_all(list); };
    const std::unique_ptr<curl_slist, decltype(free_list)> headers(make_headers(request),
                                                                   free_list);
    set_connection(request);
    set_credentials(request);
    set_content(request, headers.get());
    set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&exchange));
    set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(&exchange));
    if (failed_ != CURLE_OK) {
        return FINEWATT_ERROR(kUnsupported,
                              "{}: libcurl refuses an option ({}); 7.87 or later is needed",
                              printable_url(request.url), api_.easy_strerror(failed_));
    }
    const SigpipeGuard guard;
    const std::set<int> before = is_first_ ? list_sockets() : std::set<int>();
    const CURLcode code = api_.easy_perform(handle_);
    if (std::exchange(is_first_, false)) {
        close_new_sockets_on_exec(before);
    }
    if (code != CURLE_OK || !exchange.tell_head()) {
        return error_of(code, exchange);
    }
    long status = 0;
    api_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    exchange.response.status = static_cast<int>(status);
    exchange.response.duration = std::chrono::steady_clock::now() - begin;
    return std::move(exchange.response);
}

}  // namespace

std::optional<std::string> HttpResponse::header(std::string_view name) const {
    for (const auto& [known, value] : headers) {
        if (known == name) {
            return value;
        }
    }
    return std::nullopt;
}

Result<std::unique_ptr<HttpClient>> HttpClient::create(const std::string& library) {
    FINEWATT_ASSIGN(const CurlApi* api, curl_api(library));
    CURL* handle = api->easy_init();
    if (handle == nullptr) {
        return FINEWATT_ERROR(kInternal, "libcurl: curl_easy_init failed");
    }
    return std::unique_ptr<HttpClient>(std::make_unique<CurlClient>(*api, handle));
}

std::string printable_url(std::string_view url) {
    url = url.substr(0, url.find_first_of("?#"));
    const std::size_t scheme = url.find("://");
    if (scheme == std::string_view::npos) {
        return std::string(url);
    }
    const std::size_t host = scheme + 3;
    const std::size_t path = std::min(url.find('/', host), url.size());
    const std::size_t at = url.substr(0, path).rfind('@');
    if (at == std::string_view::npos || at < host) {
        return std::string(url);
    }
    return std::string(url.substr(0, host)) + std::string(url.substr(at + 1));
}

Status require_success(const HttpRequest& request, const HttpResponse& response) {
    const std::string url = printable_url(request.url);
    switch (response.status) {
        case 401:
        case 403:
            return FINEWATT_ERROR(
                kPermission, "{}: HTTP status {}: {}", url, response.status,
                request.credentials ? "user name or password are refused"
                                    : "it asks for a user name and password, and none were given");
        case 404:
        case 410:
            return FINEWATT_ERROR(kNotFound, "{}: HTTP status {}: no such page there", url,
                                  response.status);
        case 429:
        case 503:
            return FINEWATT_ERROR(kBusy, "{}: HTTP status {}: busy, try later", url,
                                  response.status);
        default:
            break;
    }
    if (!response.is_success()) {
        return FINEWATT_ERROR(kIo, "{}: expected HTTP status 200, found {}", url, response.status);
    }
    return {};
}

}  // namespace finewatt
