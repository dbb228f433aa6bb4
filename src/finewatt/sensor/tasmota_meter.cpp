// Plugs with the Tasmota firmware. Source: tasmota.github.io/docs, page "Commands": web requests,
// Status 8, WattRes, EnergyRes.

#include "finewatt/sensor/json_meter_internal.h"
#include "finewatt/sensor/wall_credentials_internal.h"

namespace finewatt {
namespace {

// Tasmota computes its figures every second.
constexpr double kUpdateMs = 1000;
// WattRes is 0 decimals and EnergyRes 3 (of a kWh) unless the owner changes them; up to 5 are
// possible, so the raw unit is finer than the usual step.
constexpr double kPowerStepW = 1;
constexpr double kEnergyTickJ = 36;
constexpr double kEnergyStepJ = 3600;

}  // namespace

Result<std::unique_ptr<WallReader>> open_tasmota_meter(const WallMeterSpec& spec,
                                                       const DiscoveryOptions& options) {
    FINEWATT_ASSIGN(const std::optional<HttpCredentials> credentials,
                    wall_credentials(options.env, spec.host));
    // Web requests take user and password in the query; messages never show queries.
    std::string query = "cmnd=Status%208";
    if (credentials) {
        query = fmt::format("user={}&password={}&{}", encode_percent(credentials->user),
                            encode_percent(credentials->password), query);
    }
    JsonLayout layout;
    layout.request = meter_request(spec, "/cm?" + query);
    layout.power.pointer = "/StatusSNS/ENERGY/Power";
    layout.energy.pointer = "/StatusSNS/ENERGY/Total";
    layout.energy.factor = 1000 * kJoulesPerWh;
    layout.refusal_pointer = "/WARNING";
    layout.facts.source = "tasmota";
    layout.facts.power_step_w = kPowerStepW;
    layout.facts.energy_tick_j = kEnergyTickJ;
    layout.facts.energy_step_j = kEnergyStepJ;
    layout.facts.update_ms = kUpdateMs;
    layout.facts.energy_update_ms = kUpdateMs;
    layout.facts.max_power_w = kOutletCeilingW;
    if (!spec.accuracy_percent) {
        layout.facts.remark = "a Tasmota that was not calibrated may be wrong by 10 % or more";
    }
    return make_json_reader(spec, std::move(layout));
}

}  // namespace finewatt
