// Events that a workload writes on the descriptor named by FINEWATT_EVENT_FD: phase edges, running
// totals of work, scores, progress. JSON lines; the format is docs/formats/events.md.
//
// Main type: EventReader, which turns bytes into Events. Not for writing (engine/events.h).
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/record/run.h"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace finewatt {

struct PhaseEvent {
    std::string name;
    bool is_begin = true;
};

/// Running totals since the start of the workload; never differences, so a lost line does no harm.
struct WorkEvent {
    std::optional<double> steps;
    std::optional<double> examples;
    std::optional<double> epochs;
    std::optional<double> tokens_real;
    std::optional<double> tokens_padded;
    std::optional<double> tokens_padded_would_be;
    std::optional<double> flops_model;
};

struct ScoreEvent {
    std::string name;
    double value = 0;
    std::optional<double> step;
};

/// How far the workload is: `done` of `of`, in units of its own.
struct ProgressEvent {
    double done = 0;
    double of = 0;
    std::optional<double> loss;
};

/// What a training or inference program says about itself, as texts: "torch_version", "precision",
/// "gemm", "features", "device", "threads" and more.
struct EngineEvent {
    std::map<std::string, std::string> facts;
};

/// A line of another kind, or one that is not understood.
struct OtherEvent {};

struct Event {
    /// When it happened; for a line without t_mono_ns, when it was read.
    MonoTime time{};
    std::string line;  ///< as it was written, without the line end
    std::variant<PhaseEvent, WorkEvent, ScoreEvent, ProgressEvent, EngineEvent, OtherEvent> body;
};

/// Lay facts of an engine into a record's software: "torch_version" as libtorch, the device,
/// threads, precision, matrix products and source of features as engine_<name>. What is known from
/// elsewhere (the model, the batching) is left out.
void add_engine_facts(const EngineEvent& engine, SettingMap& software);

/// Cuts a byte stream into lines and parses each. A line over 64 KiB is dropped up to its end and
/// counted; nothing that a workload writes can fail a run. Not thread-safe.
class EventReader {
  public:
    EventReader();
    EventReader(EventReader&&) noexcept;
    EventReader& operator=(EventReader&&) noexcept;
    EventReader(const EventReader&) = delete;
    EventReader& operator=(const EventReader&) = delete;
    ~EventReader();

    /// Add bytes read at `now`; return the events of the lines they complete, in order.
    std::vector<Event> feed(std::string_view bytes, MonoTime now);

    /// Return the number of lines dropped because of their length.
    std::size_t dropped_lines() const { return dropped_lines_; }

  private:
    Event parse_line(std::string_view line, MonoTime now);

    class Parser;  // keeps the JSON library out of this header
    std::unique_ptr<Parser> parser_;
    std::string pending_;
    bool is_dropping_ = false;
    std::size_t dropped_lines_ = 0;
};

}  // namespace finewatt
