#include "finewatt/hub/settings.h"

#include "finewatt/base/file.h"

#include <system_error>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

namespace finewatt::hub {
namespace {

/// Return a variable that is set and not empty.
std::optional<std::string> given(const Environment& environment, const std::string& name) {
    std::optional<std::string> value = environment(name);
    return value && !value->empty() ? value : std::nullopt;
}

/// Return the first of these variables that is given.
std::optional<std::string> first_given(const Environment& environment,
                                       std::initializer_list<const char*> names) {
    for (const char* name : names) {
        if (std::optional<std::string> value = given(environment, name)) {
            return value;
        }
    }
    return std::nullopt;
}

bool is_true(const std::optional<std::string>& value) {
    std::string upper = value.value_or("");
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return upper == "1" || upper == "ON" || upper == "YES" || upper == "TRUE";
}

/// Replace "$NAME" and "${NAME}" by their values; an unknown name stays as it is.
std::string expand_variables(const std::string& text, const Environment& environment) {
    constexpr std::string_view kWord =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    std::string out;
    std::size_t at = 0;
    while (at < text.size()) {
        const bool is_braced = text.compare(at, 2, "${") == 0;
        const std::size_t name = at + (is_braced ? 2 : 1);
        const std::size_t end = std::min(
            is_braced ? text.find('}', name) : text.find_first_not_of(kWord, name), text.size());
        const std::size_t after = std::min(end + (is_braced ? 1 : 0), text.size());
        const std::optional<std::string> value = text[at] == '$' && end > name
                                                     ? environment(text.substr(name, end - name))
                                                     : std::nullopt;
        out += value.value_or(std::string(1, text[at]));
        at = value ? after : at + 1;
    }
    return out;
}

/// Return a path from the environment as an absolute one, with "~" and variables replaced.
Result<std::filesystem::path> expand_path(std::string text, const Environment& environment) {
    if (text == "~" || text.starts_with("~/")) {
        const std::optional<std::string> home = given(environment, "HOME");
        if (!home) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "{}: expected the variable HOME, found none; set HOME, or "
                                  "HF_HOME to the folder for models and data sets",
                                  text);
        }
        text.replace(0, 1, *home);
    }
    const std::filesystem::path path(expand_variables(text, environment));
    std::error_code failed;
    const std::filesystem::path absolute = std::filesystem::absolute(path, failed);
    return failed ? path : absolute.lexically_normal();
}

Result<std::filesystem::path> hub_home(const Environment& environment) {
    const std::string caches = given(environment, "XDG_CACHE_HOME").value_or("~/.cache");
    return expand_path(given(environment, "HF_HOME").value_or(caches + "/huggingface"),
                       environment);
}

std::optional<std::string> clean_token(std::string text) {
    text.erase(
        std::remove_if(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n'; }),
        text.end());
    const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
    text = text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
    return text.empty() ? std::nullopt : std::optional(text);
}

Result<std::optional<std::string>> find_token(const std::filesystem::path& home,
                                              const Environment& environment) {
    if (is_true(environment("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) {
        return std::optional<std::string>();
    }
    if (auto token = first_given(environment, {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"})) {
        return clean_token(*std::move(token));
    }
    FINEWATT_ASSIGN(
        const std::filesystem::path file,
        expand_path(given(environment, "HF_TOKEN_PATH").value_or((home / "token").string()),
                    environment));
    Result<std::string> text = read_file(file);
    if (text) {
        return clean_token(*std::move(text));
    }
    if (text.error().code() == ErrorCode::kNotFound) {
        return std::optional<std::string>();
    }
    return Error(std::move(text).error()).with_context("token of the hub (HF_TOKEN_PATH)");
}

Result<std::chrono::seconds> find_seconds(const Environment& environment, const std::string& name,
                                          std::chrono::seconds otherwise) {
    const std::optional<std::string> text = given(environment, name);
    if (!text) {
        return otherwise;
    }
    int seconds = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
    if (error != std::errc() || end != text->data() + text->size() || seconds < 1) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected a whole number of seconds from 1 on, found '{}'", name,
                              *text);
    }
    return std::chrono::seconds(seconds);
}

Result<std::string> find_endpoint(const Environment& environment, std::string endpoint) {
    endpoint = given(environment, "HF_ENDPOINT").value_or(endpoint);
    while (endpoint.ends_with('/')) {
        endpoint.pop_back();
    }
    if (!endpoint.starts_with("http://") && !endpoint.starts_with("https://")) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "HF_ENDPOINT: expected an address such as https://huggingface.co, "
                              "found '{}'",
                              endpoint);
    }
    return endpoint;
}

}  // namespace

Environment process_environment() {
    return [](const std::string& name) -> std::optional<std::string> {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing of ours changes the environment.
        const char* value = std::getenv(name.c_str());
        return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
    };
}

Result<HubSettings> HubSettings::from_environment(const Environment& environment) {
    HubSettings settings;
    FINEWATT_ASSIGN(const std::filesystem::path home, hub_home(environment));
    FINEWATT_ASSIGN(settings.cache,
                    expand_path(first_given(environment, {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"})
                                    .value_or((home / "hub").string()),
                                environment));
    FINEWATT_ASSIGN(settings.endpoint, find_endpoint(environment, settings.endpoint));
    FINEWATT_ASSIGN(settings.token, find_token(home, environment));
    settings.is_offline =
        is_true(first_given(environment, {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"}));
    FINEWATT_ASSIGN(settings.answer_timeout,
                    find_seconds(environment, "HF_HUB_ETAG_TIMEOUT", settings.answer_timeout));
    FINEWATT_ASSIGN(settings.stall_timeout,
                    find_seconds(environment, "HF_HUB_DOWNLOAD_TIMEOUT", settings.stall_timeout));
    settings.ca_file =
        first_given(environment, {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"})
            .value_or("");
    return settings;
}

}  // namespace finewatt::hub
