// HubSettings: where the hub and its cache are, and who asks: the environment variables of the
// Python package huggingface_hub (1.33, constants.py), so that both share one cache.
//
// Differs from huggingface_hub: a variable that is set and empty counts as not set.
#pragma once

#include "finewatt/base/result.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace finewatt::hub {

/// Looks up an environment variable; tests give their own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// Return the lookup in this process's environment.
Environment process_environment();

/// What a fetch or a lookup in the cache needs to know. A plain value.
struct HubSettings {
    /// HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else HF_HOME/hub; HF_HOME is by default
    /// XDG_CACHE_HOME/huggingface, and that ~/.cache/huggingface.
    std::filesystem::path cache;
    std::string endpoint = "https://huggingface.co";  ///< HF_ENDPOINT, without '/' at the end
    /// HF_TOKEN, else HUGGING_FACE_HUB_TOKEN, else the file HF_TOKEN_PATH or HF_HOME/token. Goes to
    /// the endpoint only; no message holds it. HF_HUB_DISABLE_IMPLICIT_TOKEN turns it off.
    std::optional<std::string> token;
    bool is_offline = false;  ///< HF_HUB_OFFLINE, else TRANSFORMERS_OFFLINE: no network at all
    std::chrono::seconds answer_timeout{10};  ///< HF_HUB_ETAG_TIMEOUT: an answer without a file
    std::chrono::seconds stall_timeout{10};   ///< HF_HUB_DOWNLOAD_TIMEOUT: time without a byte
    std::string ca_file;    ///< SSL_CERT_FILE, REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE
    bool use_proxy = true;  ///< honour http_proxy, https_proxy and no_proxy

    /// Read the environment and the token file. Errors: invalid argument (a time that is no whole
    /// number, an endpoint that is no http(s) URL, no home folder), permission or io for a token
    /// file that is there and cannot be read.
    static Result<HubSettings> from_environment(
        const Environment& environment = process_environment());
};

}  // namespace finewatt::hub
