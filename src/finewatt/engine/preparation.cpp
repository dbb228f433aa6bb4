#include "finewatt/engine/preparation.h"

#include <fmt/format.h>

namespace finewatt {

std::string features_source(const Preparation& preparation) {
    if (preparation.mapped_sets == 0) {
        return "tokenized";
    }
    if (preparation.mapped_sets == preparation.sets) {
        return "from the cache";
    }
    return fmt::format("{} of {} sets from the cache", preparation.mapped_sets, preparation.sets);
}

}  // namespace finewatt
