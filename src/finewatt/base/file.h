// Files: owned descriptors, whole-file reads, atomic writes, read-only mappings.
#pragma once

#include "finewatt/base/result.h"

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace finewatt {

/// Owns one file descriptor and closes it. Move-only; not thread-safe.
class ScopedFd {
  public:
    ScopedFd() = default;

    explicit ScopedFd(int fd) : fd_(fd) {}

    ScopedFd(ScopedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

    ScopedFd& operator=(ScopedFd&& other) noexcept;
    ScopedFd(const ScopedFd&) = delete;
    ScopedFd& operator=(const ScopedFd&) = delete;
    ~ScopedFd();

    int get() const { return fd_; }

    bool is_open() const { return fd_ >= 0; }

    int release() { return std::exchange(fd_, -1); }

    void reset();

  private:
    int fd_ = -1;
};

/// Open with open(2) flags (O_CLOEXEC is added). Errors: not found, permission, io.
Result<ScopedFd> open_file(const std::filesystem::path& path, int flags, unsigned mode = 0666);

/// Read a whole file (also /proc and /sys files, whose size reads as 0).
Result<std::string> read_file(const std::filesystem::path& path);

/// Write `content` to a temporary file beside `path`, fsync, then rename over `path`. On any
/// failure (full disk, no right) `path` is as it was and the temporary file is gone. For content
/// that is not at hand in one piece: pending_file.h.
Status write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// Write all bytes to a descriptor, retrying short writes and EINTR.
Status write_all(int fd, std::string_view bytes);

/// A whole file mapped read-only. Move-only; the bytes live as long as the object.
class MappedFile {
  public:
    static Result<MappedFile> open(const std::filesystem::path& path);

    MappedFile(MappedFile&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)) {}

    MappedFile& operator=(MappedFile&& other) noexcept;
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();

    std::span<const std::byte> bytes() const { return {data_, size_}; }

  private:
    MappedFile(const std::byte* data, std::size_t size) : data_(data), size_(size) {}

    const std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace finewatt
