#include "finewatt/base/pending_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace finewatt {

Result<PendingFile> PendingFile::create(const std::filesystem::path& path) {
    std::string temporary = path.string() + ".XXXXXX";
    ScopedFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd.is_open()) {
        return error_from_errno(errno, fmt::format("create a file beside {}", path.string()));
    }
    return PendingFile(path, std::move(temporary), std::move(fd));
}

PendingFile::PendingFile(std::filesystem::path path, std::string temporary, ScopedFd fd)
    : path_(std::move(path)),
      temporary_(std::move(temporary)),
      fd_(std::move(fd)) {}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

PendingFile::~PendingFile() {
    if (!temporary_.empty()) {
        ::unlink(temporary_.c_str());
    }
}

Status PendingFile::write(std::string_view bytes) {
    return write_all(fd_.get(), bytes);
}

Status PendingFile::commit() {
    // mkostemp makes the file private; a result file gets the rights that open() would give.
    const mode_t mask = ::umask(0);
    ::umask(mask);
    if (::fchmod(fd_.get(), 0666 & ~mask) != 0 || ::fsync(fd_.get()) != 0) {
        return error_from_errno(errno, "fsync");
    }
    fd_.reset();
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
        return error_from_errno(errno, "rename");
    }
    temporary_.clear();
    // The rename itself is durable once the folder is. Some file systems cannot sync a folder.
    const auto folder = path_.has_parent_path() ? path_.parent_path() : ".";
    FINEWATT_ASSIGN(const ScopedFd folder_fd, open_file(folder, O_RDONLY | O_DIRECTORY));
    if (::fsync(folder_fd.get()) != 0 && errno != EINVAL && errno != EROFS) {
        return error_from_errno(errno, "fsync of the folder");
    }
    return {};
}

}  // namespace finewatt
