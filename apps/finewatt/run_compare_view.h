// A comparison as a table for people, and as one JSON document.
#pragma once

#include "finewatt/run_compare.h"

#include <cstddef>
#include <string>

namespace finewatt::app {

/// Return the two sides, a line for each metric, sizes of effects, and notes. At most `width`
/// columns where names allow it. Text from outside is made safe to print.
std::string comparison_text(const Comparison& comparison, std::size_t width);

/// Return one JSON object on one line; docs/formats/comparison.md describes it.
std::string comparison_json(const Comparison& comparison);

}  // namespace finewatt::app
