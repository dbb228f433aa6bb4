#include "finewatt/record/json.h"

#include "finewatt/testing/matchers.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <string>

namespace finewatt {
namespace {

using ::testing::ElementsAre;

RunRecord small_run() {
    RunRecord run;
    run.run_id = "01JDCAFE000000000000000000";
    run.status = "complete";
    run.started_at = WallTime::from_unix_ns(1'795'408'080'123'000'000);
    return run;
}

TEST(RunJson, KeysFollowTheFieldTable) {
    const auto json = nlohmann::ordered_json::parse(to_json(small_run()));
    std::vector<std::string> keys;
    for (const auto& item : json.items()) {
        keys.push_back(item.key());
    }
    EXPECT_THAT(keys,
                ElementsAre("run_id", "name", "kind", "status", "status_reason", "started_at",
                            "duration_s", "energy", "calibration", "calibration_reason", "baseline",
                            "attribution", "claims", "carbon", "carbon_reason", "phases", "work",
                            "derived", "scores", "settings", "machine", "software", "prediction",
                            "meter", "notes", "tags", "artifacts", "exit_status"));
}

TEST(RunJson, UnknownIsNullAndNeverZero) {
    const auto json = nlohmann::json::parse(to_json(small_run()));
    for (const char* path :
         {"/name", "/duration_s", "/calibration", "/carbon", "/work", "/prediction", "/exit_status",
          "/energy/energy_j", "/energy/provenance", "/derived/flops_per_j"}) {
        EXPECT_TRUE(json.at(nlohmann::json::json_pointer(path)).is_null()) << path;
    }
    EXPECT_EQ(json["started_at"], "2026-11-23T04:28:00.123Z");
}

TEST(RunJson, SettingsKeepTheirNaturalTypes) {
    RunRecord run = small_run();
    run.settings["batch"] = 32;
    run.settings["dropout"] = 0.0;
    run.settings["lr"] = 2e-5;
    run.settings["cased"] = false;
    run.settings["model"] = "bert-base-uncased";
    run.settings["resume"] = std::monostate{};
    const std::string text = to_json(run);
    EXPECT_THAT(text, ::testing::HasSubstr(
                          R"("settings":{"batch":32,"cased":false,"dropout":0.0,"lr":2e-05,)"
                          R"("model":"bert-base-uncased","resume":null})"));
    ASSERT_OK_AND_ASSIGN(const RunRecord back, run_from_json(text));
    EXPECT_EQ(back.settings, run.settings);
}

TEST(RunJson, QuantitiesArePlainNumbersInStoredUnits) {
    RunRecord run = small_run();
    run.energy.energy = kwh(0.5);
    run.carbon = CarbonSummary{};
    run.carbon->intensity = grams_per_kwh(474.5);
    const auto json = nlohmann::json::parse(to_json(run));
    EXPECT_EQ(json["energy"]["energy_j"], 1'800'000);
    EXPECT_EQ(json["carbon"]["intensity_g_per_kwh"], 474.5);
}

TEST(RunJson, NumbersThatAreNotFiniteBecomeNull) {
    RunRecord run = small_run();
    run.energy.energy = joules(std::numeric_limits<double>::quiet_NaN());
    run.scores["f1"] = std::numeric_limits<double>::infinity();
    run.settings["lr"] = std::numeric_limits<double>::infinity();
    const auto json = nlohmann::json::parse(to_json(run));
    EXPECT_TRUE(json["energy"]["energy_j"].is_null());
    EXPECT_TRUE(json["scores"]["f1"].is_null());
    EXPECT_TRUE(json["settings"]["lr"].is_null());
}

TEST(RunJson, IndentZeroIsOneLineAlsoForHostileText) {
    RunRecord run = small_run();
    run.name = "two\nlines \xFF and \"quotes\"";
    const std::string text = to_json(run, 0);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    ASSERT_OK_AND_ASSIGN(const RunRecord back, run_from_json(text));
    EXPECT_EQ(back.name, "two\nlines \xEF\xBF\xBD and \"quotes\"");
    EXPECT_NE(to_json(run, 2).find("\n  \"name\""), std::string::npos);
}

TEST(RunJson, ReadingSkipsUnknownKeysAndKeepsDefaultsOfMissingOnes) {
    ASSERT_OK_AND_ASSIGN(const RunRecord run,
                         run_from_json(R"({"run_id":"a","kind":"command","status":"complete",)"
                                       R"("started_at":"2026-01-01T00:00:00Z","new_thing":[1]})"));
    EXPECT_FALSE(run.duration_s.has_value());
    EXPECT_TRUE(run.phases.empty());
}

TEST(RunJson, CarbonOfAnOlderRecordIsRead) {
    // As it was written before there were ranges of intensities, water and cost.
    ASSERT_OK_AND_ASSIGN(
        const RunRecord run,
        run_from_json(R"({"run_id":"a","kind":"command","status":"complete",)"
                      R"("started_at":"2026-01-01T00:00:00Z","carbon":{"co2_kg":1.5,)"
                      R"("co2_kg_low":1,"co2_kg_high":2,"intensity_g_per_kwh":474.5,)"
                      R"("zone":"RFCW","edition":"eGRID2021","basis":"co2","source":"EPA",)"
                      R"("pue":1.2,"embodied_kg":null,"sci":null,"reason":null}})"));
    EXPECT_EQ(run.carbon->co2_kg, 1.5);
    EXPECT_EQ(run.carbon->pue, 1.2);
    EXPECT_EQ(run.carbon->intensity_low, std::nullopt);
    EXPECT_EQ(run.carbon->facility_energy, std::nullopt);
    EXPECT_EQ(run.carbon->cost_currency, std::nullopt);
}

TEST(RunJson, WrongTypeNamesThePath) {
    const std::string text =
        R"({"run_id":"a","kind":"command","status":"complete",)"
        R"("started_at":"2026-01-01T00:00:00Z","energy":{"components":[{},{"energy_j":"5"}]}})";
    EXPECT_ERROR(kCorrupt, run_from_json(text),
                 "run record: energy: components: [1]: energy_j: expected a number, found \"5\"");
}

TEST(RunJson, BadDocumentsAreErrorsThatSayWhy) {
    EXPECT_ERROR(kCorrupt, run_from_json("{\"run_id\":"), "parse error at line 1");
    EXPECT_ERROR(kCorrupt, run_from_json("[]"), "expected a JSON object, found []");
    EXPECT_ERROR(kCorrupt, run_from_json("{}"), "'run_id'");
    const std::string bad_time =
        R"({"run_id":"a","kind":"command","status":"complete","started_at":"yesterday"})";
    EXPECT_ERROR(kCorrupt, run_from_json(bad_time), "started_at: expected a UTC time");
    const std::string big_exit =
        R"({"run_id":"a","kind":"c","status":"d","started_at":"2026-01-01T00:00:00Z",)"
        R"("exit_status":18446744073709551615})";
    EXPECT_ERROR(kCorrupt, run_from_json(big_exit), "exit_status: expected a whole number of 32");
}

}  // namespace
}  // namespace finewatt
