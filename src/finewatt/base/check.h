// FINEWATT_CHECK: for bugs in our own code only. Always on; prints file, line and why, then aborts.
// Never for user input and never for missing hardware: those are Errors (error.h).
#pragma once

namespace finewatt {

/// Print the failed condition and abort. Called by FINEWATT_CHECK.
[[noreturn]] void check_failed(const char* condition, const char* why, const char* file, int line);

}  // namespace finewatt

/// Abort with file, line and `why` unless `condition` holds.
#define FINEWATT_CHECK(condition, why)                                     \
    do {                                                                   \
        if (!(condition)) {                                                \
            ::finewatt::check_failed(#condition, why, __FILE__, __LINE__); \
        }                                                                  \
    } while (false)
