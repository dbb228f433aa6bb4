// The options of `finewatt carbon` beyond place and energy: intensity over time, embodied carbon,
// water, price and the software carbon intensity.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/record/run.h"

#include <optional>
#include <span>
#include <string>

namespace CLI {
class App;
}

namespace finewatt::app {

struct CarbonExtras {
    // When the energy was used; a stored run knows it.
    std::string start;
    std::optional<double> hours;

    // Intensity over time instead of a place.
    std::string series;    ///< a CSV file
    std::string provider;  ///< "electricity-maps" or "watttime"
    std::string grid_zone;
    bool is_extrapolating = false;

    // Beyond operation.
    bool with_embodied = false;
    std::string server;
    std::string accelerator;
    std::optional<int> accelerators;
    std::optional<double> lifetime_years;
    double server_share = 1;
    std::optional<double> wue_l_per_kwh;
    std::optional<double> off_site_l_per_kwh;
    std::optional<double> price_per_kwh;
    std::string currency;
    std::string sci_per;

    /// Whether the intensity comes from a series or a provider.
    bool is_over_time() const { return !series.empty() || !provider.empty(); }
};

void add_carbon_extras(CLI::App& command, CarbonExtras& extras);

/// Set when the energy of a record without a time was used. Error: invalid argument.
Status set_times(RunRecord& run, const CarbonExtras& extras);

/// Fill a record's carbon from the series or the provider. Asks the network only for a provider.
/// `power` is the run's stored power. Errors: those of the file or the provider; invalid argument
/// where no time is known.
Status set_carbon_by_hour(RunRecord& run, std::span<const PowerSeries> power, double pue,
                          const CarbonExtras& extras);

/// Fill what was asked for beyond operation. Errors: invalid argument, not found (a name of
/// hardware).
Status set_extras(RunRecord& run, double pue, const CarbonExtras& extras);

}  // namespace finewatt::app
