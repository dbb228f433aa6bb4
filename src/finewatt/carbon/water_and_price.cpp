#include "finewatt/carbon/water_and_price.h"

#include "finewatt/base/ascii.h"
#include "finewatt/carbon/facility.h"
#include "finewatt/carbon/run_carbon_internal.h"

#include <algorithm>
#include <cmath>

namespace finewatt {
namespace {

/// Far above hydropower's evaporation, the largest use: up to 68 l/kWh (Macknick et al. 2012,
/// doi 10.1088/1748-9326/7/4/045802).
constexpr double kLargestLitresPerKwh = 1'000;
constexpr double kLargestPrice = 1'000'000;

Status check_litres(double litres_per_kwh, std::string_view what) {
    if (!std::isfinite(litres_per_kwh) || litres_per_kwh < 0 ||
        litres_per_kwh > kLargestLitresPerKwh) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected litres per kWh from 0 to {}, found {}", what,
                              kLargestLitresPerKwh, litres_per_kwh);
    }
    return {};
}

std::optional<double> litres(const std::optional<Joules>& machines,
                             const std::optional<Joules>& facility_energy,
                             const WaterOptions& options) {
    if (!machines || !facility_energy) {
        return std::nullopt;
    }
    return machines->as_kwh() * options.wue_l_per_kwh +
           facility_energy->as_kwh() * options.off_site_l_per_kwh.value_or(0);
}

}  // namespace

Status set_water(RunRecord& run, const WaterOptions& options) {
    FINEWATT_TRY(check_litres(options.wue_l_per_kwh, "water usage effectiveness"));
    if (options.off_site_l_per_kwh) {
        FINEWATT_TRY(check_litres(*options.off_site_l_per_kwh, "off-site water"));
    }
    CarbonSummary carbon = carbon_of_run(run);
    FINEWATT_TRY(set_facility_energy(carbon, run.energy));
    carbon.water_l = litres(run.energy.energy, carbon.facility_energy, options);
    carbon.water_l_low = litres(run.energy.energy_low, carbon.facility_energy_low, options);
    carbon.water_l_high = litres(run.energy.energy_high, carbon.facility_energy_high, options);
    const std::string off_site =
        options.off_site_l_per_kwh
            ? fmt::format("{} l/kWh at the power plants", *options.off_site_l_per_kwh)
            : "without the water of the power plants";
    carbon.water_source =
        carbon.water_l ? fmt::format("given: {} l/kWh on site, {}", options.wue_l_per_kwh, off_site)
                       : unknown_energy_reason(run.energy);
    store_carbon(run, std::move(carbon));
    return {};
}

Status set_price(RunRecord& run, const PriceOptions& options) {
    if (!std::isfinite(options.per_kwh) || std::abs(options.per_kwh) > kLargestPrice) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "price: expected an amount per kWh up to {}, found {}", kLargestPrice,
                              options.per_kwh);
    }
    const std::string currency = ascii_upper(options.currency);
    const bool is_code =
        currency.size() == 3 &&
        std::all_of(currency.begin(), currency.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (!is_code) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "price: expected a currency of three letters such as EUR or USD, "
                              "found {} characters",
                              options.currency.size());
    }
    CarbonSummary carbon = carbon_of_run(run);
    FINEWATT_TRY(set_facility_energy(carbon, run.energy));
    const auto cost = [&](const std::optional<Joules>& energy) {
        return energy ? std::optional(energy->as_kwh() * options.per_kwh) : std::nullopt;
    };
    carbon.cost = cost(carbon.facility_energy);
    carbon.cost_low = cost(carbon.facility_energy_low);
    carbon.cost_high = cost(carbon.facility_energy_high);
    if (options.per_kwh < 0) {
        std::swap(carbon.cost_low, carbon.cost_high);
    }
    carbon.cost_currency = currency;
    carbon.cost_source = carbon.cost
                             ? fmt::format("given: {} {} per kWh", options.per_kwh, currency)
                             : unknown_energy_reason(run.energy);
    store_carbon(run, std::move(carbon));
    return {};
}

}  // namespace finewatt
