// The Software Carbon Intensity of a run with the parts it is made of, as JSON.
//
//   SCI = ((E x I) + M) / R
//
// Source: Green Software Foundation, Software Carbon Intensity 1.1 = ISO/IEC 21031:2024. Not for
// computing it: the record's carbon summary holds the figure, its range and its unit of work.
#pragma once

#include "finewatt/exchange/formats.h"

#include <span>
#include <string>

namespace finewatt::exchange {

/// Return the record of one run. Error: invalid argument when its SCI is unknown, with the reason.
Result<std::string> write_sci(std::span<const RunRecord> runs, const ExtraFacts& facts);

}  // namespace finewatt::exchange
