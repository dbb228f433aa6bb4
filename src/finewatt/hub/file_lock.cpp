#include "finewatt/hub/file_lock_internal.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace finewatt::hub {
namespace {

int lock(int fd, int operation) {
    while (::flock(fd, operation) != 0) {
        if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::filesystem::path& path,
                                   const std::function<void()>& on_wait) {
    // Group-writable, as the Python package makes it: users may share a cache.
    FINEWATT_ASSIGN(ScopedFd fd, open_file(path, O_RDWR | O_CREAT, 0664));
    int failed = lock(fd.get(), LOCK_EX | LOCK_NB);
    if (failed == EWOULDBLOCK) {
        if (on_wait) {
            on_wait();
        }
        failed = lock(fd.get(), LOCK_EX);
    }
    if (failed != 0) {
        return error_from_errno(failed,
                                fmt::format("lock {} (put the cache on a file system with locks: "
                                            "HF_HUB_CACHE)",
                                            path.string()));
    }
    return FileLock(std::move(fd));
}

}  // namespace finewatt::hub
