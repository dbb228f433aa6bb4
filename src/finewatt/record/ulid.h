// Run ids: ULIDs, 26 characters of Crockford's base 32. The first 10 hold the time in milliseconds,
// the other 16 hold 80 random bits, so ids sort by time and need no coordination.
//
// Main type: UlidGenerator. Source: the ULID specification (github.com/ulid/spec).
#pragma once

#include "finewatt/base/clock.h"
#include "finewatt/base/result.h"

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace finewatt {

/// Makes ids that grow strictly, also within one millisecond and when the clock is set back.
/// Thread-safe. After fork() the child starts with fresh random bits.
class UlidGenerator {
  public:
    /// `clock` must outlive the generator.
    explicit UlidGenerator(const Clock& clock) : clock_(clock) {}

    /// Return the next id. Errors: io when the system gives no random bytes; internal when the
    /// 80 random bits are used up within a millisecond.
    Result<std::string> next();

  private:
    const Clock& clock_;
    std::mutex mutex_;
    std::uint64_t last_ms_ = 0;
    pid_t owner_ = 0;  ///< process that drew `random_`; 0 = none yet
    std::array<std::uint8_t, 10> random_{};
};

/// Return whether `text` is a ULID in capital letters, as UlidGenerator makes them.
bool is_ulid(std::string_view text);

/// Return the time inside an id (milliseconds). Error: invalid argument.
Result<WallTime> ulid_time(std::string_view id);

}  // namespace finewatt
