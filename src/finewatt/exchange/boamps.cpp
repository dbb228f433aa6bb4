#include "finewatt/exchange/boamps_internal.h"
#include "finewatt/exchange/run_facts_internal.h"
#include "finewatt/exchange/texts_internal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace finewatt::exchange {
namespace {

using Json = nlohmann::ordered_json;

Error missing(const RunRecord& run, std::string_view what, std::string_view advice) {
    return FINEWATT_ERROR(kInvalidArgument,
                          "run {}: a BoAmps report needs {}, which the record does not hold; {}",
                          run.run_id, what, advice);
}

/// The stage as the schema's examples name it; empty for a plain command.
std::string task_stage(const RunRecord& run, const ExtraFacts& facts) {
    if (!facts.task_stage.empty()) {
        return facts.task_stage;
    }
    if (run.kind == "fine-tuning") {
        return "finetuning";
    }
    if (run.kind == "pre-training" || run.kind == "distillation") {
        return "training";
    }
    return run.kind == "inference" ? "inference" : "";
}

/// The family of a task that the engine knows; empty for another one.
std::string task_family(const RunRecord& run, const ExtraFacts& facts) {
    if (!facts.task_family.empty()) {
        return facts.task_family;
    }
    constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kFamilies{{
        {"rte", "text classification"},
        {"mnli", "text classification"},
        {"sst2", "text classification"},
        {"imdb", "text classification"},
        {"classification", "text classification"},
        {"pair-classification", "text classification"},
        {"squad", "question answering"},
        {"squad_v2", "question answering"},
        {"qa", "question answering"},
        {"conll2003", "named entity recognition"},
        {"conll2012", "named entity recognition"},
        {"ner", "named entity recognition"},
    }};
    const std::string task = setting_text(run.settings, "task").value_or("");
    for (const auto& family : kFamilies) {
        if (family.first == task) {
            return std::string(family.second);
        }
    }
    return {};
}

bool is_engine_run(const RunRecord& run) {
    return run.kind != "command";
}

Json algorithm_of(const RunRecord& run) {
    Json algorithm = Json::object();
    if (is_engine_run(run)) {
        algorithm["algorithmType"] = "neural network";
        if (run.kind != "inference") {
            algorithm["trainingType"] = run.kind == "fine-tuning" ? "supervisedLearning" : run.kind;
        }
    }
    if (const auto model = setting_text(run.settings, "model")) {
        algorithm["foundationModelName"] = safe_text(*model);
    }
    if (const auto torch = setting_text(run.software, "libtorch")) {
        algorithm["framework"] = "libtorch";
        algorithm["frameworkVersion"] = safe_text(*torch);
    }
    if (const auto epochs = setting_number(run.settings, "epochs")) {
        algorithm["epochsNumber"] = *epochs;
    }
    if (const auto precision = setting_text(run.settings, "precision")) {
        algorithm["quantization"] = safe_text(*precision);
    }
    return algorithm;
}

Json dataset_of(const RunRecord& run) {
    Json dataset = Json::object();
    dataset["dataUsage"] = "input";
    dataset["dataType"] = is_engine_run(run) ? "text" : "other";
    if (run.work && run.work->examples) {
        const double epochs = run.work->epochs.value_or(0);
        if (run.kind == "inference") {
            dataset["dataQuantity"] = *run.work->examples;
        } else if (epochs > 0) {
            dataset["dataQuantity"] = std::round(*run.work->examples / epochs);
        }
    }
    return dataset;
}

Result<Json> task_of(const RunRecord& run, const ExtraFacts& facts) {
    Json task = Json::object();
    const std::string stage = task_stage(run, facts);
    const std::string family = task_family(run, facts);
    if (stage.empty()) {
        return missing(run, "a task stage", "add --task-stage, e.g. finetuning or inference");
    }
    if (family.empty()) {
        return missing(run, "a task family", "add --task-family, e.g. 'text classification'");
    }
    task["taskStage"] = safe_text(stage);
    task["taskFamily"] = safe_text(family);
    if (run.kind == "inference" && run.work && run.work->examples) {
        task["nbRequest"] = *run.work->examples;
    }
    task["algorithms"] = Json::array({algorithm_of(run)});
    task["dataset"] = Json::array({dataset_of(run)});
    const auto accuracy = run.scores.find("accuracy");
    if (accuracy != run.scores.end() && accuracy->second >= 0 && accuracy->second <= 1) {
        task["measuredAccuracy"] = accuracy->second;
    }
    const EnergySummary& energy = run.energy;
    if (energy.energy && energy.energy_low && energy.energy_high) {
        task["taskDescription"] =
            fmt::format("energy {} kWh, {}", figure_text(energy.energy->as_kwh(), {}, {}),
                        "range " +
                            range_text(energy.energy->as_kwh(), energy.energy_low->as_kwh(),
                                       energy.energy_high->as_kwh()) +
                            " kWh");
    }
    return task;
}

/// The source's name of the first counted channel of a component: "powercap:package-0" gives
/// "powercap". RAPL's three readers are called "rapl", as other tools call them.
std::string tracking_mode(const RunRecord& run, std::string_view component) {
    for (const ComponentEnergy& part : run.energy.components) {
        if (part.component == component && part.counted) {
            const std::string source = part.source.substr(0, part.source.find(':'));
            const bool is_rapl = source == "powercap" || source == "perf" || source == "msr";
            return safe_text(is_rapl ? "rapl" : source);
        }
    }
    return {};
}

Result<Json> measure_of(const RunRecord& run) {
    if (!run.energy.energy) {
        return missing(run, "the energy",
                       run.energy.reason ? safe_text(*run.energy.reason)
                                         : "see `finewatt doctor` for what mends it");
    }
    Json measure = Json::object();
    measure["measurementMethod"] = "finewatt";
    if (const auto version = setting_text(run.software, "finewatt")) {
        measure["version"] = safe_text(*version);
    }
    if (const std::string mode = tracking_mode(run, "cpu"); !mode.empty()) {
        measure["cpuTrackingMode"] = mode;
    }
    if (const std::string mode = tracking_mode(run, "gpu"); !mode.empty()) {
        measure["gpuTrackingMode"] = mode;
    }
    measure["powerConsumption"] = run.energy.energy->as_kwh();
    if (run.duration_s) {
        measure["measurementDuration"] = *run.duration_s;
    }
    measure["measurementDateTime"] = local_time_text(run.started_at, ' ');
    return measure;
}

Json component_of(std::string_view type, std::int64_t count) {
    Json component = Json::object();
    component["componentType"] = type;
    component["nbComponent"] = count;
    return component;
}

Json components_of(const RunRecord& run) {
    Json components = Json::array();
    if (const auto cpu = setting_text(run.machine, "cpu_model")) {
        const double sockets = setting_number(run.machine, "cpu_sockets").value_or(1);
        Json component = component_of("cpu", static_cast<std::int64_t>(std::max(1.0, sockets)));
        component["componentName"] = safe_text(*cpu);
        if (const auto vendor = setting_text(run.machine, "cpu_vendor")) {
            component["manufacturer"] = safe_text(*vendor);
        }
        components.push_back(std::move(component));
    }
    for (const GpuGroup& group : gpus_of(run)) {
        Json component = component_of("gpu", group.count);
        component["componentName"] = safe_text(group.name);
        components.push_back(std::move(component));
    }
    if (const auto bytes = setting_number(run.machine, "memory_bytes"); bytes && *bytes >= 0) {
        Json component = component_of("ram", 1);
        component["memorySize"] = static_cast<std::int64_t>(
            std::round(std::min(*bytes, 1e18) / (1024.0 * 1024.0 * 1024.0)));
        components.push_back(std::move(component));
    }
    return components;
}

Result<Json> infrastructure_of(const RunRecord& run, const ExtraFacts& facts) {
    constexpr std::array<std::string_view, 4> kTypes{"publicCloud", "privateCloud", "onPremise",
                                                     "other"};
    // The schema asks for one; "other" is the one that claims nothing.
    const bool is_cloud = !place_of(run).cloud_provider.empty();
    const std::string unsaid = is_cloud ? "publicCloud" : "other";
    const std::string& type = facts.infrastructure.empty() ? unsaid : facts.infrastructure;
    if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "infrastructure: expected publicCloud, privateCloud, onPremise or "
                              "other, found '{}'",
                              safe_text(type));
    }
    Json infrastructure = Json::object();
    infrastructure["infraType"] = type;
    if (const RunPlace place = place_of(run); !place.cloud_provider.empty()) {
        infrastructure["cloudProvider"] = safe_text(place.cloud_provider);
    }
    Json components = components_of(run);
    if (components.empty()) {
        return missing(run, "a component of the machine (processor, GPU or memory)",
                       "measure the job with this version of finewatt");
    }
    infrastructure["components"] = std::move(components);
    return infrastructure;
}

/// The environment; null where the country, which the schema asks for, is unknown.
Json environment_of(const RunRecord& run, const ExtraFacts& facts) {
    const RunPlace place = place_of(run);
    std::string country = facts.country;
    if (country.empty()) {
        country = place.country.empty() ? place.country_iso : place.country;
    }
    if (country.empty()) {
        return nullptr;
    }
    Json environment = Json::object();
    environment["country"] = safe_text(country);
    const std::string& location = facts.location.empty() ? place.region : facts.location;
    if (!location.empty()) {
        environment["location"] = safe_text(location);
    }
    // The schema means grams of CO2-equivalent; a factor of CO2 alone has no place there.
    if (run.carbon && run.carbon->intensity && run.carbon->basis == "co2e") {
        environment["powerSourceCarbonIntensity"] = run.carbon->intensity->as_grams_per_kwh();
    }
    return environment;
}

/// The schema's class for the half width of the range: within 10, 25 or 50 %. Nothing for a wider
/// or an unknown range.
std::optional<std::string_view> quality_of(const EnergySummary& energy) {
    if (!energy.energy || !energy.energy_low || !energy.energy_high ||
        energy.energy->as_joules() <= 0) {
        return std::nullopt;
    }
    const double share =
        std::max(*energy.energy_high - *energy.energy, *energy.energy - *energy.energy_low) /
        *energy.energy;
    if (share <= 0.10) {
        return "high";
    }
    if (share <= 0.25) {
        return "medium";
    }
    return share <= 0.50 ? std::optional<std::string_view>("low") : std::nullopt;
}

}  // namespace

Result<std::string> write_boamps(std::span<const RunRecord> runs, const ExtraFacts& facts) {
    const RunRecord& run = runs.front();
    Json report = Json::object();
    report["header"] = {
        {"formatVersion", "1.1.0"},
        {"formatVersionSpecificationUri", "https://github.com/Boavizta/BoAmps/tree/main/model"},
        {"reportId", safe_text(run.run_id)},
        {"reportDatetime", local_time_text(end_of(run), ' ')},
        {"reportStatus", run.status == "complete" ? "final" : "draft"}};
    FINEWATT_ASSIGN(report["task"], task_of(run, facts));
    FINEWATT_ASSIGN(Json measure, measure_of(run));
    report["measures"] = Json::array({std::move(measure)});
    report["system"] = {{"os", "linux"}};
    if (is_engine_run(run)) {
        report["software"] = {{"language", "c++"}};
    }
    FINEWATT_ASSIGN(report["infrastructure"], infrastructure_of(run, facts));
    if (Json environment = environment_of(run, facts); !environment.is_null()) {
        report["environment"] = std::move(environment);
    }
    if (const auto quality = quality_of(run.energy)) {
        report["quality"] = *quality;
    }
    return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace finewatt::exchange
