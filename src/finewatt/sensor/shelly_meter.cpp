// Shelly plugs and switches, both generations. Sources: Shelly's API documentation,
// shelly-api-docs.shelly.cloud: generation 1, "/meter/0" of the plugs; later ones, "Switch:
// Status".

#include "finewatt/sensor/json_meter_internal.h"
#include "finewatt/sensor/wall_credentials_internal.h"

namespace finewatt {
namespace {

// Power is renewed about once a second.
constexpr double kPowerUpdateMs = 1000;
// Both generations keep energy by the minute ("counters", "by_minute"). Whether the total moves in
// between is not documented, so the whole minute is assumed.
constexpr double kEnergyUpdateMs = 60'000;

/// Generation 1 counts watt-minutes; the others milliwatt-hours.
constexpr double kJoulesPerWattMinute = 60;
constexpr double kJoulesPerMilliwattHour = 3.6;

WallFacts shelly_facts() {
    WallFacts facts;
    facts.source = "shelly";
    facts.power_step_w = 0.1;
    facts.update_ms = kPowerUpdateMs;
    facts.energy_update_ms = kEnergyUpdateMs;
    facts.max_power_w = kOutletCeilingW;
    return facts;
}

JsonLayout first_generation(const WallMeterSpec& spec) {
    JsonLayout layout;
    const bool has_number = spec.path.size() > 1;
    layout.request = meter_request(spec, "/meter" + (has_number ? spec.path : "/0"));
    layout.request.auth = HttpAuth::kBasic;
    layout.power.pointer = "/power";
    layout.energy.pointer = "/total";
    layout.energy.factor = kJoulesPerWattMinute;
    layout.valid_pointer = "/is_valid";
    layout.facts = shelly_facts();
    layout.facts.source = "shelly1";
    layout.facts.power_step_w = 0.01;
    layout.facts.energy_tick_j = kJoulesPerWattMinute;
    layout.facts.energy_step_j = kJoulesPerWattMinute;
    layout.facts.remark = "its counter starts at zero when the plug does";
    return layout;
}

Result<JsonLayout> later_generation(const WallMeterSpec& spec) {
    const auto found_id = spec.options.find("id");
    const std::string id = found_id == spec.options.end() ? "0" : found_id->second;
    const auto found = spec.options.find("component");
    const std::string component = found == spec.options.end() ? "switch" : found->second;
    if (id.size() > 3 || id.find_first_not_of("0123456789") != std::string::npos) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "wall meter '{}': id: expected a number, found '{}'", spec.text, id);
    }
    if (component != "switch" && component != "pm1") {
        return FINEWATT_ERROR(kInvalidArgument,
                              "wall meter '{}': component: expected switch or pm1, found '{}'",
                              spec.text, component);
    }
    JsonLayout layout;
    layout.request = meter_request(
        spec, fmt::format("/rpc/{}.GetStatus?id={}", component == "pm1" ? "PM1" : "Switch", id));
    layout.request.auth = HttpAuth::kDigest;
    layout.power.pointer = "/apower";
    layout.energy.pointer = "/aenergy/total";
    layout.energy.factor = kJoulesPerWh;
    layout.facts = shelly_facts();
    layout.facts.energy_tick_j = kJoulesPerMilliwattHour;
    layout.facts.energy_step_j = kJoulesPerMilliwattHour;
    return layout;
}

}  // namespace

Result<std::unique_ptr<WallReader>> open_shelly_meter(const WallMeterSpec& spec,
                                                      const DiscoveryOptions& options) {
    JsonLayout layout;
    if (spec.kind == WallMeterKind::kShelly1) {
        layout = first_generation(spec);
    } else {
        FINEWATT_ASSIGN(layout, later_generation(spec));
    }
    FINEWATT_ASSIGN(layout.request.credentials, wall_credentials(options.env, spec.host));
    return make_json_reader(spec, std::move(layout));
}

}  // namespace finewatt
