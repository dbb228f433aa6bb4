// `finewatt calibrate` and what later runs make of it; `--attribute`. Real programs on this
// machine.

#include "finewatt/base/file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

#include "program.h"

namespace finewatt::e2e {
namespace {

using ::testing::HasSubstr;

class Calibrate : public ProgramTest {
  protected:
    std::filesystem::path folder() const {
        return tree_.path() / "data" / "finewatt" / "calibrations";
    }

    nlohmann::json measured(std::vector<std::string> options, const std::string& script) {
        std::vector<std::string> arguments{"measure", "--json"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        arguments.insert(arguments.end(), {"--", "sh", "-c", script});
        const auto result = finewatt(arguments);
        EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
        return last_line_json(result.stdout_text);
    }

    /// Pairs of a machine whose wall energy is 1.059 x the software's, more or less.
    std::string write_pairs() const {
        return tree_
            .write("pairs.csv",
                   "kind,software_j,wall_j,duration_s,updates\n"
                   "sst2,100000,105800,300,300\nimdb,200000,211900,600,600\n"
                   "imdb,300000,317800,900,900\nrte,28000,30100,59,59\n")
            .string();
    }
};

/// A loop of a fixed amount of work.
constexpr const char* kLoop = "j=0; while [ $j -lt 400000 ]; do j=$((j+1)); done";

TEST_F(Calibrate, TwoBusyLoopsGetAboutEqualShares) {
    auto other =
        std::async(std::launch::async, [this] { return measured({"--attribute"}, kLoop); });
    const nlohmann::json one = measured({"--attribute"}, kLoop);
    const nlohmann::json two = other.get();
    const double share_one = one["attribution"]["cpu_share"].get<double>();
    const double share_two = two["attribution"]["cpu_share"].get<double>();
    // Equal work; other jobs of this machine take a part of their own.
    EXPECT_GT(share_one, 0.4 * share_two) << one["attribution"];
    EXPECT_LT(share_one, 2.5 * share_two) << two["attribution"];
    EXPECT_LE(share_one + share_two, 1.2) << "the windows differ a little";
    const double cpu_one = one["attribution"]["cpu_s"].get<double>();
    const double cpu_two = two["attribution"]["cpu_s"].get<double>();
    EXPECT_GT(cpu_one, 0.5 * cpu_two);
    EXPECT_LT(cpu_one, 2 * cpu_two);
    for (const nlohmann::json& run : {one, two}) {
        EXPECT_LE(run["attribution"]["energy_j"].get<double>(),
                  run["energy"]["energy_j"].get<double>());
        EXPECT_LE(run["attribution"]["energy_j_low"].get<double>(),
                  run["attribution"]["energy_j"].get<double>());
    }
}

TEST_F(Calibrate, SleepingCostsNoCpuTimeWhateverItsLength) {
    const nlohmann::json nap = measured({"--attribute"}, "sleep 1");
    EXPECT_GE(nap["duration_s"].get<double>(), 1.0);
    EXPECT_LT(nap["attribution"]["cpu_s"].get<double>(), 0.2);
    EXPECT_TRUE(measured({}, "true")["attribution"].is_null());
}

TEST_F(Calibrate, ShortLivedAndOrphanedChildrenAreCounted) {
    // Children that the shell waits for, and one that outlives its parent.
    const std::string script =
        std::string("work() { ") + kLoop + "; }\n(work); (work)\n(work & ) ; sleep 0.2; wait; work";
    const nlohmann::json run = measured({"--attribute"}, script);
    const nlohmann::json single = measured({"--attribute"}, kLoop);
    EXPECT_GT(run["attribution"]["cpu_s"].get<double>(),
              2 * single["attribution"]["cpu_s"].get<double>());
}

TEST_F(Calibrate, IdleBaselineGivesLaterRunsTheirNetEnergy) {
    const auto made = finewatt({"calibrate", "idle", "--duration", "1s", "--force", "--json"});
    ASSERT_EQ(made.exit_status, 0) << made.stderr_text;
    const nlohmann::json baseline = nlohmann::json::parse(made.stdout_text);
    EXPECT_EQ(baseline["type"], "idle");
    ASSERT_FALSE(baseline["channels"].empty());
    EXPECT_GT(baseline["channels"][0]["power_w_mean"].get<double>(), 0);

    const nlohmann::json run = measured({"--attribute"}, kLoop);
    ASSERT_TRUE(run["baseline"].is_object()) << run["notes"];
    EXPECT_EQ(run["baseline"]["id"], baseline["id"]);
    const double total_j = run["energy"]["energy_j"].get<double>();
    const double idle_j = run["baseline"]["energy_j_idle"].get<double>();
    EXPECT_NEAR(run["baseline"]["energy_j_net"].get<double>(), std::max(0.0, total_j - idle_j),
                1e-6 * total_j);
    EXPECT_FALSE(run["attribution"]["idle_energy_j"].is_null());

    const auto shown = finewatt({"runs", "show", run["run_id"].get<std::string>()});
    EXPECT_THAT(shown.stdout_text, HasSubstr("net of rest"));
    EXPECT_THAT(shown.stdout_text, HasSubstr("own processes"));
}

TEST_F(Calibrate, BusyMachineIsNoBaseline) {
    // The busy column of this fake machine grows by a second each second.
    const auto stat = tree_.write("root/proc/stat", "cpu 0 0 0 0 0 0 0 0 0 0\n");
    tree_.write("root/proc/cpuinfo", "processor\t: 0\nmodel name\t: Test CPU\n");
    tree_.write("root/proc/meminfo", "MemTotal:       8388608 kB\n");
    on_started_ = [&stat](pid_t) {
        for (int i = 1; i <= 15; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
            // As a whole, for finewatt may read at any time.
            EXPECT_OK(
                write_file_atomically(stat, fmt::format("cpu {} 0 0 {} 0 0 0 0 0 0\n", i * 10, i)));
        }
    };
    const auto result = finewatt(
        {"--sysroot", (tree_.path() / "root").string(), "calibrate", "idle", "--duration", "1s"});
    EXPECT_EQ(result.exit_status, 5) << result.stderr_text;
    EXPECT_THAT(result.stderr_text, HasSubstr("% of the time"));
    EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST_F(Calibrate, FittedPairsAreAppliedToLaterRuns) {
    const auto fitted = finewatt({"calibrate", "fit", write_pairs(), "--json"});
    ASSERT_EQ(fitted.exit_status, 0) << fitted.stderr_text;
    const nlohmann::json calibration = nlohmann::json::parse(fitted.stdout_text);
    EXPECT_NEAR(calibration["coefficients"][0]["coefficient"].get<double>(), 1.059, 0.001);
    EXPECT_THAT(calibration["pairs"][3]["reason"].get<std::string>(), HasSubstr("found 59"));

    const nlohmann::json run = measured({}, "sleep 0.2");
    ASSERT_TRUE(run["calibration"].is_object()) << run["calibration_reason"];
    EXPECT_EQ(run["calibration"]["id"], calibration["id"]);
    EXPECT_EQ(run["calibration"]["provenance"], "derived");
    const double total_j = run["energy"]["energy_j"].get<double>();
    const double adjusted_j = run["calibration"]["energy_j_adjusted"].get<double>();
    EXPECT_NEAR(adjusted_j, total_j * run["calibration"]["coefficient"].get<double>(),
                1e-9 * adjusted_j);
    EXPECT_LT(run["calibration"]["energy_j_adjusted_low"].get<double>(), adjusted_j);

    EXPECT_TRUE(measured({"--calibration", "none"}, "true")["calibration"].is_null());
    const auto unknown = finewatt({"measure", "--calibration", "nope", "--", "true"});
    EXPECT_EQ(unknown.exit_status, 4);
    EXPECT_THAT(unknown.stderr_text, HasSubstr("calibrate list"));
}

TEST_F(Calibrate, StaleCalibrationIsRefusedWithTheReason) {
    const auto fitted = finewatt({"calibrate", "fit", write_pairs(), "--json"});
    nlohmann::json document = nlohmann::json::parse(fitted.stdout_text);
    document["created_at"] = "2020-01-01T00:00:00.000Z";
    ASSERT_OK(write_file_atomically(folder() / (document["id"].get<std::string>() + ".json"),
                                    document.dump()));
    const nlohmann::json run = measured({}, "true");
    EXPECT_TRUE(run["calibration"].is_null());
    EXPECT_THAT(run["calibration_reason"].get<std::string>(), HasSubstr("days old"));
    EXPECT_TRUE(measured({"--calibration-max-age", "99999"}, "true")["calibration"].is_object());
}

TEST_F(Calibrate, ListAndShowFindWhatWasKept) {
    EXPECT_THAT(finewatt({"calibrate", "list"}).stdout_text, HasSubstr("No calibrations yet"));
    const nlohmann::json kept =
        nlohmann::json::parse(finewatt({"calibrate", "fit", write_pairs(), "--json"}).stdout_text);
    const std::string id = kept["id"];
    const nlohmann::json list =
        nlohmann::json::parse(finewatt({"calibrate", "list", "--json"}).stdout_text);
    ASSERT_EQ(list.size(), 1U);
    EXPECT_EQ(list[0]["id"], id);
    EXPECT_EQ(nlohmann::json::parse(finewatt({"calibrate", "show", id, "--json"}).stdout_text),
              kept);
    const auto shown = finewatt({"calibrate", "show", id.substr(0, 20)});
    EXPECT_THAT(shown.stdout_text, HasSubstr("1.0593"));
    EXPECT_THAT(shown.stdout_text, HasSubstr("found 59"));
    EXPECT_EQ(finewatt({"calibrate", "show", "ZZZ"}).exit_status, 4);
}

TEST_F(Calibrate, BadPairsKeepNothing) {
    const std::string file = tree_.write("pairs.csv", "software_j,wall_j\n1,2\n").string();
    const auto result = finewatt({"calibrate", "fit", file});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_EQ(result.stdout_text, "");
    EXPECT_FALSE(std::filesystem::exists(folder()));
    EXPECT_EQ(finewatt({"calibrate", "fit"}).exit_status, 4);
    EXPECT_EQ(finewatt({"calibrate", "run"}).exit_status, 2) << "--wall is required";
}

}  // namespace
}  // namespace finewatt::e2e
