#include "finewatt/meter/trace_reader.h"

#include "finewatt/base/file.h"
#include "finewatt/meter/phase_book_internal.h"
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

/// Reads a file line by line; each line has kTraceLinePadding readable bytes after it.
class LineStream {
  public:
    explicit LineStream(ScopedFd fd) : fd_(std::move(fd)) {}

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
        const ssize_t n = ::read(fd_.get(), buffer_.data() + end_, kChunkBytes);
        if (n < 0) {
            return errno == EINTR ? Status{} : Status(error_from_errno(errno, "read"));
        }
        at_end_ = n == 0;
        end_ += static_cast<std::size_t>(n);
        return {};
    }

    ScopedFd fd_;
    std::vector<char> buffer_ = std::vector<char>(kChunkBytes + kTraceLinePadding);
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t searched_ = 0;
    bool at_end_ = false;
};

/// Puts lines together into a trace and checks what a single line cannot show.
class TraceBuilder {
  public:
    explicit TraceBuilder(TraceHeaderLine header) {
        trace_.started_at = header.started_at;
        for (ChannelSpec& spec : header.channels) {
            index_.emplace(spec.id, trace_.channels.size());
            trace_.channels.emplace_back(std::move(spec));
        }
    }

    Status add(const TimedLine& line) {
        if (line.t_ns < last_ns_) {
            return FINEWATT_ERROR(kCorrupt, "expected t_ns of at least {}, found {}", last_ns_,
                                  line.t_ns);
        }
        last_ns_ = line.t_ns;
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
        trace_.channels[channel->second].add(reading);
        return {};
    }

    Trace finish() {
        for (PhaseSpan& span : phases_.spans(MonoTime::from_ns(last_ns_))) {
            trace_.phases.push_back({std::move(span.name), span.begin, span.end, span.is_closed});
        }
        return std::move(trace_);
    }

  private:
    Status add_phase(const TimedLine& line) {
        if (phases_.add(line.phase, line.edge, MonoTime::from_ns(line.t_ns))) {
            return {};
        }
        return line.edge == PhaseEdge::kBegin
                   ? FINEWATT_ERROR(kCorrupt, "expected phase '{}' to be closed, found it open",
                                    line.phase)
                   : FINEWATT_ERROR(kCorrupt, "expected a begin of phase '{}', found only its end",
                                    line.phase);
    }

    Trace trace_;
    std::map<std::string, std::size_t, std::less<>> index_;
    PhaseBook phases_;
    std::int64_t last_ns_ = 0;
};

/// Name file and line in front of the message, as compilers do.
Error at_line(const std::filesystem::path& path, std::size_t number, const Error& error) {
    return FINEWATT_ERROR(kCorrupt, "{}:{}: {}", path.string(), number, error.message());
}

}  // namespace

Result<Trace> read_trace(const std::filesystem::path& path) {
    FINEWATT_ASSIGN(ScopedFd fd, open_file(path, O_RDONLY));
    LineStream lines(std::move(fd));
    TraceLineParser parser;
    std::optional<TraceBuilder> builder;
    for (std::size_t number = 1;; ++number) {
        auto line = lines.next();
        if (!line) {
            return std::move(line).error().with_context(path.string());
        }
        if (!line->has_value()) {
            break;
        }
        if (!builder) {
            auto header = parser.header(**line);
            if (!header) {
                return at_line(path, number, header.error());
            }
            builder.emplace(std::move(header).value());
            continue;
        }
        const auto timed = parser.timed(**line);
        if (!timed) {
            return at_line(path, number, timed.error());
        }
        const Status added = builder->add(*timed);
        if (!added) {
            return at_line(path, number, added.error());
        }
    }
    if (!builder) {
        return FINEWATT_ERROR(kCorrupt, "{}:1: expected the header of a trace, found an empty file",
                              path.string());
    }
    return builder->finish();
}

}  // namespace finewatt
