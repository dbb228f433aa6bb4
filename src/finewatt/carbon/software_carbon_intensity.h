// Software Carbon Intensity (SCI): grams of CO2e per unit of work.
//
//   SCI = ((E x I) + M) / R
//
// E energy (of the facility), I carbon intensity, M embodied emissions, R units of work. Source:
// Green Software Foundation, Software Carbon Intensity 1.1 = ISO/IEC 21031:2024, section on
// quantification. It is a rate, so it cannot be made zero by buying offsets.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"

#include <string_view>

namespace finewatt {

/// The unit of work R.
enum class SciUnit {
    kRun,                  ///< the run as a whole
    k1kExamples,           ///< 1,000 examples that were trained on or predicted
    kMillionTokens,        ///< a million tokens of the texts, without padding
    kMillionTokensPadded,  ///< a million tokens that were computed, with padding
};

/// "run", "1k-examples", "million-tokens" or "million-tokens-padded".
std::string_view sci_unit_name(SciUnit unit);

/// Read a name as sci_unit_name writes it (any case). Error: invalid argument, listing the names.
Result<SciUnit> parse_sci_unit(std::string_view text);

/// Fill `sci`, its range, `sci_per` and `sci_reason` of the run's carbon, making a summary when
/// there is none. Call it after the operational and the embodied part. Where a part is unknown
/// (operational emissions, embodied emissions, the work), or the operational part counts CO2 alone
/// while the embodied one is CO2e, `sci` is empty and `sci_reason` says what to do.
void set_sci(RunRecord& run, SciUnit unit);

}  // namespace finewatt
