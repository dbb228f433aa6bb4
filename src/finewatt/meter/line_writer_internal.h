// LineWriter: appends text to a file from a thread of its own, so that callers never wait for the
// disk. A failed write ends the file: the writer is lost, says why, and drops what comes later.
//
// Journal and trace are written through it. Private to the meter.
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/base/result.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace finewatt {

/// Whether the file is synced to the disk while it grows.
enum class SyncPolicy { kNever, kEverySecond };

/// Any thread may call append() and the readers; finish() once, by the owner.
class LineWriter {
  public:
    /// Take over an open descriptor. `path` is for messages.
    LineWriter(ScopedFd fd, std::filesystem::path path, SyncPolicy sync);
    LineWriter(const LineWriter&) = delete;
    LineWriter& operator=(const LineWriter&) = delete;
    ~LineWriter();

    /// Queue whole lines, each with its line end. They are written at once by the thread.
    void append(std::string_view lines);

    /// Write what is queued, close, and return the first failure.
    Status finish();

    bool is_lost() const;

    /// CPU time of the writing thread so far.
    double cpu_s() const;

  private:
    void run(const std::stop_token& token);
    void write_queued(const std::string& lines);
    void sync_if_due();
    void lose(Error error);

    ScopedFd fd_;
    std::filesystem::path path_;
    SyncPolicy sync_;
    std::chrono::steady_clock::time_point next_sync_;  ///< of the thread
    bool is_dirty_ = false;                            ///< of the thread

    mutable std::mutex mutex_;  ///< guards what follows
    std::condition_variable_any wake_;
    std::string queue_;
    std::optional<Error> failure_;
    double cpu_s_ = 0;

    std::jthread thread_;  ///< last: it ends before the rest goes
};

}  // namespace finewatt
