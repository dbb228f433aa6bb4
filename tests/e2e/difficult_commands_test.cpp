// `finewatt measure` with commands that behave badly: they flood, leave processes behind, or run
// where nothing can be written.

#include "finewatt/base/file.h"
#include "finewatt/testing/places.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <fstream>

#include "program.h"

namespace finewatt::e2e {
namespace {

class DifficultCommand : public ProgramTest {};

TEST_F(DifficultCommand, FloodOnStandardOutputArrivesWhole) {
    const std::string flood = (tree_.path() / "flood").string();
    const std::string record = (tree_.path() / "record.json").string();
    const auto result = finewatt({"measure", "--json", "--record", record, "--", "sh", "-c",
                                  "head -c 30000000 /dev/zero | tee " + flood});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    EXPECT_EQ(result.stdout_text.size(), 30'000'000U);
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(record));
    EXPECT_EQ(nlohmann::json::parse(text)["status"], "complete");
}

TEST_F(DifficultCommand, FloodOfEventsIsKeptUpWithAndCountsAtItsEnd) {
    const auto result =
        finewatt({"measure", "--json", "--", "sh", "-c",
                  "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); "
                  "echo \"{\\\"event\\\":\\\"work\\\",\\\"t_mono_ns\\\":1,\\\"steps\\\":$i}\"; "
                  "done >&$FINEWATT_EVENT_FD"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    EXPECT_EQ(last_line_json(result.stdout_text)["work"]["steps"], 20'000);
}

TEST_F(DifficultCommand, ProcessLeftBehindDoesNotHoldTheRunOpen) {
    const std::string pid_file = (tree_.path() / "pid").string();
    const auto begin = std::chrono::steady_clock::now();
    // The one left behind keeps the event descriptor open, but not our pipes of the test.
    const auto result = finewatt({"measure", "--json", "--", "sh", "-c",
                                  "sleep 60 >/dev/null 2>&1 </dev/null & echo $! >" + pid_file});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    pid_t left = 0;
    std::ifstream(pid_file) >> left;
    ASSERT_GT(left, 0);
    EXPECT_EQ(::kill(left, 0), 0) << "it must be left alone";
    ::kill(left, SIGKILL);
    EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
    EXPECT_LT(took.count(), 30);
    EXPECT_EQ(last_line_json(result.stdout_text)["status"], "complete");
}

TEST_F(DifficultCommand, JournalThatCannotGrowMarksTheRunAndLeavesTheCommandAlone) {
    // A limit on the size of files fails writes as a full disk does. Journal and ledger are both
    // out of room then; the record on standard output still tells the run.
    SubprocessOptions options;
    options.argv = {"/bin/sh", "-c",
                    "trap '' XFSZ; ulimit -S -f 2; exec \"$0\" measure --json --interval 5ms -- "
                    "sleep 2.5",
                    testing::bin_dir() + "/finewatt"};
    options.environment = environment();
    options.working_directory = tree_.path();
    options.timeout = std::chrono::seconds(60);
    ASSERT_OK_AND_ASSIGN(const SubprocessResult result, run_subprocess(options));
    const nlohmann::json record = last_line_json(result.stdout_text);
    EXPECT_EQ(result.exit_status, 6) << result.stderr_text;
    EXPECT_EQ(record["status"], "complete");
    EXPECT_NE(record["notes"].dump().find("journal"), std::string::npos) << record["notes"];
}

}  // namespace
}  // namespace finewatt::e2e
