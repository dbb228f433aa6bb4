// `finewatt replay` on traces written by hand and by `measure --trace`.

#include <gtest/gtest.h>

#include "program.h"

namespace finewatt::e2e {
namespace {

class Replay : public ProgramTest {};

TEST_F(Replay, WorkedExampleOfTheFormatPageComesOut) {
    const auto trace = tree_.write(
        "trace.jsonl",
        R"({"finewatt_trace":1,"started_at":"2026-11-23T04:28:00Z","channels":[{"id":"pkg0","kind":"counter","unit":"uJ","range":1000000,"max_power_w":5,"domain":"package","device":"cpu0","window_ms":null,"update_ms":1}]})"
        "\n"
        R"({"t_ns":0,"phase":"train","edge":"begin"})"
        "\n"
        R"({"t_ns":0,"id":"pkg0","raw":900000})"
        "\n"
        R"({"t_ns":100000000,"id":"pkg0","raw":100000})"
        "\n"
        R"({"t_ns":200000000,"id":"pkg0","error":"EIO"})"
        "\n"
        R"({"t_ns":300000000,"id":"pkg0","raw":500000})"
        "\n"
        R"({"t_ns":300000000,"phase":"train","edge":"end"})"
        "\n");
    const auto result = finewatt({"replay", trace.string(), "--json"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json total = nlohmann::json::parse(result.stdout_text)["total"];
    EXPECT_NEAR(total["energy_j"].get<double>(), 0.6, 1e-9);
    EXPECT_NEAR(total["energy_j_low"].get<double>(), 0.597999, 1e-9);
    EXPECT_NEAR(total["energy_j_high"].get<double>(), 0.602001, 1e-9);
    EXPECT_EQ(total["wraps"], 1);
    EXPECT_EQ(total["gaps"], 1);
}

TEST_F(Replay, RecordedRunGivesItsEnergyAgain) {
    const std::string trace = (tree_.path() / "trace.jsonl").string();
    const auto measured = finewatt({"measure", "--json", "--trace", trace, "--", "sleep", "0.5"});
    const nlohmann::json record = last_line_json(measured.stdout_text);
    const auto replayed = finewatt({"replay", trace, "--json"});
    ASSERT_EQ(replayed.exit_status, 0) << replayed.stderr_text;
    const nlohmann::json total = nlohmann::json::parse(replayed.stdout_text)["total"];
    EXPECT_EQ(total["energy_j"], record["energy"]["energy_j"]);
}

TEST_F(Replay, DashReadsStandardInput) {
    stdin_text_ =
        R"({"finewatt_trace":1,"started_at":"2026-11-23T04:28:00Z","channels":[{"id":"a","kind":"counter","unit":"J","domain":"node"}]})"
        "\n"
        R"({"t_ns":0,"id":"a","raw":5})"
        "\n"
        R"({"t_ns":1000000000,"id":"a","raw":12})"
        "\n";
    const auto result = finewatt({"replay", "-", "--json"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    EXPECT_EQ(nlohmann::json::parse(result.stdout_text)["total"]["energy_j"], 7.0);
    *stdin_text_ += "{\"t_ns\":5}\n";
    const auto broken = finewatt({"replay", "-", "--json"});
    EXPECT_EQ(broken.exit_status, 4);
    EXPECT_EQ(broken.stdout_text, "");
    EXPECT_NE(broken.stderr_text.find("-:4: expected"), std::string::npos) << broken.stderr_text;
}

TEST_F(Replay, MalformedTraceIsRefusedWithFileAndLine) {
    const auto trace = tree_.write("trace.jsonl", "{\"finewatt_trace\":1}\n");
    const auto result = finewatt({"replay", trace.string(), "--json"});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_EQ(result.stdout_text, "");
    EXPECT_NE(result.stderr_text.find("trace.jsonl:1:"), std::string::npos) << result.stderr_text;
}

}  // namespace
}  // namespace finewatt::e2e
