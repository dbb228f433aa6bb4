#include "finewatt/meter/line_writer_internal.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

namespace finewatt {
namespace {

/// A little below a second, the time between checkpoints: the lines that wake the writer then also
/// find the sync due, and it need not wake again for it.
constexpr std::chrono::nanoseconds kSyncInterval = std::chrono::milliseconds(900);
/// A disk that hangs must not eat the memory of the measured machine.
constexpr std::size_t kMostQueuedBytes = std::size_t{64} << 20U;

}  // namespace

LineWriter::LineWriter(ScopedFd fd, std::filesystem::path path, SyncPolicy sync)
    : fd_(std::move(fd)),
      path_(std::move(path)),
      sync_(sync),
      // The first sync waits as long too, so that a short run never pays for one.
      next_sync_(std::chrono::steady_clock::now() + kSyncInterval),
      thread_([this](const std::stop_token& token) { run(token); }) {}

LineWriter::~LineWriter() = default;

void LineWriter::append(std::string_view lines) {
    {
        const std::lock_guard lock(mutex_);
        if (failure_) {
            return;
        }
        if (queue_.size() + lines.size() > kMostQueuedBytes) {
            failure_ = FINEWATT_ERROR(
                kIo, "{}: the disk does not take lines as fast as they come; the file ends here",
                path_.string());
            return;
        }
        queue_ += lines;
    }
    wake_.notify_one();
}

Status LineWriter::finish() {
    if (thread_.joinable()) {
        thread_.request_stop();
        thread_.join();
    }
    fd_.reset();
    const std::lock_guard lock(mutex_);
    if (failure_) {
        return *failure_;
    }
    return {};
}

bool LineWriter::is_lost() const {
    const std::lock_guard lock(mutex_);
    return failure_.has_value();
}

double LineWriter::cpu_s() const {
    const std::lock_guard lock(mutex_);
    return cpu_s_;
}

void LineWriter::run(const std::stop_token& token) {
    bool is_last = false;
    while (!is_last) {
        std::string lines;
        {
            std::unique_lock lock(mutex_);
            const auto has_lines = [this] { return !queue_.empty(); };
            if (is_dirty_) {
                wake_.wait_until(lock, token, next_sync_, has_lines);
            } else {
                wake_.wait(lock, token, has_lines);
            }
            is_last = token.stop_requested();
            lines.swap(queue_);
        }
        write_queued(lines);
        sync_if_due();
        timespec cpu{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
        const std::lock_guard lock(mutex_);
        cpu_s_ = static_cast<double>(cpu.tv_sec) + static_cast<double>(cpu.tv_nsec) * 1e-9;
    }
}

void LineWriter::write_queued(const std::string& lines) {
    if (lines.empty() || is_lost()) {
        return;
    }
    Status status = write_all(fd_.get(), lines);
    if (!status) {
        lose(std::move(status).error());
        return;
    }
    is_dirty_ = sync_ == SyncPolicy::kEverySecond;
}

void LineWriter::sync_if_due() {
    const auto now = std::chrono::steady_clock::now();
    if (!is_dirty_ || now < next_sync_) {
        return;
    }
    is_dirty_ = false;
    next_sync_ = now + kSyncInterval;
    // EINVAL and EROFS: this kind of file cannot be synced, which is not a loss.
    if (::fdatasync(fd_.get()) != 0 && errno != EINVAL && errno != EROFS) {
        lose(error_from_errno(errno, "sync"));
    }
}

void LineWriter::lose(Error error) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(error).with_context(fmt::format("writing {}", path_.string()));
    queue_.clear();
    is_dirty_ = false;
}

}  // namespace finewatt
