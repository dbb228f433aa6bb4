// Water and money that the energy of a run cost.
//
//   water = energy of the machines x WUE + energy of the facility x water of the power plants
//   cost  = energy of the facility x price per kWh
//
// Main types: WaterOptions, PriceOptions. There are no defaults: both differ by site and by a
// factor of ten and more. Sources: WUE: ISO/IEC 30134-9:2022; water of the power plants: Li et al.,
// "Making AI Less Thirsty" (arXiv 2304.03271), section 3.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"

#include <optional>
#include <string>

namespace finewatt {

/// Water use, in litres per kWh.
struct WaterOptions {
    double wue_l_per_kwh = 0;  ///< on-site water usage effectiveness, per kWh of the machines
    /// Off-site water of making the electricity, per kWh of the facility; nothing = not counted.
    std::optional<double> off_site_l_per_kwh{};
};

/// Price of electricity, in a currency per kWh of the facility.
struct PriceOptions {
    double per_kwh = 0;
    std::string currency;  ///< ISO 4217: three letters, "EUR"
};

/// Fill `water_l`, its range and `water_source` of the run's carbon, making a summary when there is
/// none. Energy unknown: no figure, and `water_source` says why. Call it after the operational
/// part. Error: invalid argument for a value that is negative, not finite or above 1,000 l/kWh.
Status set_water(RunRecord& run, const WaterOptions& options);

/// Fill `cost`, its range and `currency` of the run's carbon in the same way. Error: invalid
/// argument for a price that is not finite or above 1,000,000 per kWh, or a currency that is not
/// three letters. A negative price is possible on spot markets and is taken.
Status set_price(RunRecord& run, const PriceOptions& options);

}  // namespace finewatt
