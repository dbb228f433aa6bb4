// Checks that all intervals share. Private to stats.
#pragma once

#include "finewatt/base/result.h"

namespace finewatt::stats {

/// Error: invalid argument, when a confidence is not inside (0, 1).
Status check_confidence(double confidence);

/// Make the error for values that are all equal.
Error no_spread();

}  // namespace finewatt::stats
