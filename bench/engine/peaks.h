// What the machine can do at best, measured: the yardsticks beside which steps are shown.
#pragma once

#include <cstddef>

namespace finewatt {

/// Return float32 operations per second of fused multiply-adds in registers on `threads` threads,
/// with the widest vectors of the CPU; about 0.2 s.
double measure_fma_peak(int threads);

/// Return bytes per second of reading memory of this size once on `threads` threads; best of a few.
double measure_read_rate(std::size_t bytes, int threads);

}  // namespace finewatt
