// The learning rate of each step: linear warm-up from 0, then linear decay to 0, as
// get_linear_schedule_with_warmup of transformers 5.17 (optimization.py) has it.
#pragma once

#include <cstdint>

namespace finewatt {

/// Return the number of warm-up steps: `warmup` itself from 1 on; below 1 it is a share of
/// `total_steps`, rounded up (transformers 5.17, TrainingArguments.get_warmup_steps).
std::int64_t warmup_steps(double warmup, std::int64_t total_steps);

/// Return the rate of step `step` (from 0): peak * step / warmup while step < warmup, so the first
/// warm-up step has rate 0; then peak * (total - step) / (total - warmup), never below 0.
double linear_rate(double peak, std::int64_t step, std::int64_t warmup, std::int64_t total);

}  // namespace finewatt
