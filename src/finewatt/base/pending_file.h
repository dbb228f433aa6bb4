// PendingFile: a file that is written piece by piece and takes its place only when it is whole and
// durable. For content at hand there is write_file_atomically (file.h).
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/base/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace finewatt {

/// A new file beside its final path. Removed with the object, unless committed. Move-only; used by
/// one thread at a time.
class PendingFile {
  public:
    /// Make the file beside `path`. Errors: not found, permission, io.
    static Result<PendingFile> create(const std::filesystem::path& path);

    PendingFile(PendingFile&& other) noexcept;
    PendingFile(const PendingFile&) = delete;
    PendingFile& operator=(const PendingFile&) = delete;
    PendingFile& operator=(PendingFile&&) = delete;
    ~PendingFile();

    /// Append bytes. Errors: io (a full disk, say).
    Status write(std::string_view bytes);

    /// Make content and name durable and put the file in the place of `path`, whatever is there.
    /// It gets the rights that open() would give a new file. After an error `path` is as it was,
    /// unless only the folder's sync failed.
    Status commit();

  private:
    PendingFile(std::filesystem::path path, std::string temporary, ScopedFd fd);

    std::filesystem::path path_;
    std::string temporary_;  ///< empty once there is nothing to remove
    ScopedFd fd_;
};

}  // namespace finewatt
