// What the tests of carbon's provider clients share: servers in trouble and how a client must take
// them. Header-only; a test that uses it links finewatt::carbon.
#pragma once

#include "finewatt/base/http_client.h"
#include "finewatt/carbon/provider.h"
#include "finewatt/testing/local_server.h"
#include "finewatt/testing/matchers.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace finewatt::testing {

inline std::unique_ptr<HttpClient> make_http() {
    Result<std::unique_ptr<HttpClient>> client = HttpClient::create();
    EXPECT_OK(client);
    return client ? std::move(*client) : nullptr;
}

inline ProviderEnvironment environment_of(std::map<std::string, std::string> values) {
    return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
        const auto found = values.find(name);
        return found == values.end() ? std::nullopt : std::optional(found->second);
    };
}

inline ServedAnswer json_answer(std::string body) {
    return {200, std::move(body), {{"Content-Type", "application/json"}}};
}

/// An answer that a client must take as a failure, and how.
struct BadAnswer {
    const char* what;
    ServedAnswer answer;
    ErrorCode code;
    std::string message;
};

/// Answers of a server in trouble. Each body repeats `secret`, which no message may show.
inline std::vector<BadAnswer> bad_answers(const std::string& secret) {
    ServedAnswer half;
    half.raw = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"zone\":";
    ServedAnswer no_http;
    no_http.raw = "SSH-2.0-OpenSSH_9.2\r\n";
    return {
        {"401", {401, secret}, ErrorCode::kPermission, "found 401: refused"},
        {"403", {403, secret}, ErrorCode::kPermission, "found 403: not allowed"},
        {"404", {404, secret}, ErrorCode::kNotFound, "found 404: not there"},
        {"400", {400, secret}, ErrorCode::kInvalidArgument, "found 400: not understood"},
        {"429", {429, secret, {{"Retry-After", "30"}}}, ErrorCode::kBusy, "try again after 30 s"},
        {"429 with a date",
         {429, secret, {{"Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"}}},
         ErrorCode::kBusy,
         "try again later"},
        {"500", {500, secret}, ErrorCode::kIo, "found 500"},
        {"redirect", {302, "", {{"Location", "http://127.0.0.1:1/"}}}, ErrorCode::kIo, "found 302"},
        {"rubbish", {200, "<html>" + secret}, ErrorCode::kCorrupt, "expected"},
        {"empty", {200, ""}, ErrorCode::kCorrupt, "expected"},
        {"a list", {200, "[\"" + secret + "\"]"}, ErrorCode::kCorrupt, "expected"},
        {"another object", {200, "{\"" + secret + "\":1}"}, ErrorCode::kCorrupt, "expected"},
        {"half an answer", half, ErrorCode::kCorrupt, ""},
        {"no HTTP", no_http, ErrorCode::kCorrupt, ""},
    };
}

/// Ask `ask` under every bad answer; each must fail as it says and keep the secret, if there is
/// one.
template <class Ask>
void expect_bad_answers_told(const std::string& secret, const Ask& ask) {
    for (const BadAnswer& bad : bad_answers(secret)) {
        const auto result = ask(bad.answer);
        EXPECT_TRUE(has_error(result, bad.code, bad.message)) << bad.what;
        if (!secret.empty()) {
            EXPECT_EQ(describe(result).find(secret), std::string::npos)
                << bad.what << ": " << describe(result);
        }
    }
}

}  // namespace finewatt::testing
