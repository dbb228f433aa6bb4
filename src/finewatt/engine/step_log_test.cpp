#include "finewatt/engine/step_log.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

class LogOfSteps : public ::testing::Test {
  protected:
    /// A log of steps 1 to `steps`.
    void write(std::int64_t steps) {
        ASSERT_OK_AND_ASSIGN(StepLog log, StepLog::create(file_));
        for (std::int64_t step = 1; step <= steps; ++step) {
            ASSERT_OK(log.write({.step = step, .loss = 0.5}));
        }
    }

    std::string text() const { return read_file(file_).value_or("none"); }

    testing::TempTree tree_;
    std::filesystem::path file_ = tree_.path() / "steps.jsonl";
};

TEST_F(LogOfSteps, GoingOnGivesTheLogOfAnUnbrokenTraining) {
    write(3);
    const std::string unbroken = text();
    for (const std::int64_t broken_off : {1, 2, 3}) {  // after the checkpoint of step 1
        write(broken_off);
        ASSERT_OK_AND_ASSIGN(StepLog log, StepLog::go_on(file_, 1));
        ASSERT_OK(log.write({.step = 2, .loss = 0.5}));
        ASSERT_OK(log.write({.step = 3, .loss = 0.5}));
        EXPECT_EQ(text(), unbroken);
    }
}

TEST_F(LogOfSteps, ATornLastLineIsDropped) {
    write(2);
    const std::string whole = text();
    tree_.write("steps.jsonl", whole + R"({"step":3,"lo)");
    ASSERT_OK(StepLog::go_on(file_, 5));
    EXPECT_EQ(text(), whole);
}

TEST_F(LogOfSteps, AFileThatIsNoLogIsRefusedAndLeftAlone) {
    for (const char* content : {"dear diary\n", "{\"step\": \"1\"}\n", "[1]\n", "\n"}) {
        tree_.write("steps.jsonl", content);
        EXPECT_ERROR(kCorrupt, StepLog::go_on(file_, 5), "line 1");
        EXPECT_EQ(text(), content);
    }
}

TEST_F(LogOfSteps, WithoutAFileOneIsMade) {
    ASSERT_OK(StepLog::go_on(file_, 5));
    EXPECT_EQ(text(), "");
    EXPECT_ERROR(kNotFound, StepLog::go_on(tree_.path() / "no/folder.jsonl", 5), "--log");
}

}  // namespace
}  // namespace finewatt
