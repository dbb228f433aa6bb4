#include "finewatt/carbon_extras.h"

#include "finewatt/carbon/carbon_over_time.h"
#include "finewatt/carbon/electricity_maps.h"
#include "finewatt/carbon/embodied.h"
#include "finewatt/carbon/software_carbon_intensity.h"
#include "finewatt/carbon/water_and_price.h"
#include "finewatt/carbon/watttime.h"

#include <CLI/CLI.hpp>

#include <cmath>
#include <memory>
#include <vector>

namespace finewatt::app {
namespace {

constexpr double kSecondsPerHour = 3600;
/// 32 years; a longer time is a mistake in the unit.
constexpr double kLongestHours = 280'000;

void add_time_options(CLI::App& command, CarbonExtras& extras) {
    command
        .add_option("--start", extras.start,
                    "When the energy of --kwh or --joules was first used (UTC)")
        ->type_name("2026-11-23T04:28:00Z");
    command.add_option("--hours", extras.hours, "For how long it was used");
    auto* series = command.add_option(
        "--series", extras.series,
        "Intensity over time instead of a place: CSV with the columns datetime (with zone) and "
        "intensity_g_per_kwh, or an export of Electricity Maps");
    series->type_name("FILE");
    auto* provider = command.add_option(
        "--provider", extras.provider,
        "Ask a service for the intensity of those hours: electricity-maps (ELECTRICITYMAPS_TOKEN; "
        "grid average) or watttime (WATTTIME_USER, WATTTIME_PASSWORD; marginal)");
    provider->check(CLI::IsMember({"electricity-maps", "watttime"}))->excludes(series);
    command
        .add_option("--grid-zone", extras.grid_zone,
                    "Zone to ask the provider for (DE, CAISO_NORTH), or that the series must have")
        ->type_name("ZONE");
    command.add_flag("--extrapolate", extras.is_extrapolating,
                     "Take the nearest hour for energy outside the series, and say so");
}

void add_embodied_options(CLI::App& command, CarbonExtras& extras) {
    auto* embodied =
        command.add_flag("--embodied", extras.with_embodied,
                         "Add the share of the emissions of making the hardware (needs a time)");
    command.add_option("--server", extras.server, "Server of the table, e.g. server-gpu")
        ->needs(embodied)
        ->type_name("NAME");
    command
        .add_option("--accelerator", extras.accelerator,
                    "Accelerator of the table, e.g. a100-sxm-80gb")
        ->needs(embodied)
        ->type_name("NAME");
    command.add_option("--accelerators", extras.accelerators, "How many of them were held")
        ->needs(embodied);
    command
        .add_option("--lifetime-years", extras.lifetime_years,
                    "Years of service; default 4, with a range of 3 to 6")
        ->needs(embodied);
    command
        .add_option("--server-share", extras.server_share,
                    "Share of the server that was reserved, above 0 and up to 1")
        ->needs(embodied)
        ->capture_default_str();
}

void add_cost_options(CLI::App& command, CarbonExtras& extras) {
    auto* wue = command.add_option("--wue", extras.wue_l_per_kwh,
                                   "Water usage effectiveness on site, litres per kWh of the "
                                   "machines; gives the water used");
    command
        .add_option("--off-site-water", extras.off_site_l_per_kwh,
                    "Water of the power plants too, litres per kWh of the facility")
        ->needs(wue);
    auto* price = command.add_option("--price-per-kwh", extras.price_per_kwh,
                                     "Price of a kWh of the facility; gives the cost");
    auto* currency =
        command.add_option("--currency", extras.currency, "Its currency, e.g. EUR (ISO 4217)");
    price->needs(currency);
    currency->needs(price);
    command
        .add_option("--sci-per", extras.sci_per,
                    "Software carbon intensity per run, 1k-examples, million-tokens or "
                    "million-tokens-padded; with --embodied")
        ->type_name("UNIT");
}

/// The hours of a record whose time is known.
struct Window {
    WallTime begin;
    WallTime end;
};

std::optional<Window> window_of(const RunRecord& run) {
    if (!run.duration_s || run.started_at == WallTime{}) {
        return std::nullopt;
    }
    const auto length_ns = static_cast<std::int64_t>(*run.duration_s * 1e9);
    return Window{run.started_at, WallTime::from_unix_ns(run.started_at.as_unix_ns() + length_ns)};
}

Error no_time(std::string_view what) {
    return FINEWATT_ERROR(kInvalidArgument,
                          "{}: expected to know when the energy was used, found no time; give "
                          "--start and --hours, or a stored run (--run)",
                          what);
}

Result<IntensitySeries> ask_electricity_maps(const RunRecord& run, const CarbonExtras& extras) {
    FINEWATT_ASSIGN(const ProviderSettings settings, electricity_maps_settings());
    FINEWATT_ASSIGN(const std::unique_ptr<HttpClient> http, HttpClient::create());
    ElectricityMaps provider(*http, settings);
    const std::optional<Window> window = window_of(run);
    return window ? provider.past_range(extras.grid_zone, window->begin, window->end)
                  : provider.latest(extras.grid_zone);
}

Result<IntensitySeries> ask_watttime(const RunRecord& run, const CarbonExtras& extras) {
    const std::optional<Window> window = window_of(run);
    if (!window) {
        return no_time("--provider watttime");
    }
    FINEWATT_ASSIGN(const ProviderSettings settings, watttime_settings());
    FINEWATT_ASSIGN(const std::unique_ptr<HttpClient> http, HttpClient::create());
    WattTime provider(*http, settings);
    return provider.historical(extras.grid_zone, window->begin, window->end);
}

Result<IntensitySeries> series_of(const RunRecord& run, const CarbonExtras& extras) {
    if (!extras.series.empty()) {
        IntensityCsvOptions options;
        if (!extras.grid_zone.empty()) {
            options.zone = extras.grid_zone;
        }
        return read_intensity_csv(extras.series, options);
    }
    if (extras.grid_zone.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "--provider {}: expected the zone to ask for, found none; give "
                              "--grid-zone",
                              extras.provider);
    }
    return extras.provider == "watttime" ? ask_watttime(run, extras)
                                         : ask_electricity_maps(run, extras);
}

}  // namespace

void add_carbon_extras(CLI::App& command, CarbonExtras& extras) {
    add_time_options(command, extras);
    add_embodied_options(command, extras);
    add_cost_options(command, extras);
}

Status set_times(RunRecord& run, const CarbonExtras& extras) {
    if (!extras.start.empty()) {
        FINEWATT_ASSIGN(run.started_at, WallTime::parse_iso8601(extras.start));
    }
    if (extras.hours) {
        if (!std::isfinite(*extras.hours) || *extras.hours <= 0 || *extras.hours > kLongestHours) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "--hours: expected a number above 0 and up to {}, found {}",
                                  kLongestHours, *extras.hours);
        }
        run.duration_s = *extras.hours * kSecondsPerHour;
    }
    return {};
}

Status set_carbon_by_hour(RunRecord& run, std::span<const PowerSeries> power, double pue,
                          const CarbonExtras& extras) {
    if (!extras.series.empty() && !window_of(run)) {
        return no_time("--series");
    }
    FINEWATT_ASSIGN(const IntensitySeries series, series_of(run, extras));
    if (!window_of(run) && !series.intervals.empty()) {
        // The newest value of a provider: the energy counts as used in that hour.
        run.started_at = series.intervals.front().begin;
        run.duration_s = static_cast<double>(series.intervals.front().end.as_unix_ns() -
                                             series.intervals.front().begin.as_unix_ns()) *
                         1e-9;
    }
    return set_carbon_over_time(run, series, power,
                                {.pue = pue, .is_extrapolating = extras.is_extrapolating});
}

Status set_extras(RunRecord& run, double pue, const CarbonExtras& extras) {
    const bool is_asked = extras.with_embodied || extras.wue_l_per_kwh || extras.price_per_kwh ||
                          !extras.sci_per.empty();
    if (is_asked && !run.carbon) {  // no place; water and price need the PUE all the same
        run.carbon = CarbonSummary{};
        run.carbon->pue = pue;
        run.carbon->reason = run.carbon_reason;
    }
    if (extras.with_embodied) {
        EmbodiedOptions options;
        if (!extras.server.empty()) {
            options.server = extras.server;
        }
        if (!extras.accelerator.empty()) {
            options.accelerator = extras.accelerator;
        }
        options.accelerators = extras.accelerators;
        options.lifetime_years = extras.lifetime_years;
        options.server_share = extras.server_share;
        FINEWATT_TRY(set_embodied(run, options));
    }
    if (extras.wue_l_per_kwh) {
        FINEWATT_TRY(set_water(run, {.wue_l_per_kwh = *extras.wue_l_per_kwh,
                                     .off_site_l_per_kwh = extras.off_site_l_per_kwh}));
    }
    if (extras.price_per_kwh) {
        FINEWATT_TRY(
            set_price(run, {.per_kwh = *extras.price_per_kwh, .currency = extras.currency}));
    }
    if (!extras.sci_per.empty()) {
        FINEWATT_ASSIGN(const SciUnit unit, parse_sci_unit(extras.sci_per));
        set_sci(run, unit);
    }
    return {};
}

}  // namespace finewatt::app
