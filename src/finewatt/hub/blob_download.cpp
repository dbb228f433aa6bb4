#include "finewatt/base/file.h"
#include "finewatt/base/log.h"
#include "finewatt/hub/blob_download_internal.h"
#include "finewatt/hub/file_lock_internal.h"
#include "finewatt/hub/sha256.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <cerrno>

namespace finewatt::hub {
namespace {

namespace fs = std::filesystem;

/// A connection that breaks is taken up again this often, as long as each one brought something.
constexpr int kMaxAttempts = 20;

Status make_folder(const fs::path& folder) {
    std::error_code failed;
    fs::create_directories(folder, failed);
    if (failed) {
        return Error(error_from_errno(failed.value(), fmt::format("make {}", folder.string())))
            .with_context("the cache cannot be written (HF_HOME or HF_HUB_CACHE names another)");
    }
    return {};
}

std::optional<std::uint64_t> size_of_file(const fs::path& path) {
    std::error_code failed;
    const std::uint64_t size = fs::file_size(path, failed);
    return failed ? std::nullopt : std::optional(size);
}

/// One blob on its way into the cache. The lock is held.
class Download {
  public:
    Download(HubClient& client, const RepoCache& cache, const BlobRequest& request)
        : client_(client),
          cache_(cache),
          request_(request),
          blob_(cache.blob(request.metadata.etag)),
          partial_(blob_.string() + ".incomplete") {}

    Result<BlobResult> run();

  private:
    Status open_partial();
    Status require_space() const;
    Status require_size() const;
    Status receive();
    Status receive_all();
    Status begin_at(std::uint64_t offset);
    Status take(std::string_view bytes);
    Status restart();
    Result<bool> is_intact() const;
    Error with_advice(Error error) const;

    bool is_complete() const {
        return request_.metadata.size_bytes && here_ == *request_.metadata.size_bytes;
    }

    HubClient& client_;
    const RepoCache& cache_;
    const BlobRequest& request_;
    fs::path blob_;
    fs::path partial_;
    ScopedFd fd_;
    std::uint64_t here_ = 0;      ///< bytes in the partial file
    std::uint64_t received_ = 0;  ///< bytes that came over the network
    bool is_resumed_ = false;     ///< what was in the partial file before is part of the blob
    bool is_hopeless_ = false;    ///< asking again would not help
};

Status Download::open_partial() {
    FINEWATT_ASSIGN(fd_, open_file(partial_, O_RDWR | O_CREAT | O_APPEND));
    here_ = size_of_file(partial_).value_or(0);
    is_resumed_ = here_ > 0;
    const bool is_too_long = request_.metadata.size_bytes && here_ > *request_.metadata.size_bytes;
    return is_too_long ? restart() : Status();
}

Status Download::require_space() const {
    std::error_code failed;
    const fs::space_info space = fs::space(blob_.parent_path(), failed);
    const std::uint64_t needed = request_.metadata.size_bytes.value_or(here_) - here_;
    if (!failed && space.available < needed) {
        return FINEWATT_ERROR(kIo,
                              "{}: expected {} bytes free in {}, found {}; free some, or name "
                              "another place with HF_HUB_CACHE",
                              request_.file, needed, blob_.parent_path().string(), space.available);
    }
    return {};
}

Status Download::restart() {
    if (::ftruncate(fd_.get(), 0) != 0) {
        return error_from_errno(errno, fmt::format("truncate {}", partial_.string()));
    }
    here_ = 0;
    is_resumed_ = false;
    return {};
}

Status Download::begin_at(std::uint64_t offset) {
    return offset == here_ ? Status() : restart();
}

Status Download::take(std::string_view bytes) {
    if (request_.metadata.size_bytes && here_ + bytes.size() > *request_.metadata.size_bytes) {
        is_hopeless_ = true;
        return FINEWATT_ERROR(kCorrupt, "{}: expected {} bytes, and more came", request_.file,
                              *request_.metadata.size_bytes);
    }
    if (Status written = write_all(fd_.get(), bytes); !written) {
        is_hopeless_ = true;
        here_ = size_of_file(partial_).value_or(here_);
        return Error(std::move(written).error())
            .with_context(
                fmt::format("writing {} (HF_HUB_CACHE names another place)", partial_.string()));
    }
    here_ += bytes.size();
    received_ += bytes.size();
    if (request_.on_bytes) {
        request_.on_bytes(here_);
    }
    return {};
}

Status Download::receive() {
    const FileSink sink{[this](std::uint64_t offset) { return begin_at(offset); },
                        [this](std::string_view bytes) { return take(bytes); }};
    return client_.get(cache_.repo(), request_.commit, request_.file, here_, sink);
}

/// Receive what is missing; take up a connection that breaks.
Status Download::receive_all() {
    for (int attempt = 1; !is_complete(); ++attempt) {
        const std::uint64_t before = received_;
        const Status status = receive();
        if (status) {
            return require_size();
        }
        const ErrorCode code = status.error().code();
        const bool is_broken_off =
            code == ErrorCode::kBusy || code == ErrorCode::kCorrupt || code == ErrorCode::kIo;
        if (!is_broken_off || is_hopeless_ || received_ == before || attempt == kMaxAttempts) {
            return with_advice(status.error());
        }
        log_info(fmt::format("{}: going on at byte {} after: {}", request_.file, here_,
                             status.error().describe()));
    }
    return {};
}

Status Download::require_size() const {
    if (request_.metadata.size_bytes && !is_complete()) {
        return FINEWATT_ERROR(kCorrupt, "{}: expected {} bytes, found {}", request_.file,
                              *request_.metadata.size_bytes, here_);
    }
    return {};
}

Error Download::with_advice(Error error) const {
    const std::string size =
        request_.metadata.size_bytes ? fmt::format(" of {}", *request_.metadata.size_bytes) : "";
    return std::move(error).with_context(
        fmt::format("{} ({}{} bytes are kept; the same command goes on from there)", request_.file,
                    here_, size));
}

Result<bool> Download::is_intact() const {
    if (!request_.metadata.has_sha256()) {
        return true;
    }
    FINEWATT_ASSIGN(const std::string found, sha256_of_file(partial_));
    return found == request_.metadata.etag;
}

Result<BlobResult> Download::run() {
    const std::optional<std::uint64_t> there = size_of_file(blob_);
    if (there && request_.metadata.size_bytes.value_or(*there) == *there) {
        return BlobResult{FileState::kCached, *there, 0};
    }
    if (request_.metadata.has_sha256()) {
        FINEWATT_TRY(sha256_of(""));  // before gigabytes come that could not be checked
    }
    FINEWATT_TRY(open_partial());
    FINEWATT_TRY(require_space());
    FINEWATT_TRY(receive_all());
    FINEWATT_ASSIGN(bool is_good, is_intact());
    if (!is_good && is_resumed_) {
        // The old part may be what is wrong.
        FINEWATT_TRY(restart());
        FINEWATT_TRY(receive_all());
        FINEWATT_ASSIGN(is_good, is_intact());
    }
    if (!is_good) {
        ::unlink(partial_.c_str());
        return FINEWATT_ERROR(kCorrupt,
                              "{}: the bytes that came do not have the SHA-256 that the hub states "
                              "({}); they were thrown away: try again, and check proxies",
                              request_.file, request_.metadata.etag);
    }
    if (::fsync(fd_.get()) != 0 || ::rename(partial_.c_str(), blob_.c_str()) != 0) {
        return error_from_errno(errno, fmt::format("keep {}", blob_.string()));
    }
    return BlobResult{is_resumed_ ? FileState::kResumed : FileState::kDownloaded, here_, received_};
}

}  // namespace

Result<BlobResult> fetch_blob(HubClient& client, const RepoCache& cache,
                              const BlobRequest& request) {
    const fs::path lock_file = cache.lock(request.metadata.etag);
    FINEWATT_TRY(make_folder(cache.folder() / "blobs"));
    FINEWATT_TRY(make_folder(lock_file.parent_path()));
    FINEWATT_ASSIGN(const FileLock lock, FileLock::acquire(lock_file, request.on_wait));
    return Download(client, cache, request).run();
}

}  // namespace finewatt::hub
