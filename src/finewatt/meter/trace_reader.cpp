#include "finewatt/meter/trace_reader.h"

#include "finewatt/base/file.h"
#include "finewatt/meter/trace_fast_line_internal.h"
#include "finewatt/meter/trace_line_internal.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20U;
constexpr std::size_t kMostLineBytes = std::size_t{16} << 20U;

/// Reads a file line by line. After the unread bytes there are kTraceLinePadding readable ones, the
/// first of them '\0'.
class LineStream {
  public:
    explicit LineStream(int fd) : fd_(fd) {}

    /// The unread bytes that are in memory already; they may end within a line.
    const char* unread() const { return buffer_.data() + begin_; }

    /// Go on at `to`, which lies within the unread bytes.
    void move_to(const char* to) {
        begin_ = static_cast<std::size_t>(to - buffer_.data());
        searched_ = 0;
    }

    /// Return the next line without its end, or nothing at the end of the file. The view lives
    /// until the next call.
    Result<std::optional<std::string_view>> next() {
        while (true) {
            const char* begin = buffer_.data() + begin_;
            const std::size_t unread = end_ - begin_;
            if (const void* end = unread > searched_
                                      ? std::memchr(begin + searched_, '\n', unread - searched_)
                                      : nullptr) {
                const auto size = static_cast<std::size_t>(static_cast<const char*>(end) - begin);
                begin_ += size + 1;
                searched_ = 0;
                return std::optional(std::string_view(begin, size));
            }
            searched_ = unread;
            if (at_end_) {
                begin_ = end_;
                searched_ = 0;
                return unread == 0 ? std::nullopt : std::optional(std::string_view(begin, unread));
            }
            if (unread > kMostLineBytes) {
                return FINEWATT_ERROR(kCorrupt, "expected a line of at most {} bytes, found more",
                                      kMostLineBytes);
            }
            FINEWATT_TRY(fill());
        }
    }

  private:
    Status fill() {
        if (begin_ > 0) {
            std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
            end_ -= begin_;
            begin_ = 0;
        }
        if (buffer_.size() < end_ + kChunkBytes + kTraceLinePadding) {
            buffer_.resize(end_ + kChunkBytes + kTraceLinePadding);
        }
        const ssize_t n = ::read(fd_, buffer_.data() + end_, kChunkBytes);
        if (n < 0) {
            return errno == EINTR ? Status{} : Status(error_from_errno(errno, "read"));
        }
        at_end_ = n == 0;
        end_ += static_cast<std::size_t>(n);
        buffer_[end_] = '\0';
        return {};
    }

    int fd_;
    std::vector<char> buffer_ = std::vector<char>(kChunkBytes + kTraceLinePadding);
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t searched_ = 0;
    bool at_end_ = false;
};

/// Passes lines on to the sink and checks what a single line cannot show.
class LineChecker {
  public:
    LineChecker(const TraceHeaderLine& header, TraceSink& sink) : sink_(sink) {
        for (const ChannelSpec& spec : header.channels) {
            index_.emplace(spec.id, index_.size());
        }
    }

    MonoTime last_time() const { return MonoTime::from_ns(last_ns_); }

    Status add(const TimedLine& line) {
        FINEWATT_TRY(see_time(line.t_ns));
        if (line.kind == TraceLineKind::kPhase) {
            return add_phase(line);
        }
        const auto channel = index_.find(line.id);
        if (channel == index_.end()) {
            return FINEWATT_ERROR(
                kCorrupt, "expected the id of a channel of the header, found '{}'", line.id);
        }
        Reading reading;
        reading.time = MonoTime::from_ns(line.t_ns);
        reading.raw = line.raw;
        reading.outcome = line.kind == TraceLineKind::kReading ? PollOutcome::kOk
                          : line.error == "GONE"               ? PollOutcome::kGone
                                                               : PollOutcome::kRetry;
        sink_.on_reading(channel->second, reading);
        return {};
    }

    Status add(const FastReading& line) {
        FINEWATT_TRY(see_time(line.t_ns));
        Reading reading;
        reading.time = MonoTime::from_ns(line.t_ns);
        reading.raw = line.raw;
        reading.outcome = PollOutcome::kOk;
        sink_.on_reading(line.channel, reading);
        return {};
    }

  private:
    Status see_time(std::int64_t t_ns) {
        if (t_ns < last_ns_) {
            return FINEWATT_ERROR(kCorrupt, "expected t_ns of at least {}, found {}", last_ns_,
                                  t_ns);
        }
        last_ns_ = t_ns;
        return {};
    }

    Status add_phase(const TimedLine& line) {
        if (sink_.on_phase_edge(line.phase, line.edge, MonoTime::from_ns(line.t_ns))) {
            return {};
        }
        return line.edge == PhaseEdge::kBegin
                   ? FINEWATT_ERROR(kCorrupt, "expected phase '{}' to be closed, found it open",
                                    line.phase)
                   : FINEWATT_ERROR(kCorrupt, "expected a begin of phase '{}', found only its end",
                                    line.phase);
    }

    TraceSink& sink_;
    std::map<std::string, std::size_t, std::less<>> index_;
    std::int64_t last_ns_ = 0;
};

/// Name file and line in front of the message, as compilers do.
Error at_line(const std::filesystem::path& path, std::size_t number, const Error& error) {
    return FINEWATT_ERROR(kCorrupt, "{}:{}: {}", path.string(), number, error.message());
}

/// One pass over the lines of a trace. `number` is the line being read.
class TracePass {
  public:
    TracePass(int fd, TraceSink& sink) : lines_(fd), sink_(sink) {}

    std::size_t number() const { return number_; }

    Result<MonoTime> run() {
        FINEWATT_TRY(read_header());
        while (true) {
            FINEWATT_TRY(read_common_lines());
            ++number_;
            FINEWATT_ASSIGN(const auto line, lines_.next());
            if (!line) {
                return checker_->last_time();
            }
            FINEWATT_ASSIGN(const TimedLine timed, parser_.timed(*line));
            FINEWATT_TRY(checker_->add(timed));
        }
    }

  private:
    Status read_header() {
        number_ = 1;
        FINEWATT_ASSIGN(const auto line, lines_.next());
        if (!line) {
            return FINEWATT_ERROR(kCorrupt, "expected the header of a trace, found an empty file");
        }
        FINEWATT_ASSIGN(TraceHeaderLine header, parser_.header(*line));
        std::vector<std::string> ids;
        for (const ChannelSpec& spec : header.channels) {
            ids.push_back(spec.id);
        }
        fast_.emplace(std::move(ids));
        checker_.emplace(header, sink_);
        sink_.on_header(header.started_at, std::move(header.channels));
        return {};
    }

    /// Take common lines as long as they are in memory.
    Status read_common_lines() {
        FastReading reading;
        while (const char* next = fast_->parse(lines_.unread(), reading)) {
            ++number_;
            FINEWATT_TRY(checker_->add(reading));
            lines_.move_to(next);
        }
        return {};
    }

    LineStream lines_;
    TraceSink& sink_;
    TraceLineParser parser_;
    std::optional<FastLineParser> fast_;
    std::optional<LineChecker> checker_;
    std::size_t number_ = 0;
};

}  // namespace

Result<MonoTime> read_trace(const std::filesystem::path& path, TraceSink& sink) {
    const bool is_standard_input = path == "-";
    ScopedFd fd;
    if (!is_standard_input) {
        FINEWATT_ASSIGN(fd, open_file(path, O_RDONLY));
    }
    TracePass pass(is_standard_input ? STDIN_FILENO : fd.get(), sink);
    auto last = pass.run();
    if (!last && last.error().code() == ErrorCode::kCorrupt) {
        return at_line(path, pass.number(), last.error());
    }
    if (!last) {
        return std::move(last).error().with_context(path.string());
    }
    return last;
}

}  // namespace finewatt
