// FileLock: flock(2) on a file, so that two processes do not fetch the same blob. Python's
// filelock, which huggingface_hub uses, takes the same lock on the same file.
#pragma once

#include "finewatt/base/file.h"

#include <filesystem>
#include <functional>

namespace finewatt::hub {

/// Holds the lock until its end. The file stays: removing it would let two processes lock two files
/// of one name. Move-only.
class FileLock {
  public:
    /// Take the lock; when somebody else has it, call `on_wait` once and wait. Errors: permission,
    /// io (the file system knows no locks).
    static Result<FileLock> acquire(const std::filesystem::path& path,
                                    const std::function<void()>& on_wait);

  private:
    explicit FileLock(ScopedFd fd) : fd_(std::move(fd)) {}

    ScopedFd fd_;
};

}  // namespace finewatt::hub
