// `finewatt measure`, `runs`, `doctor` and `phase` as real programs.

#include "finewatt/base/file.h"
#include "finewatt/meter/journal.h"
#include "finewatt/testing/places.h"

#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "program.h"

namespace finewatt::e2e {
namespace {

class Measure : public ProgramTest {};

TEST_F(Measure, RunIsStoredAndFoundAgain) {
    const auto measured = finewatt({"measure", "--name", "nap", "--json", "--", "sleep", "0.2"});
    ASSERT_EQ(measured.exit_status, 0) << measured.stderr_text;
    const nlohmann::json record = last_line_json(measured.stdout_text);
    EXPECT_EQ(record["status"], "complete");
    EXPECT_EQ(record["kind"], "command");
    EXPECT_GE(record["duration_s"].get<double>(), 0.2);

    const auto listed = finewatt({"runs", "list", "--json"});
    ASSERT_EQ(listed.exit_status, 0) << listed.stderr_text;
    const nlohmann::json runs = nlohmann::json::parse(listed.stdout_text);
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs[0]["run_id"], record["run_id"]);

    const auto shown = finewatt({"--json", "runs", "show", "nap"});
    EXPECT_EQ(nlohmann::json::parse(shown.stdout_text), record);
}

TEST_F(Measure, CommandKeepsItsOutputAndItsStatus) {
    const auto result = finewatt({"measure", "--json", "--", "sh", "-c", "echo own; exit 5"});
    EXPECT_EQ(result.exit_status, 5);
    EXPECT_EQ(result.stdout_text.substr(0, 4), "own\n");
    EXPECT_EQ(last_line_json(result.stdout_text)["status"], "failed");
}

TEST_F(Measure, DeathBySignalIsPassedOn) {
    const auto result = finewatt({"measure", "-q", "--", "sh", "-c", "kill -KILL $$"});
    EXPECT_EQ(result.exit_status, 128 + SIGKILL);
}

TEST_F(Measure, RecordFileTakesTheRecordAndLeavesStandardOutputAlone) {
    const std::string file = (tree_.path() / "record.json").string();
    const auto result = finewatt({"measure", "--json", "--record", file, "--", "echo", "own"});
    EXPECT_EQ(result.stdout_text, "own\n");
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(file));
    EXPECT_EQ(nlohmann::json::parse(text)["kind"], "command");
}

TEST_F(Measure, UnknownCarbonIsNullWithAReason) {
    const auto result = finewatt({"measure", "--json", "--", "true"});
    const nlohmann::json record = last_line_json(result.stdout_text);
    EXPECT_TRUE(record["carbon"].is_null());
    EXPECT_NE(record["carbon_reason"].get<std::string>().find("--place"), std::string::npos);
}

TEST_F(Measure, NamedPlaceGivesCarbonWithItsZone) {
    const auto result =
        finewatt({"measure", "--json", "--place", "subregion:RFCW", "--", "sleep", "0.1"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json record = last_line_json(result.stdout_text);
    EXPECT_EQ(record["carbon"]["zone"], "RFCW");
    EXPECT_GT(record["carbon"]["co2_kg"].get<double>(), 0);
}

TEST_F(Measure, WrongPlaceCostsNoRun) {
    const std::string marker = (tree_.path() / "started").string();
    const auto result = finewatt({"measure", "--place", "subregion:RFCQ", "--", "touch", marker});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_NE(result.stderr_text.find("RFCW"), std::string::npos) << result.stderr_text;
    EXPECT_FALSE(std::filesystem::exists(marker));
}

TEST_F(Measure, NestedRunLeavesTheNodesTotalToTheOuterOne) {
    const std::string inner_file = (tree_.path() / "inner.json").string();
    const auto result = finewatt({"measure", "--json", "--", testing::bin_dir() + "/finewatt",
                                  "measure", "--record", inner_file, "--", "sleep", "0.2"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json outer = last_line_json(result.stdout_text);
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(inner_file));
    const nlohmann::json inner = nlohmann::json::parse(text);
    ASSERT_FALSE(outer["claims"].empty());
    ASSERT_EQ(outer["claims"].size(), inner["claims"].size());
    for (const nlohmann::json& claim : outer["claims"]) {
        EXPECT_TRUE(claim["is_owner"].get<bool>()) << claim;
    }
    for (const nlohmann::json& claim : inner["claims"]) {
        EXPECT_FALSE(claim["is_owner"].get<bool>()) << claim;
        EXPECT_EQ(claim["owner_run_id"], outer["run_id"]);
    }
    EXPECT_FALSE(inner["energy"]["energy_j"].is_null()) << "it keeps its own window";
}

TEST_F(Measure, ShellScriptMarksItsPhases) {
    const std::string program = testing::bin_dir() + "/finewatt";
    const auto result =
        finewatt({"measure", "--json", "--", "sh", "-c",
                  program + " phase begin load && sleep 0.2 && " + program + " phase end load"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json record = last_line_json(result.stdout_text);
    ASSERT_EQ(record["phases"].size(), 1U);
    EXPECT_EQ(record["phases"][0]["name"], "load");
    EXPECT_GE(record["phases"][0]["duration_s"].get<double>(), 0.2);
}

TEST_F(Measure, TerminationStopsTheCommandAndStoresTheRun) {
    on_started_ = [](pid_t pid) {
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        ::kill(pid, SIGTERM);
    };
    const auto result = finewatt({"measure", "--json", "--", "sleep", "60"});
    EXPECT_EQ(result.exit_status, 128 + SIGTERM);
    const nlohmann::json record = last_line_json(result.stdout_text);
    EXPECT_EQ(record["status"], "interrupted");
    on_started_ = nullptr;
    EXPECT_EQ(nlohmann::json::parse(finewatt({"runs", "list", "--json"}).stdout_text).size(), 1U);
}

TEST_F(Measure, KilledMeterLeavesItsJournal) {
    on_started_ = [](pid_t pid) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2500));
        ::kill(pid, SIGKILL);
    };
    const auto result = finewatt({"measure", "--", "sleep", "4"});
    EXPECT_EQ(result.signal, SIGKILL);
    std::vector<std::filesystem::path> journals;
    for (const auto& entry : std::filesystem::directory_iterator(journal_folder())) {
        journals.push_back(entry.path());
    }
    ASSERT_EQ(journals.size(), 1U);
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(journals[0]));
    EXPECT_FALSE(journal.is_complete);
    // At most the last second of 2.5 may be missing.
    EXPECT_GT(as_seconds(journal.duration()), 1.0);
    EXPECT_TRUE(journal.energy.energy.has_value());
}

TEST_F(Measure, ReaderThatWentAwayLosesNoRun) {
    const std::string program = testing::bin_dir() + "/finewatt";
    SubprocessOptions shell;
    // The summary goes to standard error, whose reader is gone by then.
    const std::string status = (tree_.path() / "status").string();
    shell.argv = {
        "sh", "-c",
        "{ " + program + " measure -- sleep 0.5; echo $? > " + status + "; } 2>&1 | true"};
    shell.environment = environment();
    ASSERT_OK(run_subprocess(shell));
    ASSERT_OK_AND_ASSIGN(const std::string exit_status, read_file(status));
    EXPECT_EQ(exit_status, "0\n") << "141 is death by a broken pipe";
    EXPECT_EQ(nlohmann::json::parse(finewatt({"runs", "list", "--json"}).stdout_text).size(), 1U);
}

TEST_F(Measure, FinishedRunLeavesNoJournal) {
    finewatt({"measure", "-q", "--", "true"});
    EXPECT_TRUE(std::filesystem::is_empty(journal_folder()));
}

TEST_F(Measure, CommandThatCannotStartIsBadInput) {
    const auto result = finewatt({"measure", "--", "no-such-program-here"});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_NE(result.stderr_text.find("no-such-program-here"), std::string::npos);
    EXPECT_EQ(finewatt({"runs", "list", "--json"}).stdout_text, "[]\n");
}

TEST_F(Measure, WrongUsageIsStatusTwo) {
    EXPECT_EQ(finewatt({"measure"}).exit_status, 2);
    EXPECT_EQ(finewatt({"measure", "--no-such-option", "--", "true"}).exit_status, 2);
    EXPECT_EQ(finewatt({"no-such-command"}).exit_status, 2);
    EXPECT_EQ(finewatt({}).exit_status, 2);
}

TEST_F(Measure, BadIntervalIsNamed) {
    const auto result = finewatt({"measure", "--interval", "fast", "--", "true"});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_NE(result.stderr_text.find("fast"), std::string::npos);
}

TEST_F(Measure, RequireMeasuredRefusesModelsAlone) {
    // A tree without any sensor.
    tree_.write("root/proc/stat", "cpu 0 0 0 100 0 0 0 0 0 0\ncpu0 0 0 0 100 0 0 0 0 0 0\n");
    const auto result = finewatt({"--sysroot", (tree_.path() / "root").string(), "measure",
                                  "--require-measured", "--", "true"});
    EXPECT_EQ(result.exit_status, 3) << result.stderr_text;
}

TEST_F(Measure, StoreOfANewerVersionKeepsTheJournalAndSaysSo) {
    finewatt({"measure", "-q", "--", "true"});
    SubprocessOptions set_version;
    set_version.argv = {"sqlite3", store_path().string(), "PRAGMA user_version=99;"};
    ASSERT_OK_AND_ASSIGN(const SubprocessResult changed, run_subprocess(set_version));
    ASSERT_TRUE(changed.succeeded()) << changed.describe();
    const auto result = finewatt({"measure", "-q", "--", "true"});
    EXPECT_EQ(result.exit_status, 6);
    EXPECT_NE(result.stderr_text.find("99"), std::string::npos) << result.stderr_text;
    EXPECT_NE(result.stderr_text.find("journal"), std::string::npos) << result.stderr_text;
    EXPECT_FALSE(std::filesystem::is_empty(journal_folder()));
    EXPECT_EQ(finewatt({"runs", "list"}).exit_status, 6);
}

TEST_F(Measure, UnknownRunIsBadInput) {
    finewatt({"measure", "-q", "--", "true"});
    const auto result = finewatt({"runs", "show", "nothing-of-that-name"});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_EQ(result.stdout_text, "");
}

TEST_F(Measure, HostileNameDoesNotSteerTheTerminal) {
    finewatt({"measure", "-q", "--name", "\x1b[31mred", "--", "true"});
    const auto listed = finewatt({"runs", "list"});
    EXPECT_EQ(listed.stdout_text.find('\x1b'), std::string::npos);
}

TEST_F(Measure, DoctorNamesEverySourceAndWhatMendsIt) {
    const auto result = finewatt({"doctor", "--json"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json document = nlohmann::json::parse(result.stdout_text);
    std::vector<std::string> names;
    for (const auto& source : document["sources"]) {
        names.push_back(source["name"]);
        EXPECT_FALSE(source["why"].get<std::string>().empty()) << source;
    }
    EXPECT_THAT(names, ::testing::IsSupersetOf({"perf", "powercap", "msr", "nvml", "amd_energy",
                                                "zenpower", "power_meter", "ina3221", "cray"}));
    EXPECT_EQ(document["store"]["status"], "usable");
    std::vector<std::string> libraries;
    for (const auto& library : document["libraries"]) {
        libraries.push_back(library["name"]);
        EXPECT_THAT(library["status"].get<std::string>(), ::testing::AnyOf("usable", "absent"));
    }
    EXPECT_THAT(libraries, ::testing::ElementsAre("libnvidia-ml", "libamd_smi", "librocm_smi64",
                                                  "libze_loader", "libcurl"));
    EXPECT_EQ(finewatt({"doctor"}).exit_status, 0);
}

TEST_F(Measure, DoctorWritesAUdevRuleForAGroup) {
    const auto rule = finewatt({"doctor", "--write-udev-rule", "--group", "energy"});
    EXPECT_EQ(rule.exit_status, 0) << rule.stderr_text;
    EXPECT_TRUE(rule.stderr_text.empty()) << rule.stderr_text;
    EXPECT_THAT(rule.stdout_text,
                ::testing::HasSubstr("\nACTION==\"add\", SUBSYSTEM==\"powercap\""));
    EXPECT_THAT(rule.stdout_text, ::testing::HasSubstr("/bin/chgrp energy /sys%p/energy_uj"));
    const auto refused = finewatt({"doctor", "--write-udev-rule", "--group", "a;b"});
    EXPECT_EQ(refused.exit_status, 2);
    EXPECT_TRUE(refused.stdout_text.empty());
}

TEST_F(Measure, HelpAndVersionAnswerOnStandardOutput) {
    const auto help = finewatt({"help", "measure"});
    EXPECT_EQ(help.exit_status, 0);
    EXPECT_NE(help.stdout_text.find("Examples"), std::string::npos);
    const auto version = finewatt({"--version"});
    EXPECT_EQ(version.exit_status, 0);
    EXPECT_EQ(version.stdout_text.rfind("finewatt ", 0), 0U);
}

}  // namespace
}  // namespace finewatt::e2e
