// What the journal's writer and reader must agree on. Private to the meter; the format itself is
// described in docs/formats/journal.md.
#pragma once

#include "finewatt/record/channel.h"

#include <cstdint>
#include <optional>

namespace finewatt {

inline constexpr int kJournalVersion = 2;

/// A raw value of a counter, and the energy of the run at that time.
struct RawAnchor {
    std::uint64_t raw = 0;
    std::uint64_t energy_uj = 0;
};

/// How a counter's raw value follows from the energy.
struct JournalRule {
    explicit JournalRule(const ChannelSpec& spec)
        : unit_j(static_cast<long double>(spec.unit_size)),
          range(spec.range.value_or(0)) {}

    long double unit_j;
    std::uint64_t range;  ///< 0 = does not wrap
};

/// Return the raw value at `energy_uj`, after an anchor. Nothing without one.
std::optional<std::uint64_t> expected_raw(const JournalRule& rule,
                                          const std::optional<RawAnchor>& anchor,
                                          std::uint64_t energy_uj);

/// Whether two raw values are equal but for rounding.
bool is_same_raw(const JournalRule& rule, std::uint64_t a, std::uint64_t b);

}  // namespace finewatt
