// What `finewatt carbon` prints: the carbon of an energy, for programs and for people.
#pragma once

#include "finewatt/carbon/equivalents.h"
#include "finewatt/record/run.h"

#include <string>
#include <vector>

namespace finewatt::app {

/// An energy with its carbon. `run` is a stored run, or holds nothing but the energy.
struct CarbonView {
    RunRecord run;
    double pue = 1;
    std::string title;  ///< "368 kWh at zip:15213"; for people only
    std::vector<Equivalent> equivalents{};
};

/// Return the JSON document of docs/reference/cli.md on one line: the contract's keys first, then
/// those that only a part of the calls has. Unknown is null, and `reason` says why.
std::string carbon_json(const CarbonView& view);

/// Return aligned lines of at most `width` columns for people, each ended by '\n'.
std::string carbon_text(const CarbonView& view, std::size_t width);

}  // namespace finewatt::app
