// PhaseBook: the phases of a run, from the edges that were reported. Private to the meter.
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/meter/meter.h"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// A phase with both edges. `is_closed` is false when it ended only because the run did.
struct PhaseSpan {
    std::string name;
    MonoTime begin{};
    MonoTime end{};
    bool is_closed = false;
    std::size_t number = 0;  ///< counted from 0 in the order of the reports
};

/// The note of a phase that was open when the run ended.
inline constexpr std::string_view kPhaseNotClosed = "phase not closed";

/// Collects edges. Phases may nest and overlap; a name may return after its end. Used by one
/// thread at a time.
class PhaseBook {
  public:
    /// Add an edge and return the phase it belongs to. Returns nothing, and changes nothing, for a
    /// begin of an open phase and for an end without a begin. An end before its begin counts as at
    /// the begin, and a begin before the last end of that name as at that end.
    std::optional<PhaseSpan> add(std::string_view name, PhaseEdge edge, MonoTime time);

    /// Return all phases in order of their begin; open ones end at `end`.
    std::vector<PhaseSpan> spans(MonoTime end) const;

  private:
    std::vector<PhaseSpan> phases_;
    std::map<std::string, std::size_t, std::less<>> open_;
    std::map<std::string, MonoTime, std::less<>> ended_;  ///< last end of each name
};

}  // namespace finewatt
