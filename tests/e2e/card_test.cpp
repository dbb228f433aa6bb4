// `finewatt card` as a real program, over runs that `finewatt measure` stored.

#include "finewatt/base/file.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "program.h"

namespace finewatt::e2e {
namespace {

/// Two stored runs: "placed" whose grid is known, "lost" whose grid is not.
class Card : public ProgramTest {
  protected:
    void SetUp() override {
        measure("placed", {"--place", "zip:15213"});
        measure("lost", {});
    }

    void measure(const std::string& name, const std::vector<std::string>& options) {
        std::vector<std::string> arguments{"measure", "--name", name};
        arguments.insert(arguments.end(), options.begin(), options.end());
        arguments.insert(arguments.end(), {"--", "sleep", "0.3"});
        const auto measured = finewatt(arguments);
        ASSERT_EQ(measured.exit_status, 0) << measured.stderr_text;
    }

    nlohmann::json record(const std::string& name) {
        return nlohmann::json::parse(finewatt({"runs", "show", name, "--json"}).stdout_text);
    }

    std::string path(const std::string& name) const { return (tree_.path() / name).string(); }
};

TEST_F(Card, ModelCardBlockHoldsTheGramsOfTheRecord) {
    const auto card = finewatt({"card", "placed"});
    ASSERT_EQ(card.exit_status, 0) << card.stderr_text;
    EXPECT_TRUE(card.stdout_text.starts_with("---\nco2_eq_emissions:\n  emissions: "));
    const double grams =
        std::stod(card.stdout_text.substr(card.stdout_text.find("emissions: ") + 11));
    EXPECT_NEAR(grams, record("placed")["carbon"]["co2_kg"].get<double>() * 1000, grams * 1e-12);
}

TEST_F(Card, RunWithoutAPlaceIsRefusedWithTheWayOut) {
    const auto card = finewatt({"card", "lost"});
    EXPECT_EQ(card.exit_status, 4);
    EXPECT_TRUE(card.stdout_text.empty());
    EXPECT_NE(card.stderr_text.find("--place"), std::string::npos) << card.stderr_text;
}

TEST_F(Card, IntoSetsOneKeyOfACardThatExists) {
    const std::string file = tree_.write("README.md", "---\nlicense: mit\n---\n# Model\n");
    const auto card =
        finewatt({"card", "placed", "--into", file, "--training-type", "pre-training"});
    ASSERT_EQ(card.exit_status, 0) << card.stderr_text;
    EXPECT_TRUE(card.stdout_text.empty());
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(file));
    EXPECT_TRUE(text.starts_with("---\nlicense: mit\nco2_eq_emissions:\n")) << text;
    EXPECT_NE(text.find("  training_type: \"pre-training\"\n"), std::string::npos);
    EXPECT_TRUE(text.ends_with("---\n# Model\n"));

    const auto again = finewatt({"card", "lost", "--into", file});
    EXPECT_EQ(again.exit_status, 4);
    EXPECT_EQ(read_file(file).value_or(""), text);  // a failure leaves the card as it was
}

TEST_F(Card, CodecarbonFileGrowsRunByRun) {
    const std::string file = path("emissions.csv");
    for (const std::string name : {"placed", "lost"}) {
        const auto card =
            finewatt({"card", name, "--format", "codecarbon", "--out", file, "--append"});
        ASSERT_EQ(card.exit_status, 0) << card.stderr_text;
    }
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(file));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3);
    EXPECT_NE(text.find(record("lost")["run_id"].get<std::string>()), std::string::npos);
    const auto twice =
        finewatt({"card", "lost", "--format", "codecarbon", "--out", file, "--append"});
    EXPECT_EQ(twice.exit_status, 4);
    EXPECT_EQ(read_file(file).value_or(""), text);
}

TEST_F(Card, JsonWrapsTheDocument) {
    const auto card = finewatt({"card", "placed", "--format", "boamps", "--task-stage", "inference",
                                "--task-family", "chatbot", "--json"});
    ASSERT_EQ(card.exit_status, 0) << card.stderr_text;
    const nlohmann::json answer = nlohmann::json::parse(card.stdout_text);
    EXPECT_EQ(answer["format"], "boamps");
    EXPECT_EQ(answer["run_ids"][0], record("placed")["run_id"]);
    EXPECT_TRUE(answer["file"].is_null());
    EXPECT_EQ(answer["document"]["task"]["taskStage"], "inference");

    const auto rows = finewatt({"card", "placed", "lost", "--format", "csv", "--json"});
    const nlohmann::json text = nlohmann::json::parse(rows.stdout_text);
    EXPECT_TRUE(text["document"].is_string());
    EXPECT_EQ(text["run_ids"].size(), 2U);
}

TEST_F(Card, RowsOfSeveralRuns) {
    const auto latex = finewatt({"card", "placed", "lost", "--format", "latex"});
    ASSERT_EQ(latex.exit_status, 0) << latex.stderr_text;
    EXPECT_NE(latex.stdout_text.find("\\toprule"), std::string::npos);
    EXPECT_NE(latex.stdout_text.find("unknown"), std::string::npos);
    const auto prometheus =
        finewatt({"card", "placed", "--format", "prometheus", "--out", path("a.prom")});
    EXPECT_EQ(prometheus.exit_status, 0) << prometheus.stderr_text;
    EXPECT_NE(read_file(path("a.prom")).value_or("").find("finewatt_run_energy_joules_total"),
              std::string::npos);
}

TEST_F(Card, WrongUseIsToldAndWritesNothing) {
    const std::string file = path("out.txt");
    EXPECT_EQ(finewatt({"card", "placed", "--format", "yaml", "--out", file}).exit_status, 2);
    EXPECT_EQ(finewatt({"card", "placed", "--append"}).exit_status, 2);
    EXPECT_EQ(
        finewatt({"card", "placed", "--format", "boamps", "--out", file, "--append"}).exit_status,
        2);
    EXPECT_EQ(finewatt({"card", "placed", "--format", "csv", "--into", file}).exit_status, 2);
    EXPECT_EQ(finewatt({"card", "placed", "lost", "--out", file}).exit_status, 4);  // one run only
    EXPECT_EQ(finewatt({"card", "nobody", "--out", file}).exit_status, 4);
    EXPECT_EQ(finewatt({"card"}).exit_status, 2);
    EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace finewatt::e2e
