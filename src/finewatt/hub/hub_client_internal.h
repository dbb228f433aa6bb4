// HubClient: the three requests that a fetch makes of a model hub, and the meaning of its answers.
//
// It knows the hub's paths and headers, redirects and refusals; it knows nothing of the cache.
// Paths and headers as huggingface_hub 1.33 uses them (file_download.py, hf_api.py).
#pragma once

#include "finewatt/base/http_client.h"
#include "finewatt/hub/repo.h"
#include "finewatt/hub/settings.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::hub {

/// What a repository holds at one revision.
struct RepoListing {
    std::string commit;
    std::vector<std::string> files;  ///< paths, checked with is_safe_path
};

/// What the hub says of a file before it is fetched.
struct FileMetadata {
    std::string etag;  ///< SHA-256 of files in large storage, else another name of the content
    std::optional<std::uint64_t> size_bytes{};

    /// Return whether the etag is a SHA-256.
    bool has_sha256() const;
};

/// Takes a file. `begin` is told where the bytes start: at the offset that was asked for, or at 0
/// when the server sends the whole file instead.
struct FileSink {
    std::function<Status(std::uint64_t offset)> begin;
    std::function<Status(std::string_view bytes)> take;
};

/// Asks one hub. Used by one thread at a time.
class HubClient {
  public:
    /// Errors: not found or unsupported (no libcurl).
    static Result<HubClient> create(const HubSettings& settings);

    /// Ask what a repository holds. Errors as fetch().
    Result<RepoListing> list(const Repo& repo);

    /// Ask for etag and size of a file. Errors as fetch().
    Result<FileMetadata> metadata(const Repo& repo, const std::string& commit,
                                  const std::string& file);

    /// Fetch a file from `offset` on. The token goes to the endpoint only, never to where it
    /// redirects. Errors as fetch(); those of the sink.
    Status get(const Repo& repo, const std::string& commit, const std::string& file,
               std::uint64_t offset, const FileSink& sink);

  private:
    HubClient(HubSettings settings, std::unique_ptr<HttpClient> http)
        : settings_(std::move(settings)),
          http_(std::move(http)) {}

    HttpRequest make_request(const std::string& url) const;
    Result<HttpResponse> send(HttpRequest& request);
    Status redirect(HttpRequest& request, const HttpResponse& answer) const;
    Status require_success(const Repo& repo, const std::string& file,
                           const HttpResponse& answer) const;
    std::string file_url(const Repo& repo, const std::string& commit,
                         const std::string& file) const;

    HubSettings settings_;
    std::unique_ptr<HttpClient> http_;
};

}  // namespace finewatt::hub
