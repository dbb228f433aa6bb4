// EventWriter: tells the process that started us what we are doing, as JSON lines on the
// descriptor that FINEWATT_EVENT_FD names. Main type: EventWriter. The reader lays the lines over
// its power samples, for both processes share CLOCK_MONOTONIC. Not a log, and not for energy.
//
// Each line is one write of less than 4,096 bytes (PIPE_BUF), so lines of several writers do not
// mix. Running totals, never differences: a lost work line does no harm.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/base/result.h"
#include "finewatt/engine/work.h"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace finewatt {

/// Writes events without ever holding up a training step. Without a descriptor it writes nothing.
/// One thread at a time.
class EventWriter {
  public:
    /// Make a writer that writes nothing.
    EventWriter() = default;

    /// Use the descriptor in FINEWATT_EVENT_FD; unset or empty gives a silent writer. The pipe is
    /// enlarged to 1 MiB where the system allows it. SIGPIPE must be ignored by the program.
    /// `clock` must outlive the writer. Error: invalid argument when the variable is not the number
    /// of an open descriptor.
    static Result<EventWriter> from_environment(const Clock& clock);

    /// The same for a descriptor given by number.
    static Result<EventWriter> for_descriptor(int fd, const Clock& clock);

    /// Begin or end a phase. Never dropped: waits up to 10 s for a slow reader, then warns.
    void phase_begin(std::string_view name);
    void phase_end(std::string_view name);

    /// Name, device, threads, precision and so on, once at the start. Never dropped.
    void engine(const std::map<std::string, std::string>& facts);

    /// A score of the task after `step` steps, e.g. accuracy. Never dropped.
    void score(std::string_view name, double value, std::int64_t step);

    /// Running totals. Dropped when the pipe is full, unless `is_last`.
    void work(const EngineWork& totals, bool is_last);

    /// Where the training is. Dropped when the pipe is full.
    void progress(std::int64_t done, std::int64_t of, double loss, double lr);

    /// Where work without a loss is. Dropped when the pipe is full.
    void progress(std::int64_t done, std::int64_t of);

    bool is_silent() const { return !fd_.is_open(); }

  private:
    void write(nlohmann::json& event, bool may_drop);

    ScopedFd fd_;
    const Clock* clock_ = nullptr;
};

/// Begins a phase and ends it with the scope. The writer must outlive it.
class PhaseScope {
  public:
    PhaseScope(EventWriter& events, std::string name);
    PhaseScope(const PhaseScope&) = delete;
    PhaseScope& operator=(const PhaseScope&) = delete;
    PhaseScope(PhaseScope&&) = delete;
    PhaseScope& operator=(PhaseScope&&) = delete;
    // NOLINTNEXTLINE(bugprone-exception-escape): out of memory while formatting a line, at worst
    ~PhaseScope();

  private:
    EventWriter& events_;
    std::string name_;
};

/// Return work(), with a phase around it that ends however work() ends.
template <class Work>
auto in_phase(EventWriter& events, std::string name, Work work) {
    const PhaseScope phase(events, std::move(name));
    return work();
}

}  // namespace finewatt
