// `finewatt runs compare` as a real program; its figures are tested beside run_compare.cpp.

#include <cmath>

#include "runs_fixture.h"

namespace finewatt::e2e {
namespace {

class RunsCompare : public RunsTest {
  protected:
    void store_repeats() {
        store({run_of(1, "slow", 98), run_of(2, "slow", 100), run_of(3, "slow", 102),
               run_of(4, "fast", 78), run_of(5, "fast", 80), run_of(6, "fast", 82)});
    }
};

TEST_F(RunsCompare, NamesWithRepeatsAreComparedByTheirSpread) {
    store_repeats();
    const auto document = json_of({"runs", "compare", "slow", "fast", "--metric", "energy_j"});
    EXPECT_EQ(document["a"]["runs"].size(), 3U);
    ASSERT_EQ(document["metrics"].size(), 1U);
    const auto& line = document["metrics"][0];
    EXPECT_EQ(line["unit"], "J");
    EXPECT_EQ(line["method"], "repeats");
    EXPECT_DOUBLE_EQ(line["difference"]["best"].get<double>(), -20);
    // Student's t(0.975, 4) = 2.776445; both variances are 4.
    EXPECT_NEAR(line["difference"]["low"].get<double>(), -20 - 2.776445 * std::sqrt(8.0 / 3), 1e-5);
    EXPECT_DOUBLE_EQ(line["ratio"]["best"].get<double>(), 0.8);
    EXPECT_EQ(line["effect_size"]["name"], "hedges_g");
    EXPECT_EQ(line["effect_size"]["word"], "large");
    EXPECT_NEAR(line["p_value_mann_whitney"].get<double>(), 0.1, 1e-12);

    const auto text = finewatt({"runs", "compare", "slow", "fast"});
    EXPECT_EQ(text.exit_status, 0) << text.stderr_text;
    EXPECT_NE(text.stdout_text.find("A  slow: 3 runs"), std::string::npos) << text.stdout_text;
    EXPECT_NE(text.stdout_text.find("mean power"), std::string::npos);
}

TEST_F(RunsCompare, GroupsByTagAndById) {
    store_repeats();
    finewatt({"runs", "tag", id_of(1), id_of(2), "+base line"});
    const auto document = json_of({"runs", "compare", "--group-a", "tag:base line", "--group-b",
                                   id_of(4), "--group-b", id_of(6), "--metric", "energy_j"});
    EXPECT_EQ(document["metrics"][0]["a"]["values"].size(), 2U);
    EXPECT_DOUBLE_EQ(document["metrics"][0]["difference"]["best"].get<double>(), -19);
}

TEST_F(RunsCompare, SingleRunsSayThatTheyAreSingle) {
    store({run_of(1, "a", 100), run_of(2, "b", 80)});
    const auto document = json_of({"runs", "compare", "a", "b"});
    const auto& line = document["metrics"][0];
    EXPECT_EQ(line["method"], "measurement");
    EXPECT_NEAR(line["difference"]["low"].get<double>(), 79.2 - 101, 1e-9);
    EXPECT_TRUE(line["effect_size"].is_null());
    EXPECT_NE(document["notes"].dump().find("say nothing of what a repeat would give"),
              std::string::npos);
}

TEST_F(RunsCompare, OtherDomainsAndProvenanceAreRefusedUnlessAccepted) {
    auto with_dram = run_of(2, "b", 80);
    with_dram["energy"]["domains"].push_back("dram");
    auto modelled = run_of(3, "c", 80);
    modelled["energy"]["provenance"] = "modelled";
    modelled["energy"]["components"][0]["provenance"] = "modelled";
    store({run_of(1, "a", 100), with_dram, modelled});

    const auto domains = finewatt({"runs", "compare", "a", "b"});
    EXPECT_EQ(domains.exit_status, 4);
    EXPECT_NE(
        domains.stderr_text.find("contains package, that of run " + id_of(2) + " dram + package"),
        std::string::npos)
        << domains.stderr_text;
    EXPECT_EQ(domains.stdout_text, "");
    EXPECT_EQ(finewatt({"runs", "compare", "a", "b", "--across-domains"}).exit_status, 0);
    EXPECT_EQ(finewatt({"runs", "compare", "a", "b", "--metric", "duration_s"}).exit_status, 0);

    const auto provenance = finewatt({"runs", "compare", "a", "c"});
    EXPECT_EQ(provenance.exit_status, 4);
    EXPECT_NE(provenance.stderr_text.find("is measured, that of run " + id_of(3) + " is modelled"),
              std::string::npos)
        << provenance.stderr_text;
    EXPECT_EQ(finewatt({"runs", "compare", "a", "c", "--across-domains"}).exit_status, 4);
    EXPECT_EQ(finewatt({"runs", "compare", "a", "c", "--across-provenance"}).exit_status, 0);
}

TEST_F(RunsCompare, RunsThatAreNotCompleteAreLeftOutAndTold) {
    store_repeats();
    auto failed = run_of(7, "slow", 5);
    failed["status"] = "failed";
    store({failed});
    const auto document = json_of({"runs", "compare", "slow", "fast"});
    EXPECT_EQ(document["a"]["runs"].size(), 3U);
    EXPECT_NE(document["notes"].dump().find("1 run not complete was left out"), std::string::npos);
    const auto named = json_of({"runs", "compare", id_of(7), "fast"});
    EXPECT_NE(named["notes"].dump().find("A: run " + id_of(7) + " is failed."), std::string::npos);
}

TEST_F(RunsCompare, WrongUseAndWrongNamesHaveTheirStatus) {
    store_repeats();
    EXPECT_EQ(finewatt({"runs", "compare", "slow"}).exit_status, 2);
    EXPECT_EQ(finewatt({"runs", "compare"}).exit_status, 2);
    EXPECT_EQ(finewatt({"runs", "compare", "--group-a", "slow"}).exit_status, 2);
    EXPECT_EQ(finewatt({"runs", "compare", "slow", "--group-b", "fast"}).exit_status, 2);
    const auto same = finewatt({"runs", "compare", "slow", id_of(1)});
    EXPECT_EQ(same.exit_status, 4);
    EXPECT_NE(same.stderr_text.find(id_of(1)), std::string::npos);
    const auto metric = finewatt({"runs", "compare", "slow", "fast", "--metric", "joules"});
    EXPECT_EQ(metric.exit_status, 4);
    EXPECT_NE(metric.stderr_text.find("energy_j, duration_s"), std::string::npos);
    const auto near = finewatt({"runs", "compare", "slow", "fsat"});
    EXPECT_EQ(near.exit_status, 4);
    EXPECT_NE(finewatt({"runs", "compare", "slow", "fastt"}).stderr_text.find("nearly the same"),
              std::string::npos);
    EXPECT_EQ(finewatt({"runs", "compare", "slow", "tag:nothing"}).exit_status, 4);
    EXPECT_EQ(finewatt({"runs", "compare", "slow", "fast", "--confidence", "95"}).exit_status, 4);
}

}  // namespace
}  // namespace finewatt::e2e
