// Preparation: what a job did before its first step, for its summary and its record. Main type:
// Preparation. Tokenizing costs time and energy; a run that found its features in the cache must
// say so, or it would look cheaper than it is.
#pragma once

#include <cstdint>
#include <string>

namespace finewatt {

/// How long reading and tokenizing took, and what was there already.
struct Preparation {
    double load_s = 0;             ///< phase load: model, weights and examples
    double tokenize_s = 0;         ///< phase tokenize: features made, or mapped from the cache
    std::int64_t sets = 0;         ///< data sets whose features are needed
    std::int64_t mapped_sets = 0;  ///< of them, those that the cache had
};

/// Return where the features came from: "tokenized", "from the cache", or "1 of 3 sets from the
/// cache".
std::string features_source(const Preparation& preparation);

}  // namespace finewatt
