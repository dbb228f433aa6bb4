#include "finewatt/engine/events.h"

#include "finewatt/base/log.h"

#include <climits>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace finewatt {
namespace {

// Room for about 4,000 lines: a reader that is slow for minutes loses nothing.
constexpr int kPipeBytes = 1 << 20;
constexpr int kRetryMs = 100;
constexpr int kRetries = 100;

/// Open the pipe once more, for ourselves and without blocking. The flag belongs to the open file,
/// so setting it on the inherited descriptor would change it for everybody who shares that.
Result<ScopedFd> reopen_without_blocking(int fd) {
    const std::string path = fmt::format("/proc/self/fd/{}", fd);
    auto reopened = open_file(path, O_WRONLY | O_APPEND | O_NONBLOCK);
    if (reopened) {
        return reopened;
    }
    // Sockets cannot be opened a second time, and /proc may be missing: share the descriptor.
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        return error_from_errno(errno, fmt::format("FINEWATT_EVENT_FD: copying descriptor {}", fd));
    }
    ScopedFd owned(copy);
    const int flags = ::fcntl(copy, F_GETFL);
    if (flags < 0 || ::fcntl(copy, F_SETFL, flags | O_NONBLOCK) < 0) {
        return error_from_errno(errno, fmt::format("FINEWATT_EVENT_FD: descriptor {}", fd));
    }
    return owned;
}

enum class Written { kAll, kFull, kFailed };

Written write_once(int fd, std::string_view line) {
    while (true) {
        const ssize_t count = ::write(fd, line.data(), line.size());
        if (count == static_cast<ssize_t>(line.size())) {
            return Written::kAll;
        }
        if (count >= 0) {
            errno = ENOSPC;  // a regular file on a full disk; a pipe takes a line whole or not
            return Written::kFailed;
        }
        if (errno == EINTR) {
            continue;
        }
        return errno == EAGAIN ? Written::kFull : Written::kFailed;
    }
}

Written write_with_patience(int fd, std::string_view line) {
    Written written = write_once(fd, line);
    for (int i = 0; written == Written::kFull && i < kRetries; ++i) {
        pollfd waiting{fd, POLLOUT, 0};
        ::poll(&waiting, 1, kRetryMs);
        written = write_once(fd, line);
    }
    return written;
}

}  // namespace

Result<EventWriter> EventWriter::from_environment(const Clock& clock) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): read once at the start, nobody changes it
    const char* text = std::getenv("FINEWATT_EVENT_FD");
    if (text == nullptr || *text == '\0') {
        return EventWriter();
    }
    int fd = -1;
    const char* end = text + std::strlen(text);
    const auto parsed = std::from_chars(text, end, fd);
    if (parsed.ec != std::errc() || parsed.ptr != end || fd < 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "FINEWATT_EVENT_FD: expected the number of an open descriptor, found "
                              "'{}'; unset it to run without events",
                              text);
    }
    return for_descriptor(fd, clock);
}

Result<EventWriter> EventWriter::for_descriptor(int fd, const Clock& clock) {
    if (::fcntl(fd, F_GETFD) < 0) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "FINEWATT_EVENT_FD: expected an open descriptor, found {}, which is "
                              "closed; unset it to run without events",
                              fd);
    }
    EventWriter writer;
    FINEWATT_ASSIGN(writer.fd_, reopen_without_blocking(fd));
    writer.clock_ = &clock;
    // Fails for anything but a pipe, and beyond the user's limit; both are fine.
    static_cast<void>(::fcntl(writer.fd_.get(), F_SETPIPE_SZ, kPipeBytes));
    return writer;
}

void EventWriter::write(nlohmann::json& event, bool may_drop) {
    if (is_silent()) {
        return;
    }
    event["t_mono_ns"] = clock_->mono_now().as_ns();
    event["rank"] = 0;
    const auto replace = nlohmann::json::error_handler_t::replace;
    const std::string line = event.dump(-1, ' ', false, replace) + "\n";
    if (line.size() >= PIPE_BUF) {
        log_warning(fmt::format("event of {} bytes left out: a line must stay below {}",
                                line.size(), PIPE_BUF));
        return;
    }
    const Written written =
        may_drop ? write_once(fd_.get(), line) : write_with_patience(fd_.get(), line);
    if (written == Written::kAll || (may_drop && written == Written::kFull)) {
        return;
    }
    const Error why = written == Written::kFull ? FINEWATT_ERROR(kBusy, "nobody reads them")
                                                : error_from_errno(errno, "writing one");
    log_warning(fmt::format("events stop here: {}; the run goes on", why.describe()));
    fd_.reset();
}

void EventWriter::phase_begin(std::string_view name) {
    nlohmann::json event = {{"event", "phase"}, {"name", name}, {"edge", "begin"}};
    write(event, false);
}

void EventWriter::phase_end(std::string_view name) {
    nlohmann::json event = {{"event", "phase"}, {"name", name}, {"edge", "end"}};
    write(event, false);
}

void EventWriter::engine(const std::map<std::string, std::string>& facts) {
    nlohmann::json event = facts;
    event["event"] = "engine";
    write(event, false);
}

void EventWriter::score(std::string_view name, double value, std::int64_t step) {
    nlohmann::json event = {{"event", "score"}, {"name", name}, {"value", value}, {"step", step}};
    write(event, false);
}

void EventWriter::work(const EngineWork& totals, bool is_last) {
    nlohmann::json event = {{"event", "work"},
                            {"steps", totals.steps},
                            {"examples", totals.examples},
                            {"tokens_real", totals.tokens_real},
                            {"tokens_padded", totals.tokens_padded},
                            {"tokens_padded_would_be", totals.tokens_padded_would_be},
                            {"sum_len_sq", totals.sum_len_sq},
                            {"flops_model", totals.flops_model},
                            {"flops_done", totals.flops_done}};
    write(event, !is_last);
}

void EventWriter::progress(std::int64_t done, std::int64_t of, double loss, double lr) {
    nlohmann::json event = {{"event", "progress"}, {"done", done}, {"of", of},
                            {"step", done},        {"loss", loss}, {"lr", lr}};
    write(event, true);
}

void EventWriter::progress(std::int64_t done, std::int64_t of) {
    nlohmann::json event = {{"event", "progress"}, {"done", done}, {"of", of}, {"step", done}};
    write(event, true);
}

PhaseScope::PhaseScope(EventWriter& events, std::string name)
    : events_(events),
      name_(std::move(name)) {
    events_.phase_begin(name_);
}

// NOLINTNEXTLINE(bugprone-exception-escape): out of memory while formatting a line, at worst
PhaseScope::~PhaseScope() {
    events_.phase_end(name_);
}

}  // namespace finewatt
