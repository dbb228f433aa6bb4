#include "finewatt/base/file.h"

#include "finewatt/base/pending_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace finewatt {

ScopedFd& ScopedFd::operator=(ScopedFd&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

ScopedFd::~ScopedFd() {
    reset();
}

void ScopedFd::reset() {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
}

Result<ScopedFd> open_file(const std::filesystem::path& path, int flags, unsigned mode) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd < 0) {
        return error_from_errno(errno, fmt::format("open {}", path.string()));
    }
    return ScopedFd(fd);
}

Result<std::string> read_file(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(ScopedFd fd, open_file(path, O_RDONLY));
    // Files of the kernel tell no size, or a wrong one; most are short.
    constexpr std::size_t kLeastRoom = 1024;

    struct stat info {};

    const bool has_size = ::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode);
    // One byte more, so that the read that finds the end needs no new room.
    std::string content(
        std::max(kLeastRoom, has_size ? static_cast<std::size_t>(info.st_size) + 1 : 0), '\0');
    std::size_t used = 0;
    while (true) {
        const ssize_t n = ::read(fd.get(), content.data() + used, content.size() - used);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return error_from_errno(errno, fmt::format("read {}", path.string()));
        }
        used += static_cast<std::size_t>(n);
        if (n == 0) {
            content.resize(used);
            return content;
        }
        if (used == content.size()) {
            content.resize(2 * used);
        }
    }
}

Status write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return error_from_errno(errno, "write");
        }
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Status write_file_atomically(const std::filesystem::path& path, std::string_view content) {
    const auto write = [&]() -> Status {
        FINEWATT_ASSIGN(PendingFile file, PendingFile::create(path));
        FINEWATT_TRY(file.write(content));
        return file.commit();
    };
    FINEWATT_TRY_CONTEXT(write(), "writing {}", path.string());
    return {};
}

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(ScopedFd fd, open_file(path, O_RDONLY));

    struct stat info {};

    if (::fstat(fd.get(), &info) != 0) {
        return error_from_errno(errno, fmt::format("stat {}", path.string()));
    }
    if (!S_ISREG(info.st_mode)) {
        return FINEWATT_ERROR(kInvalidArgument, "{}: expected a file, found a folder or device",
                              path.string());
    }
    const auto size = static_cast<std::size_t>(info.st_size);
    if (size == 0) {
        return MappedFile(nullptr, 0);
    }
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (data == MAP_FAILED) {
        return error_from_errno(errno, fmt::format("map {}", path.string()));
    }
    return MappedFile(static_cast<const std::byte*>(data), size);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    if (this != &other) {
        if (data_ != nullptr) {
            ::munmap(const_cast<std::byte*>(data_), size_);
        }
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

MappedFile::~MappedFile() {
    if (data_ != nullptr) {
        ::munmap(const_cast<std::byte*>(data_), size_);
    }
}

}  // namespace finewatt
