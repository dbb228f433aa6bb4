// The wrap rule: how far a counter moved between two good readings, as integers in raw units.
//
// Main type: CounterStep. Private to the meter.
#pragma once

#include "finewatt/record/channel.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace finewatt {

// NOLINTNEXTLINE(modernize-use-using): only a typedef can be marked as an extension.
__extension__ typedef unsigned __int128 Uint128;

/// A good reading: monotonic nanoseconds and the raw integer in native ticks.
struct RawSample {
    std::int64_t t_ns = 0;
    std::uint64_t raw = 0;
};

/// Why a step cannot be known; kJournal: the journal it comes from says so.
enum class StepDoubt { kNone, kBackwards, kReset, kManyWraps, kJournal };

/// Movement of a counter between two good readings, in raw units.
struct CounterStep {
    StepDoubt doubt = StepDoubt::kNone;
    Uint128 low = 0;              ///< equals high when there is no doubt
    std::optional<Uint128> high;  ///< nothing = no bound is certain
    std::uint64_t wraps = 0;      ///< accepted wraps
    bool is_above_ceiling = false;
};

/// What the wrap rule needs to know of a channel.
struct CounterRule {
    explicit CounterRule(const ChannelSpec& spec);

    std::optional<std::uint64_t> range;
    std::optional<long double> ceiling_per_ns;  ///< raw units per nanosecond
    long double slack_ns = 0;                   ///< update period, 1 s when unknown
};

/// Apply the wrap rule to two good readings, `from` not after `to`.
CounterStep counter_step(const CounterRule& rule, const RawSample& from, const RawSample& to);

/// The reason a record gives for a step in doubt; empty for kNone.
std::string_view doubt_reason(StepDoubt doubt);

}  // namespace finewatt
