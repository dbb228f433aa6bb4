#include "finewatt/carbon_view.h"

#include "finewatt/report/beyond_lines.h"
#include "finewatt/report/format.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <string_view>

namespace finewatt::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLabelWidth = 14;

Json or_null(const std::optional<double>& value) {
    return value ? Json(*value) : Json();
}

Json or_null(const std::optional<std::string>& text) {
    return text ? Json(*text) : Json();
}

std::optional<double> as_kwh(const std::optional<Joules>& energy, double factor = 1) {
    return energy ? std::optional((*energy * factor).as_kwh()) : std::nullopt;
}

std::optional<double> as_grams(const std::optional<CarbonIntensity>& intensity) {
    return intensity ? std::optional(intensity->as_grams_per_kwh()) : std::nullopt;
}

/// Why there are no emissions, or nothing where there are some.
std::optional<std::string> reason_of(const RunRecord& run) {
    if (!run.carbon) {
        return run.carbon_reason;
    }
    return run.carbon->reason;
}

/// What was asked for beyond the operation of the machine; keys that nobody asked for are absent.
void append_beyond(Json& document, const CarbonSummary& carbon) {
    if (carbon.embodied_kg || carbon.embodied_reason) {
        document["embodied_kg"] = or_null(carbon.embodied_kg);
        document["embodied_kg_low"] = or_null(carbon.embodied_kg_low);
        document["embodied_kg_high"] = or_null(carbon.embodied_kg_high);
        document["embodied_provenance"] = or_null(carbon.embodied_provenance);
        document["embodied_source"] = or_null(carbon.embodied_source);
        document["embodied_reason"] = or_null(carbon.embodied_reason);
    }
    if (carbon.sci || carbon.sci_reason) {
        document["sci"] = or_null(carbon.sci);
        document["sci_low"] = or_null(carbon.sci_low);
        document["sci_high"] = or_null(carbon.sci_high);
        document["sci_per"] = or_null(carbon.sci_per);
        document["sci_reason"] = or_null(carbon.sci_reason);
    }
    if (carbon.water_l || carbon.water_source) {
        document["water_l"] = or_null(carbon.water_l);
        document["water_l_low"] = or_null(carbon.water_l_low);
        document["water_l_high"] = or_null(carbon.water_l_high);
        document["water_source"] = or_null(carbon.water_source);
    }
    if (carbon.cost || carbon.cost_currency) {
        document["cost"] = or_null(carbon.cost);
        document["cost_low"] = or_null(carbon.cost_low);
        document["cost_high"] = or_null(carbon.cost_high);
        document["cost_currency"] = or_null(carbon.cost_currency);
        document["cost_source"] = or_null(carbon.cost_source);
    }
}

/// Lines of a label and a text that wraps under itself.
class Lines {
  public:
    explicit Lines(std::size_t width) : width_(width) {}

    void title(std::string_view text) { text_ += safe_text(text) + "\n"; }

    void add(std::string_view label, std::string_view value) {
        const std::size_t room = width_ > kLabelWidth + 22 ? width_ - kLabelWidth - 2 : 20;
        std::string_view shown = label;
        for (const std::string& line : wrap_text(safe_text(value), room)) {
            text_ += fmt::format("  {:<{}}{}\n", shown, kLabelWidth, line);
            shown = "";
        }
    }

    std::string take() { return std::move(text_); }

  private:
    std::size_t width_;
    std::string text_;
};

std::string kwh_text(const std::optional<double>& best, const std::optional<double>& low,
                     const std::optional<double>& high) {
    return format_with_range(report::visible_range(best.value_or(0), low, high), "kWh");
}

/// "CO2" or "CO2e"; for an intensity that was given without a basis CO2e, as most are.
std::string_view gas_name(const CarbonSummary& carbon) {
    return carbon.basis == "co2" ? "CO2" : "CO2e";
}

void add_operation(Lines& lines, const CarbonSummary& carbon) {
    if (carbon.co2_kg) {
        lines.add("emissions",
                  format_co2_kg(
                      report::visible_range(*carbon.co2_kg, carbon.co2_kg_low, carbon.co2_kg_high),
                      gas_name(carbon)));
    } else {
        lines.add("emissions", format_unknown(carbon.reason));
    }
    if (const std::optional<double> grams = as_grams(carbon.intensity)) {
        lines.add("intensity",
                  format_with_range(report::visible_range(*grams, as_grams(carbon.intensity_low),
                                                          as_grams(carbon.intensity_high)),
                                    "g/kWh"));
    }
    if (carbon.zone) {
        lines.add("zone", *carbon.zone);
    }
    if (carbon.edition) {
        lines.add("edition", fmt::format("{} ({})", *carbon.edition, gas_name(carbon)));
    }
    if (carbon.source) {
        lines.add("source", *carbon.source);
    }
}

/// A few of them, with numbers that say something to people.
void add_equivalents(Lines& lines, const std::vector<Equivalent>& equivalents) {
    constexpr std::size_t kShown = 5;
    constexpr double kSmallest = 1;
    constexpr double kLargest = 100'000;
    std::size_t shown = 0;
    for (const Equivalent& equivalent : equivalents) {
        if (equivalent.value >= kSmallest && equivalent.value < kLargest && shown < kShown) {
            lines.add(
                shown == 0 ? "as much as" : "",
                fmt::format("{}: {} {} ({})", equivalent.name, format_number(equivalent.value, 3),
                            equivalent.unit, equivalent.edition));
            ++shown;
        }
    }
    if (shown > 0 && shown < equivalents.size()) {
        lines.add("", fmt::format("{} more with --json", equivalents.size() - shown));
    }
}

}  // namespace

std::string carbon_json(const CarbonView& view) {
    const EnergySummary& energy = view.run.energy;
    const CarbonSummary carbon = view.run.carbon.value_or(CarbonSummary{});
    Json document;
    document["energy_kwh"] = or_null(as_kwh(energy.energy));
    document["facility_kwh"] = or_null(as_kwh(energy.energy, view.pue));
    document["co2_kg"] = or_null(carbon.co2_kg);
    document["co2_kg_low"] = or_null(carbon.co2_kg_low);
    document["co2_kg_high"] = or_null(carbon.co2_kg_high);
    document["intensity_g_per_kwh"] = or_null(as_grams(carbon.intensity));
    document["zone"] = or_null(carbon.zone);
    document["edition"] = or_null(carbon.edition);
    document["basis"] = or_null(carbon.basis);
    document["source"] = or_null(carbon.source);
    document["equivalents"] = Json::array();
    for (const Equivalent& equivalent : view.equivalents) {
        document["equivalents"].push_back({{"name", equivalent.name},
                                           {"value", equivalent.value},
                                           {"unit", equivalent.unit},
                                           {"edition", equivalent.edition}});
    }
    document["pue"] = view.pue;
    document["energy_kwh_low"] = or_null(as_kwh(energy.energy_low));
    document["energy_kwh_high"] = or_null(as_kwh(energy.energy_high));
    document["intensity_g_per_kwh_low"] = or_null(as_grams(carbon.intensity_low));
    document["intensity_g_per_kwh_high"] = or_null(as_grams(carbon.intensity_high));
    document["intensity_kind"] = or_null(carbon.intensity_kind);
    document["run_id"] = view.run.run_id.empty() ? Json() : Json(view.run.run_id);
    document["reason"] = or_null(reason_of(view.run));
    append_beyond(document, carbon);
    return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string carbon_text(const CarbonView& view, std::size_t width) {
    const EnergySummary& energy = view.run.energy;
    Lines lines(width);
    lines.title("Carbon of " + view.title);
    if (energy.energy) {
        lines.add("energy", kwh_text(as_kwh(energy.energy), as_kwh(energy.energy_low),
                                     as_kwh(energy.energy_high)));
    } else {
        lines.add("energy", format_unknown(energy.reason));
    }
    if (energy.energy && view.pue != 1) {
        lines.add("facility",
                  kwh_text(as_kwh(energy.energy, view.pue), as_kwh(energy.energy_low, view.pue),
                           as_kwh(energy.energy_high, view.pue)) +
                      fmt::format(", PUE {}", format_number(view.pue, 3)));
    }
    if (view.run.carbon) {
        add_operation(lines, *view.run.carbon);
        for (const report::LabelledText& line : report::beyond_lines(*view.run.carbon)) {
            lines.add(line.label, line.text);
        }
    } else {
        lines.add("emissions", format_unknown(view.run.carbon_reason));
    }
    add_equivalents(lines, view.equivalents);
    return lines.take();
}

}  // namespace finewatt::app
