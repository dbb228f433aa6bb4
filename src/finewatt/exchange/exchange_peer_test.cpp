// What we write is read by the tools the formats belong to, and what they write is read by us.
#include "finewatt/base/file.h"
#include "finewatt/base/subprocess.h"
#include "finewatt/exchange/formats.h"
#include "finewatt/exchange/model_card.h"
#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>

namespace finewatt::exchange {
namespace {

using Json = nlohmann::json;

SubprocessResult run_python(std::vector<std::string> arguments) {
    SubprocessOptions options;
    options.argv = {testing::venv_python().string()};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.environment = {{"HF_HUB_OFFLINE", "1"}, {"PYTHONDONTWRITEBYTECODE", "1"}};
    options.timeout = std::chrono::seconds(100);
    Result<SubprocessResult> result = run_subprocess(options);
    return result ? *std::move(result) : SubprocessResult{};
}

class ExchangePeer : public ::testing::Test {
  protected:
    /// Skip where the environment lacks a module.
    static bool has_module(const std::string& module) {
        return std::filesystem::exists(testing::venv_python()) &&
               run_python({"-c", "import " + module}).exit_status == 0;
    }

    /// Run the peer script; return what it printed.
    static Json ask(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(),
                         testing::source_dir() + "/tests/parity/exchange_peer.py");
        const SubprocessResult result = run_python(std::move(arguments));
        EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
        Json answer = Json::parse(result.stdout_text, nullptr, false);
        EXPECT_FALSE(answer.is_discarded()) << result.stdout_text;
        return answer.is_discarded() ? Json::object() : answer;
    }

    /// Write a document into a file of its own folder.
    std::string write(std::string_view format, const std::vector<RunRecord>& runs) {
        const Result<std::string> text = write_runs(format, runs);
        EXPECT_OK(text);
        return tree_.write(std::string("files/") + std::string(format), text.value_or(""));
    }

    testing::TempTree tree_;
};

#define FINEWATT_SKIP_WITHOUT(module)                               \
    if (!has_module(module)) {                                      \
        GTEST_SKIP() << "no Python environment with " << (module)   \
                     << ": run scripts/setup or set FINEWATT_VENV"; \
    }

TEST_F(ExchangePeer, CodecarbonAppendsToOurFileAndPandasReadsIt) {
    FINEWATT_SKIP_WITHOUT("codecarbon");
    for (const std::string mode : {"append", "update"}) {
        const std::string file = write("codecarbon", {sample_run(), unknown_run()});
        Json answer = ask({"codecarbon", file, mode});
        EXPECT_EQ(answer["valid"], true);
        // No backup: CodeCarbon took our header for its own.
        EXPECT_EQ(answer["files"], Json::array({"codecarbon"}));
        ASSERT_EQ(answer["rows"].size(), 3U);
        Json& ours = answer["rows"][0];
        EXPECT_EQ(ours["run_id"], sample_run().run_id);
        EXPECT_NEAR(ours["energy_consumed"].get<double>(), 0.011, 1e-15);
        EXPECT_EQ(ours["emissions"], 0.0052195);
        EXPECT_EQ(ours["pue"], 1.1);
        EXPECT_TRUE(answer["rows"][1]["emissions"].is_null());
        EXPECT_EQ(answer["rows"][2]["run_id"], "peer-run");
        EXPECT_EQ(answer["rows"][2]["pue"], 1.2);

        ASSERT_OK_AND_ASSIGN(const auto back, read_runs("codecarbon", file));
        ASSERT_EQ(back.size(), 3U);
        EXPECT_EQ(back[0].run.run_id, sample_run().run_id);
        EXPECT_EQ(back[2].foreign_id, "peer-run");
    }
}

TEST_F(ExchangePeer, FileOfCodecarbonItselfIsReadAndExtended) {
    FINEWATT_SKIP_WITHOUT("codecarbon");
    const std::string file = (tree_.path() / "own" / "emissions.csv").string();
    std::filesystem::create_directory(tree_.path() / "own");
    ask({"codecarbon", file, "append"});
    ASSERT_OK_AND_ASSIGN(const auto runs, read_runs("codecarbon", file));
    ASSERT_EQ(runs.size(), 1U);
    const RunRecord& run = runs[0].run;
    EXPECT_EQ(run.name, "peer, \"quoted\"");
    EXPECT_NEAR(run.energy.energy.value().as_kwh(), 0.0006 / 1.2, 1e-15);
    EXPECT_EQ(run.carbon->pue, 1.2);
    EXPECT_EQ(run.carbon->zone, "FRA");
    EXPECT_EQ(run.energy.domains, (std::vector<std::string>{"package", "dram"}));

    ASSERT_OK(append_runs("codecarbon", std::vector{sample_run()}, file));
    Json answer = ask({"codecarbon", file, "append"});
    ASSERT_EQ(answer["rows"].size(), 3U);
    EXPECT_EQ(answer["rows"][1]["run_id"], sample_run().run_id);
    EXPECT_EQ(answer["rows"][1]["gpu_model"], "2 x NVIDIA A40");
}

TEST_F(ExchangePeer, HubReadsTheModelCard) {
    FINEWATT_SKIP_WITHOUT("huggingface_hub");
    std::vector<std::string> arguments{"card"};
    for (const std::string_view text : kHostileTexts) {
        const std::string old =
            "---\nlicense: mit\nco2_eq_emissions: 7\ntags: [bert, \"a: b\"]\n---\n# Title\n";
        ASSERT_OK_AND_ASSIGN(const std::string card, update_model_card(old, hostile_run(text), {}));
        arguments.push_back(
            tree_.write(fmt::format("{}/README.md", arguments.size()), card).string());
    }
    Json cards = ask(arguments);
    ASSERT_EQ(cards.size(), kHostileTexts.size());
    for (Json& data : cards) {
        EXPECT_EQ(data["license"], "mit");
        EXPECT_EQ(data["tags"], Json::array({"bert", "a: b"}));
        EXPECT_EQ(data.size(), 3U) << data;
        Json& block = data["co2_eq_emissions"];
        EXPECT_NEAR(block["emissions"].get<double>(), 5.2195, 1e-12);
        EXPECT_TRUE(block["source"].is_string());
    }
}

TEST_F(ExchangePeer, SmallEmissionsStayANumber) {
    FINEWATT_SKIP_WITHOUT("huggingface_hub");
    RunRecord run = sample_run();
    run.carbon->co2_kg = 3.5e-9;
    Json cards = ask({"card", write("model-card", {run})});
    ASSERT_EQ(cards.size(), 1U);
    EXPECT_NEAR(cards[0]["co2_eq_emissions"]["emissions"].get<double>(), 3.5e-6, 1e-18);
}

TEST_F(ExchangePeer, CodecarbonsBoampsClassesTakeTheReport) {
    FINEWATT_SKIP_WITHOUT("codecarbon.output_methods.boamps");
    EXPECT_EQ(ask({"boamps", write("boamps", {sample_run()})})["same"], true);
}

TEST_F(ExchangePeer, PrometheusClientParsesTheTextFile) {
    FINEWATT_SKIP_WITHOUT("prometheus_client");
    std::vector<std::string> arguments{"prometheus"};
    for (const std::string_view text : kHostileTexts) {
        const std::vector<RunRecord> runs{hostile_run(text), unknown_run()};
        ASSERT_OK_AND_ASSIGN(const std::string document, write_runs("prometheus", runs));
        arguments.push_back(
            tree_.write(fmt::format("{}.prom", arguments.size()), document).string());
    }
    Json answers = ask(arguments);
    ASSERT_EQ(answers.size(), kHostileTexts.size());
    for (Json& answer : answers) {
        EXPECT_EQ(answer["types"]["finewatt_run_energy_joules"], "counter");
        bool is_found = false;
        for (Json& sample : answer["samples"]) {
            is_found =
                is_found || (sample[0] == "finewatt_run_energy_joules_total" &&
                             sample[1]["run_id"] == sample_run().run_id && sample[2] == 36'000.0);
            EXPECT_EQ(sample[0].get<std::string>().find("finewatt_run_"), 0U);
        }
        EXPECT_TRUE(is_found) << answer;
    }
}

}  // namespace
}  // namespace finewatt::exchange
