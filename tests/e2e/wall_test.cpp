// `finewatt measure --wall` and `doctor --wall` as real programs, with meters in this process.

#include "finewatt/base/file.h"
#include "finewatt/testing/local_server.h"

#include <gtest/gtest.h>

#include "program.h"

namespace finewatt::e2e {
namespace {

using testing::LocalHttpServer;
using testing::ServedAnswer;
using testing::ServedRequest;

class Wall : public ProgramTest {
  protected:
    std::string meter(const std::string& rest) const {
        return "json+http://" + server.host() + "/meter?" + rest;
    }

    LocalHttpServer server{[](const ServedRequest&) {
        return ServedAnswer{200, R"({"a":100,"b":50})"};
    }};
};

TEST_F(Wall, OutletsAreInTheRecordEachWithItsEnergy) {
    const auto result = finewatt({"measure", "--json", "--wall", meter("power=/a&name=left"),
                                  "--wall", meter("power=/b&name=right"), "--", "sleep", "1.2"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json record = last_line_json(result.stdout_text);
    const double duration_s = record["duration_s"].get<double>();
    std::map<std::string, nlohmann::json> nodes;
    for (const nlohmann::json& component : record["energy"]["components"]) {
        if (component["component"] == "node") {
            nodes[component["device"]] = component;
        }
    }
    ASSERT_EQ(nodes.size(), 2U) << record["energy"].dump(1);
    const auto expect_energy = [&](const std::string& device, double power_w) {
        const nlohmann::json& node = nodes.at(device);
        const double covered_s = duration_s * node["coverage"].get<double>();
        EXPECT_NEAR(node["energy_j"].get<double>(), power_w * covered_s, 1) << node.dump(1);
        EXPECT_GT(node["coverage"].get<double>(), 0.9);
        EXPECT_EQ(node["provenance"], "derived");
    };
    expect_energy("wall:left", 100);
    expect_energy("wall:right", 50);
}

TEST_F(Wall, MeterThatDoesNotAnswerCostsNoRun) {
    server.stop();
    const std::string marker = (tree_.path() / "started").string();
    const auto result = finewatt({"measure", "--wall", meter("power=/a"), "--", "touch", marker});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_NE(result.stderr_text.find("nobody answers there"), std::string::npos)
        << result.stderr_text;
    EXPECT_FALSE(std::filesystem::exists(marker));
}

TEST_F(Wall, PasswordOnTheCommandLineIsRefusedAndNotRepeated) {
    const auto result = finewatt({"measure", "--wall", "shelly://admin:hush@plug", "--", "true"});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_NE(result.stderr_text.find("FINEWATT_WALL_PASSWORD"), std::string::npos);
    EXPECT_EQ(result.stderr_text.find("hush"), std::string::npos);
}

TEST_F(Wall, PasswordOfTheEnvironmentIsInNoOutput) {
    extra_environment_ = {{"FINEWATT_WALL_USER", "ann"}, {"FINEWATT_WALL_PASSWORD", "hush"}};
    const std::string trace = (tree_.path() / "trace.jsonl").string();
    const auto result = finewatt({"measure", "--json", "--trace", trace, "--wall",
                                  meter("power=/a&auth=bearer"), "--", "true"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    ASSERT_OK_AND_ASSIGN(const std::string readings, read_file(trace));
    EXPECT_EQ((result.stdout_text + result.stderr_text + readings).find("hush"), std::string::npos);
    EXPECT_EQ(server.requests().at(0).headers.at("authorization"), "Bearer hush");
}

TEST_F(Wall, DoctorSaysWhichMeterAnswers) {
    const auto result = finewatt({"doctor", "--json", "--wall", meter("power=/a&name=plug"),
                                  "--wall", meter("power=/none&name=wrong")});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    std::map<std::string, std::string> status;
    const nlohmann::json answer = nlohmann::json::parse(result.stdout_text);
    for (const nlohmann::json& source : answer["sources"]) {
        status[source["name"]] = source["status"];
    }
    EXPECT_EQ(status["wall:plug"], "usable");
    EXPECT_EQ(status["wall:wrong"], "absent");
}

TEST_F(Wall, HttpLibraryIsLoadedOnlyForAMeterThatNeedsIt) {
    const std::vector<std::string> look{"--", "sh", "-c", "grep -c libcurl /proc/$PPID/maps"};
    std::vector<std::string> without{"measure", "-q"};
    without.insert(without.end(), look.begin(), look.end());
    EXPECT_EQ(finewatt(without).stdout_text, "0\n");
    std::vector<std::string> with{"measure", "-q", "--wall", meter("power=/a")};
    with.insert(with.end(), look.begin(), look.end());
    EXPECT_NE(finewatt(with).stdout_text, "0\n");
}

}  // namespace
}  // namespace finewatt::e2e
