#include "finewatt/report/beyond_lines.h"

#include <fmt/format.h>

namespace finewatt::report {
namespace {

/// The figure and, behind a semicolon, what it rests on.
std::string with_source(std::string figure, const std::optional<std::string>& source) {
    return source && !source->empty() ? fmt::format("{}; {}", figure, *source) : figure;
}

void add_embodied(std::vector<LabelledText>& lines, const CarbonSummary& carbon) {
    if (!carbon.embodied_kg) {
        if (carbon.embodied_reason) {
            lines.push_back({"embodied", format_unknown(carbon.embodied_reason)});
        }
        return;
    }
    const std::string figure = format_co2_kg(
        visible_range(*carbon.embodied_kg, carbon.embodied_kg_low, carbon.embodied_kg_high),
        "CO2e");
    const std::string provenance = carbon.embodied_provenance.value_or("");
    lines.push_back(
        {"embodied",
         with_source(provenance.empty() ? figure : fmt::format("{}, {}", figure, provenance),
                     carbon.embodied_source)});
}

void add_sci(std::vector<LabelledText>& lines, const CarbonSummary& carbon) {
    if (!carbon.sci) {
        if (carbon.sci_reason) {
            lines.push_back({"SCI", format_unknown(carbon.sci_reason)});
        }
        return;
    }
    lines.push_back(
        {"SCI",
         fmt::format("{} per {}",
                     format_with_range(visible_range(*carbon.sci, carbon.sci_low, carbon.sci_high),
                                       "g CO2e"),
                     carbon.sci_per.value_or("unit of work that was not recorded"))});
}

void add_water(std::vector<LabelledText>& lines, const CarbonSummary& carbon) {
    if (carbon.water_l) {
        const Range range = visible_range(*carbon.water_l, carbon.water_l_low, carbon.water_l_high);
        lines.push_back({"water", with_source(format_with_range(range, "l"), carbon.water_source)});
    } else if (carbon.water_source) {
        lines.push_back({"water", format_unknown(carbon.water_source)});
    }
}

void add_cost(std::vector<LabelledText>& lines, const CarbonSummary& carbon) {
    if (carbon.cost) {
        const Range range = visible_range(*carbon.cost, carbon.cost_low, carbon.cost_high);
        lines.push_back(
            {"cost", with_source(format_with_range(range, carbon.cost_currency.value_or("")),
                                 carbon.cost_source)});
    } else if (carbon.cost_source) {
        lines.push_back({"cost", format_unknown(carbon.cost_source)});
    }
}

}  // namespace

Range visible_range(double best, const std::optional<double>& low,
                    const std::optional<double>& high) {
    const bool has_width = low && high && *low < *high;
    return has_width ? Range{best, low, high} : Range{best, std::nullopt, std::nullopt};
}

std::vector<LabelledText> beyond_lines(const CarbonSummary& carbon) {
    std::vector<LabelledText> lines;
    add_embodied(lines, carbon);
    add_sci(lines, carbon);
    add_water(lines, carbon);
    add_cost(lines, carbon);
    return lines;
}

}  // namespace finewatt::report
