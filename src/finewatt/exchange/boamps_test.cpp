#include "finewatt/exchange/boamps_internal.h"
#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

namespace finewatt::exchange {
namespace {

using Json = nlohmann::json;

Result<std::string> write(const RunRecord& run, const ExtraFacts& facts = {}) {
    return write_boamps(std::span(&run, 1), facts);
}

Json report_of(const RunRecord& run, const ExtraFacts& facts = {}) {
    const Result<std::string> text = write(run, facts);
    EXPECT_OK(text);
    return text ? Json::parse(*text, nullptr, false) : Json();
}

void expect_keys(const Json& object, const std::set<std::string>& allowed,
                 const std::set<std::string>& required) {
    ASSERT_TRUE(object.is_object()) << object;
    for (const auto& item : object.items()) {
        EXPECT_EQ(allowed.count(item.key()), 1U) << item.key();
        EXPECT_FALSE(item.value().is_null()) << item.key();
    }
    for (const std::string& key : required) {
        EXPECT_TRUE(object.contains(key)) << key;
    }
}

/// The rules of BoAmps 1.1.0's five schemas for the keys that we write.
void expect_valid(const Json& report) {
    expect_keys(report,
                {"header", "task", "measures", "system", "software", "infrastructure",
                 "environment", "quality"},
                {"task", "measures", "infrastructure"});
    expect_keys(report["header"],
                {"formatVersion", "formatVersionSpecificationUri", "reportId", "reportDatetime",
                 "reportStatus"},
                {"reportDatetime"});
    const Json& task = report["task"];
    expect_keys(task,
                {"taskStage", "taskFamily", "nbRequest", "algorithms", "dataset",
                 "measuredAccuracy", "taskDescription"},
                {"taskStage", "taskFamily", "algorithms", "dataset"});
    ASSERT_GE(task["algorithms"].size(), 1U);
    expect_keys(task["algorithms"][0],
                {"trainingType", "algorithmType", "foundationModelName", "framework",
                 "frameworkVersion", "epochsNumber", "quantization"},
                {});
    ASSERT_GE(task["dataset"].size(), 1U);
    expect_keys(task["dataset"][0], {"dataUsage", "dataType", "dataQuantity"},
                {"dataUsage", "dataType"});
    EXPECT_EQ(task["dataset"][0]["dataUsage"], "input");
    ASSERT_GE(report["measures"].size(), 1U);
    expect_keys(report["measures"][0],
                {"measurementMethod", "version", "cpuTrackingMode", "gpuTrackingMode",
                 "powerConsumption", "measurementDuration", "measurementDateTime"},
                {"measurementMethod", "powerConsumption"});
    EXPECT_TRUE(report["measures"][0]["powerConsumption"].is_number());
    const Json& infrastructure = report["infrastructure"];
    expect_keys(infrastructure, {"infraType", "cloudProvider", "components"},
                {"infraType", "components"});
    ASSERT_GE(infrastructure["components"].size(), 1U);
    for (const Json& component : infrastructure["components"]) {
        expect_keys(component,
                    {"componentType", "nbComponent", "componentName", "manufacturer", "memorySize"},
                    {"componentType", "nbComponent"});
        EXPECT_TRUE(component["nbComponent"].is_number_integer());
        EXPECT_TRUE(!component.contains("memorySize") ||
                    component["memorySize"].is_number_integer());
    }
    if (report.contains("environment")) {
        expect_keys(report["environment"], {"country", "location", "powerSourceCarbonIntensity"},
                    {"country"});
    }
}

TEST(WriteBoamps, ReportOfATrainingIsValid) {
    const Json report = report_of(sample_run());
    expect_valid(report);
    EXPECT_EQ(report["task"]["taskStage"], "finetuning");
    EXPECT_EQ(report["task"]["taskFamily"], "text classification");
    EXPECT_EQ(report["task"]["measuredAccuracy"], 0.6643);
    EXPECT_EQ(report["task"]["dataset"][0]["dataQuantity"], 2490);
    EXPECT_EQ(report["task"]["algorithms"][0]["foundationModelName"], "bert-base-uncased");
    const Json& measure = report["measures"][0];
    EXPECT_NEAR(measure["powerConsumption"].get<double>(), 0.01, 1e-12);  // kWh, without PUE
    EXPECT_EQ(measure["measurementDuration"], 100);
    EXPECT_EQ(measure["measurementDateTime"], "2026-11-23 04:28:00");
    EXPECT_EQ(measure["cpuTrackingMode"], "rapl");
    EXPECT_EQ(measure["gpuTrackingMode"], "nvml");
    EXPECT_EQ(report["header"]["reportDatetime"], "2026-11-23 04:29:40");
    const Json& parts = report["infrastructure"]["components"];
    ASSERT_EQ(parts.size(), 3U);
    EXPECT_EQ(parts[0]["nbComponent"], 2);
    EXPECT_EQ(parts[1]["componentName"], "NVIDIA A40");
    EXPECT_EQ(parts[2]["memorySize"], 192);
    EXPECT_EQ(report["environment"]["country"], "United States");
}

TEST(WriteBoamps, QualityFollowsFromTheRange) {
    RunRecord run = sample_run();
    EXPECT_EQ(report_of(run)["quality"], "high");
    run.energy.energy_high = joules(36'000 * 1.25);
    EXPECT_EQ(report_of(run)["quality"], "medium");
    run.energy.energy_low = joules(36'000 * 0.5);
    EXPECT_EQ(report_of(run)["quality"], "low");
    run.energy.energy_low = joules(36'000 * 0.4);
    EXPECT_FALSE(report_of(run).contains("quality"));
    run.energy.energy_low.reset();
    EXPECT_FALSE(report_of(run).contains("quality"));
}

TEST(WriteBoamps, IntensityIsGivenOnlyAsEquivalents) {
    RunRecord run = sample_run();
    EXPECT_FALSE(report_of(run)["environment"].contains("powerSourceCarbonIntensity"));
    run.carbon->basis = "co2e";
    EXPECT_EQ(report_of(run)["environment"]["powerSourceCarbonIntensity"], 474.5);
}

TEST(WriteBoamps, CommandNeedsFactsAndIsValidWithThem) {
    RunRecord run = sample_run();
    run.kind = "command";
    run.settings.clear();
    run.carbon.reset();
    EXPECT_ERROR(kInvalidArgument, write(run), "--task-stage");
    EXPECT_ERROR(kInvalidArgument, write(run, {.task_stage = "inference"}), "--task-family");
    ExtraFacts facts;
    facts.task_stage = "inference";
    facts.task_family = "chatbot";
    facts.infrastructure = "onPremise";
    const Json report = report_of(run, facts);
    expect_valid(report);
    EXPECT_EQ(report["infrastructure"]["infraType"], "onPremise");
    EXPECT_FALSE(report.contains("environment"));
    facts.infrastructure = "basement";
    EXPECT_ERROR(kInvalidArgument, write(run, facts), "found 'basement'");
}

TEST(WriteBoamps, UnknownEnergyOrMachineIsRefused) {
    RunRecord run = sample_run();
    run.energy.energy.reset();
    run.energy.reason = "no counter could be read";
    EXPECT_ERROR(kInvalidArgument, write(run), "no counter could be read");
    run = sample_run();
    run.machine.clear();
    EXPECT_ERROR(kInvalidArgument, write(run), "a component of the machine");
}

TEST(WriteBoamps, CloudRunIsPublicCloud) {
    RunRecord run = sample_run();
    run.carbon->zone = "gcp/us-central1";
    run.carbon->edition = "Google 2024";
    const Json report = report_of(run, {.country = "United States"});
    expect_valid(report);
    EXPECT_EQ(report["infrastructure"]["infraType"], "publicCloud");
    EXPECT_EQ(report["infrastructure"]["cloudProvider"], "gcp");
}

TEST(WriteBoamps, HostileTextsStayTexts) {
    ExtraFacts facts;
    facts.task_stage = "finetuning";
    facts.task_family = "qa";
    for (const std::string_view text : kHostileTexts) {
        const Json report = report_of(hostile_run(text), facts);
        expect_valid(report);
        EXPECT_EQ(report.dump().find('\x1b'), std::string::npos);
    }
}

TEST(WriteBoamps, HostnameStaysOnTheMachine) {
    EXPECT_EQ(write(sample_run()).value().find("secret-host"), std::string::npos);
}

}  // namespace
}  // namespace finewatt::exchange
