#include "finewatt/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

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
    std::string content;
    std::array<char, 65536> buffer{};
    while (true) {
        const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return error_from_errno(errno, fmt::format("read {}", path.string()));
        }
        if (n == 0) {
            return content;
        }
        content.append(buffer.data(), static_cast<std::size_t>(n));
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
    std::string temporary = path.string() + ".XXXXXX";
    ScopedFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd.is_open()) {
        return error_from_errno(errno, fmt::format("create a file beside {}", path.string()));
    }
    // mkostemp makes the file private; a result file gets the rights that open() would give.
    const mode_t mask = ::umask(0);
    ::umask(mask);
    Status status = write_all(fd.get(), content);
    if (status && (::fchmod(fd.get(), 0666 & ~mask) != 0 || ::fsync(fd.get()) != 0)) {
        status = error_from_errno(errno, "fsync");
    }
    fd.reset();
    if (status && ::rename(temporary.c_str(), path.c_str()) != 0) {
        status = error_from_errno(errno, "rename");
    }
    if (!status) {
        ::unlink(temporary.c_str());
        return Error(std::move(status).error())
            .with_context(fmt::format("writing {}", path.string()));
    }
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
