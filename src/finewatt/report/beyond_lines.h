// What a run cost beyond the operation of the machine, as lines for people: embodied carbon,
// software carbon intensity, water, price.
//
// Main function: beyond_lines. Used by the summary, the page and `finewatt carbon`, so that all
// tell the same. Not for emissions of operation: those have their place in each of the three.
#pragma once

#include "finewatt/record/run.h"
#include "finewatt/report/format.h"

#include <string>
#include <vector>

namespace finewatt::report {

/// A line of a list: what it is, and its value. Texts are as they were recorded: who prints them
/// makes them safe.
struct LabelledText {
    std::string label;
    std::string text;
};

/// A figure with its range; a range without width is left away.
Range visible_range(double best, const std::optional<double>& low,
                    const std::optional<double>& high);

/// Return the lines of what was asked for, each figure with its range and what it rests on, or the
/// reason why it is unknown. What nobody asked for has no line.
std::vector<LabelledText> beyond_lines(const CarbonSummary& carbon);

}  // namespace finewatt::report
