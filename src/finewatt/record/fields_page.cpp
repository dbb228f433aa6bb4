#include "finewatt/record/fields_page.h"

#include "finewatt/record/run.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>
#include <type_traits>

namespace finewatt {
namespace {

/// What the page says about a member's JSON type. Records name the section that describes them.
template <class T>
struct TypeText;

template <>
struct TypeText<double> {
    static std::string text() { return "number"; }
};

template <>
struct TypeText<int> {
    static std::string text() { return "whole number"; }
};

template <>
struct TypeText<bool> {
    static std::string text() { return "true or false"; }
};

template <>
struct TypeText<std::string> {
    static std::string text() { return "text"; }
};

template <>
struct TypeText<WallTime> {
    static std::string text() { return "ISO-8601 UTC time"; }
};

template <>
struct TypeText<SettingValue> {
    static std::string text() { return "text, number, true, false or null"; }
};

template <class Tag>
struct TypeText<Quantity<Tag>> {
    static std::string text() { return "number"; }
};

template <class T>
struct TypeText<std::optional<T>> {
    static std::string text() { return TypeText<T>::text() + " or null"; }
};

template <class T>
struct TypeText<std::vector<T>> {
    static std::string text() { return "list of " + TypeText<T>::text(); }
};

template <class T>
struct TypeText<std::map<std::string, T>> {
    static std::string text() { return "object of " + TypeText<T>::text(); }
};

/// The structs that have a section, by the name of the section.
#define FINEWATT_SECTION(type, name)                                  \
    template <>                                                       \
    struct TypeText<type> {                                           \
        static std::string text() { return "[" name "](#" name ")"; } \
    }
FINEWATT_SECTION(EnergySummary, "energy");
FINEWATT_SECTION(ComponentEnergy, "component");
FINEWATT_SECTION(CalibrationUse, "calibration");
FINEWATT_SECTION(BaselineUse, "baseline");
FINEWATT_SECTION(Attribution, "attribution");
FINEWATT_SECTION(DeviceClaim, "claim");
FINEWATT_SECTION(CarbonSummary, "carbon");
FINEWATT_SECTION(PhaseRecord, "phase");
FINEWATT_SECTION(WorkTotals, "work");
FINEWATT_SECTION(DerivedFigures, "derived");
FINEWATT_SECTION(PredictionSummary, "prediction");
#undef FINEWATT_SECTION

template <class Struct, class Member>
void append_row(std::string& page, const Field<Struct, Member>& field) {
    fmt::format_to(std::back_inserter(page), "| `{}` | {} | {} | {} |\n", field.name,
                   TypeText<Member>::text(), field.unit, field.meaning);
}

template <class Struct>
void append_section(std::string& page, std::string_view name, std::string_view lead) {
    fmt::format_to(std::back_inserter(page),
                   "\n## {}\n\n{}\n\n| key | type | unit | meaning |\n|---|---|---|---|\n", name,
                   lead);
    std::apply([&](const auto&... fields) { (append_row(page, fields), ...); }, Struct::fields());
}

}  // namespace

std::string fields_page() {
    std::string page =
        "# Fields of the run record\n\n"
        "This page is generated from the field tables in `src/finewatt/record/run.h`. To renew it, "
        "run the test `record_test` with `FINEWATT_UPDATE_GOLDEN=1`.\n\n"
        "`finewatt runs show ID --json` prints a [run](#run). Unknown is `null`, with a reason "
        "beside it, and never 0. An empty text is written as `null` too. A number that is not "
        "finite is written as `null`. The unit `1` marks a count or a plain ratio.\n";
    append_section<RunRecord>(page, "run", "One execution of one job.");
    append_section<EnergySummary>(page, "energy",
                                  "Energy of a run or a phase: the total over domains that do not "
                                  "overlap, and its parts.");
    append_section<ComponentEnergy>(page, "component", "Energy of one channel.");
    append_section<CalibrationUse>(page, "calibration", "Wall calibration applied to a run.");
    append_section<BaselineUse>(page, "baseline",
                                "Energy at rest in the run's time, and net energy: what the run "
                                "used on top. `finewatt calibrate idle` stores the baseline.");
    append_section<Attribution>(page, "attribution",
                                "What part of the machine's energy goes to the run's processes "
                                "(`--attribute`). It stands beside the total.");
    append_section<DeviceClaim>(page, "claim", "A device that only one process counts.");
    append_section<CarbonSummary>(
        page, "carbon",
        "Emissions of a run whose place is known. Without a place `carbon` is null and "
        "`carbon_reason`, beside it in the run, says how to name one; when embodied emissions, "
        "water or cost were asked for, `carbon` holds them, `co2_kg` is null and `reason` says "
        "how.");
    append_section<PhaseRecord>(page, "phase", "A named window that the workload reported.");
    append_section<WorkTotals>(page, "work", "Work done, as the workload reported it last.");
    append_section<DerivedFigures>(page, "derived", "Ratios of energy and work.");
    append_section<PredictionSummary>(page, "prediction", "What was predicted before the run.");
    return page;
}

}  // namespace finewatt
