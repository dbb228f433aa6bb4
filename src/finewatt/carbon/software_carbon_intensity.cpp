#include "finewatt/carbon/software_carbon_intensity.h"

#include "finewatt/base/ascii.h"
#include "finewatt/carbon/run_carbon_internal.h"

#include <array>
#include <cmath>
#include <optional>
#include <string>

namespace finewatt {
namespace {

constexpr std::array<SciUnit, 4> kUnits{SciUnit::kRun, SciUnit::k1kExamples,
                                        SciUnit::kMillionTokens, SciUnit::kMillionTokensPadded};
constexpr double kGramsPerKilogram = 1000;

/// How many units of work the run did; nothing when the workload did not say.
std::optional<double> units_of(const RunRecord& run, SciUnit unit) {
    const WorkTotals work = run.work.value_or(WorkTotals{});
    const auto per = [](const std::optional<double>& amount, double divisor) {
        return amount && std::isfinite(*amount) ? std::optional(*amount / divisor) : std::nullopt;
    };
    switch (unit) {
        case SciUnit::kRun:
            return 1;
        case SciUnit::k1kExamples:
            return per(work.examples, 1e3);
        case SciUnit::kMillionTokens:
            return per(work.tokens_real, 1e6);
        case SciUnit::kMillionTokensPadded:
            break;
    }
    return per(work.tokens_padded, 1e6);
}

/// Why there is no figure; nothing when there is one.
std::optional<std::string> missing_part(const CarbonSummary& carbon,
                                        const std::optional<double>& units, SciUnit unit) {
    if (!carbon.co2_kg) {
        return "the operational emissions are unknown: " +
               carbon.reason.value_or("no reason was given");
    }
    if (!carbon.embodied_kg) {
        return "the embodied emissions are unknown: " +
               carbon.embodied_reason.value_or(
                   "they were not asked for; name the server and its accelerators");
    }
    if (carbon.basis != "co2e") {
        return fmt::format(
            "the operational emissions count {}, the embodied ones CO2e, and the two are not "
            "added; choose the basis co2e",
            carbon.basis ? "CO2 alone" : "gases that the given factor does not name");
    }
    if (!units) {
        return fmt::format(
            "the work is unknown: the workload did not report what {} needs; let it "
            "report its work, or choose the unit run",
            sci_unit_name(unit));
    }
    if (*units <= 0) {
        return fmt::format("no work was done: 0 units of {}; choose the unit run",
                           sci_unit_name(unit));
    }
    return std::nullopt;
}

std::optional<double> grams_per_unit(const std::optional<double>& operational_kg,
                                     const std::optional<double>& embodied_kg, double units) {
    if (!operational_kg || !embodied_kg) {
        return std::nullopt;
    }
    return (*operational_kg + *embodied_kg) * kGramsPerKilogram / units;
}

}  // namespace

std::string_view sci_unit_name(SciUnit unit) {
    switch (unit) {
        case SciUnit::kRun:
            return "run";
        case SciUnit::k1kExamples:
            return "1k-examples";
        case SciUnit::kMillionTokens:
            return "million-tokens";
        case SciUnit::kMillionTokensPadded:
            break;
    }
    return "million-tokens-padded";
}

Result<SciUnit> parse_sci_unit(std::string_view text) {
    for (const SciUnit unit : kUnits) {
        if (ascii_lower(text) == sci_unit_name(unit)) {
            return unit;
        }
    }
    return FINEWATT_ERROR(kInvalidArgument,
                          "unit of work: expected run, 1k-examples, million-tokens or "
                          "million-tokens-padded, found '{}'",
                          text);
}

void set_sci(RunRecord& run, SciUnit unit) {
    CarbonSummary carbon = carbon_of_run(run);
    const std::optional<double> units = units_of(run, unit);
    carbon.sci_per = std::string(sci_unit_name(unit));
    carbon.sci = carbon.sci_low = carbon.sci_high = std::nullopt;
    carbon.sci_reason = missing_part(carbon, units, unit);
    if (!carbon.sci_reason) {
        carbon.sci = grams_per_unit(carbon.co2_kg, carbon.embodied_kg, *units);
        carbon.sci_low = grams_per_unit(carbon.co2_kg_low, carbon.embodied_kg_low, *units);
        carbon.sci_high = grams_per_unit(carbon.co2_kg_high, carbon.embodied_kg_high, *units);
    }
    store_carbon(run, std::move(carbon));
}

}  // namespace finewatt
