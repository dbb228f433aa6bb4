#include "finewatt/sensor/process_stat.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <unistd.h>

namespace finewatt {
namespace {

// Fields 3 to 22 of proc(5); utime 7, stime 5, cutime 3, cstime 2, start 900.
constexpr const char* kRest = " S 1 42 42 0 -1 4194560 100 0 0 0 7 5 3 2 20 0 1 0 900 1000 10";

TEST(ProcessStat, NameMayHoldSpacesAndBrackets) {
    const auto stat = parse_process_stat(std::string("42 (tmux: ser) ver)") + kRest);
    ASSERT_TRUE(stat.has_value());
    EXPECT_EQ(stat->pid, 42);
    EXPECT_EQ(stat->parent, 1);
    EXPECT_EQ(stat->own_ticks, 12U);
    EXPECT_EQ(stat->waited_ticks, 5U);
    EXPECT_EQ(stat->start_ticks, 900U);
}

TEST(ProcessStat, NegativeWaitedTimeCountsAsNone) {
    const auto stat = parse_process_stat("42 (a) S 1 0 0 0 0 0 0 0 0 0 7 5 -3 2 20 0 1 0 900 1 1");
    ASSERT_TRUE(stat.has_value());
    EXPECT_EQ(stat->waited_ticks, 2U);
}

TEST(ProcessStat, OtherFormsAreRefused) {
    for (const char* line :
         {"", "42", "42 (a", "42 a) S 1", "42 (a) S 1 2 3", "x (a) S 1 0 0 0 0"}) {
        EXPECT_FALSE(parse_process_stat(line).has_value()) << line;
    }
}

TEST(ProcessStat, ListLeavesOutWhatIsNoProcess) {
    testing::TempTree tree;
    tree.write("/proc/42/stat", std::string("42 (a)") + kRest);
    tree.write("/proc/43/stat", "garbage");
    tree.write("/proc/self/stat", std::string("44 (a)") + kRest);
    tree.write("/proc/stat", "cpu 1 1 1 1 1 1 1\n");
    ASSERT_OK_AND_ASSIGN(const auto processes, read_all_processes(SysRoot(tree.path())));
    ASSERT_EQ(processes.size(), 1U);
    EXPECT_EQ(processes[0].pid, 42);
}

TEST(ProcessStat, MissingProcIsAnError) {
    testing::TempTree tree;
    EXPECT_ERROR(kNotFound, read_all_processes(SysRoot(tree.path())), "/proc");
    EXPECT_ERROR(kNotFound, read_machine_busy_s(SysRoot(tree.path())), "/proc/stat");
}

TEST(ProcessStat, OwnProcessIsReadFromTheRealKernel) {
    ASSERT_OK_AND_ASSIGN(const ProcessStat own, read_process_stat(SysRoot(), ::getpid()));
    EXPECT_EQ(own.parent, ::getppid());
    EXPECT_GT(own.start_ticks, 0U);
}

TEST(MachineBusy, CountsWorkAndNeitherIdleNorSteal) {
    testing::TempTree tree;
    tree.write("/proc/stat", "cpu  100 20 30 4000 500 6 7 80 0 0\n");
    ASSERT_OK_AND_ASSIGN(const double busy_s, read_machine_busy_s(SysRoot(tree.path())));
    EXPECT_DOUBLE_EQ(busy_s, 163 / clock_ticks_per_second());
}

}  // namespace
}  // namespace finewatt
