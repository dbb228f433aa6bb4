// Quantile of Student's t distribution for two-sided 95 % intervals. Private to the meter.
#pragma once

#include <cstdint>

namespace finewatt {

/// Return t(0.975, degrees of freedom), degrees >= 1; relative error below 3e-5.
double student_t_975(std::uint64_t degrees);

}  // namespace finewatt
