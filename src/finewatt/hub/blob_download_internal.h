// Fetching one blob into the cache: lock, resume, check, rename.
//
// Main function: fetch_blob. A blob is whole or not there; what an interrupted download got stays
// in "ETAG.incomplete" and is gone on with.
#pragma once

#include "finewatt/hub/cache.h"
#include "finewatt/hub/fetch.h"
#include "finewatt/hub/hub_client_internal.h"

#include <cstdint>
#include <functional>
#include <string>

namespace finewatt::hub {

/// A file to fetch, and whom to tell about it.
struct BlobRequest {
    std::string commit;
    std::string file;
    FileMetadata metadata;
    /// Told how many bytes of the file are here.
    std::function<void(std::uint64_t here_bytes)> on_bytes{};
    std::function<void()> on_wait{};  ///< another process has the lock
};

/// What became of it.
struct BlobResult {
    FileState state = FileState::kCached;
    std::uint64_t size_bytes = 0;
    std::uint64_t downloaded_bytes = 0;
};

/// Make sure that a blob is in the cache. A blob of another size than the hub states is replaced.
/// Errors as fetch().
Result<BlobResult> fetch_blob(HubClient& client, const RepoCache& cache,
                              const BlobRequest& request);

}  // namespace finewatt::hub
