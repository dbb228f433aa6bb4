#include "finewatt/exchange/run_facts_internal.h"
#include "finewatt/exchange/sci_record_internal.h"
#include "finewatt/exchange/texts_internal.h"
#include "finewatt/record/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <utility>

namespace finewatt::exchange {
namespace {

using Json = nlohmann::ordered_json;

/// Keys of the carbon summary that the SCI rests on, in the order of the document. They keep the
/// names and units of docs/reference/fields.md.
constexpr std::array<std::string_view, 21> kKeys{
    "sci",
    "sci_low",
    "sci_high",
    "sci_per",
    "co2_kg",
    "co2_kg_low",
    "co2_kg_high",
    "embodied_kg",
    "embodied_kg_low",
    "embodied_kg_high",
    "embodied_provenance",
    "embodied_source",
    "facility_energy_j",
    "intensity_g_per_kwh",
    "intensity_kind",
    "pue",
    "zone",
    "edition",
    "basis",
    "source",
    "reason",
};

}  // namespace

Result<std::string> write_sci(std::span<const RunRecord> runs, const ExtraFacts& /*facts*/) {
    const RunRecord& run = runs.front();
    const Json carbon = run.carbon ? Json::parse(to_json(*run.carbon), nullptr, false) : Json();
    if (!run.carbon || !run.carbon->sci) {
        const std::string reason =
            run.carbon ? carbon.value("sci_reason", Json()).is_string()
                             ? carbon["sci_reason"].get<std::string>()
                             : run.carbon->reason.value_or("no unit of work was chosen")
                       : run.carbon_reason.value_or("the place is not known");
        return FINEWATT_ERROR(kInvalidArgument,
                              "run {}: expected a known Software Carbon Intensity, found none: {}; "
                              "it needs a place, embodied emissions and a unit of work",
                              run.run_id, safe_text(reason));
    }
    Json document = Json::object();
    document["run_id"] = safe_text(run.run_id);
    document["name"] = run.name ? Json(safe_text(*run.name)) : Json();
    document["started_at"] = run.started_at.to_iso8601();
    document["duration_s"] = run.duration_s ? Json(*run.duration_s) : Json();
    document["tool"] = safe_text(tool_text(run));
    document["specification"] = "ISO/IEC 21031:2024, SCI = ((E x I) + M) / R";
    for (const std::string_view key : kKeys) {
        const auto found = carbon.find(std::string(key));
        if (found != carbon.end()) {
            document[std::string(key)] =
                found->is_string() ? Json(safe_text(found->get<std::string>())) : *found;
        }
    }
    return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace finewatt::exchange
