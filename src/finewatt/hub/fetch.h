// fetch: brings the files of a model or data set from the hub into the cache, only those that are
// missing, each checked and whole or not there at all.
//
// Main function: fetch. Looking up what is there already, without a network, is cache.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/hub/repo.h"
#include "finewatt/hub/settings.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt::hub {

/// How far a fetch is. Valid during the call that it is handed to.
struct FetchProgress {
    std::string_view file;  ///< the one that is being worked on
    std::size_t files_done = 0;
    std::size_t files = 0;                       ///< to fetch
    std::uint64_t done_bytes = 0;                ///< of all files to fetch
    std::optional<std::uint64_t> total_bytes{};  ///< nothing while a size is unknown
    bool is_waiting = false;                     ///< another process is fetching this file
};

/// What to fetch.
struct FetchOptions {
    /// Globs; a file is taken when one matches its whole path. '*' also matches '/', and "dir/" is
    /// "dir/*", as in huggingface_hub. Empty: what a model needs, or all of a data set.
    std::vector<std::string> include{};
    bool all = false;  ///< every file
    /// Called on the calling thread after each piece of a file.
    std::function<void(const FetchProgress&)> on_progress{};
};

enum class FileState {
    kCached,      ///< was there
    kDownloaded,  ///< all of it came from the hub
    kResumed,     ///< the rest of it came from the hub
};

/// Return "cached", "downloaded" or "resumed".
std::string_view file_state_name(FileState state);

struct FetchedFile {
    std::string path;  ///< inside the repository
    std::uint64_t size_bytes = 0;
    FileState state = FileState::kCached;
};

/// What is in the cache now.
struct FetchResult {
    std::string commit;
    std::filesystem::path folder;      ///< the snapshot
    std::vector<FetchedFile> files{};  ///< the chosen ones, sorted by path
    std::uint64_t downloaded_bytes = 0;
    std::vector<std::string> notes{};  ///< what the user should know, one sentence each
};

/// Bring a repository's files into the cache and return the snapshot.
///
/// An interrupted download goes on where it stopped. Two processes do not fetch a file twice: one
/// waits for the other. Files stored by SHA-256 are checked against it, all others by size. The
/// revision is noted in refs/ last, so that it never stands for a half-fetched commit. Offline, or
/// when the hub cannot be reached, a complete snapshot of the cache is the answer, with a note.
///
/// Errors: not found (no such name, revision or file; offline and not in the cache), permission
/// (private or gated; the cache cannot be written), busy (the hub asks to wait), corrupt (bytes do
/// not fit their checksum), io (no connection, disk full), unsupported (no libcurl or libcrypto).
Result<FetchResult> fetch(const HubSettings& settings, const Repo& repo,
                          const FetchOptions& options = {});

/// Return the files of a repository that `options` choose, sorted.
std::vector<std::string> choose_files(const std::vector<std::string>& files, RepoType type,
                                      const FetchOptions& options);

}  // namespace finewatt::hub
