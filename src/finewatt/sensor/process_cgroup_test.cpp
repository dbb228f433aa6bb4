#include "finewatt/sensor/process_cgroup.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <unistd.h>

namespace finewatt {
namespace {

/// A machine with cgroup v2 and this process in /user.slice/run.
class RunCgroupTest : public ::testing::Test {
  protected:
    RunCgroupTest() {
        tree_.write("/proc/self/cgroup", "1:name=systemd:/x\n0::/user.slice/run\n");
        tree_.write("/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
        tree_.write("/sys/fs/cgroup/user.slice/run/cpu.stat",
                    "nr_periods 0\nusage_usec 2500000\nuser_usec 2000000\n");
    }

    SysRoot root() const { return SysRoot(tree_.path()); }

    testing::TempTree tree_;
};

TEST_F(RunCgroupTest, MadeGroupLiesBelowTheOwnOneAndGoesAway) {
    const auto folder = tree_.path() / "sys/fs/cgroup/user.slice/run/finewatt-1";
    {
        ASSERT_OK_AND_ASSIGN(const RunCgroup group, RunCgroup::create(root(), "finewatt-1"));
        EXPECT_EQ(group.folder(), folder);
        EXPECT_GE(group.fd(), 0);
        EXPECT_TRUE(group.is_made());
    }
    EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(RunCgroupTest, HybridLayoutIsFound) {
    std::filesystem::remove(tree_.path() / "sys/fs/cgroup/cgroup.controllers");
    tree_.write("/sys/fs/cgroup/unified/cgroup.controllers", "");
    tree_.write("/sys/fs/cgroup/unified/user.slice/run/cpu.stat", "usage_usec 1\n");
    ASSERT_OK_AND_ASSIGN(const RunCgroup group, RunCgroup::create(root(), "finewatt-1"));
    EXPECT_NE(group.folder().string().find("/unified/user.slice/run/"), std::string::npos);
}

TEST_F(RunCgroupTest, WithoutVersionTwoItIsUnsupported) {
    testing::TempTree version1;
    version1.write("/proc/self/cgroup", "4:memory:/x\n");
    version1.write("/sys/fs/cgroup/memory/tasks", "");
    EXPECT_ERROR(kUnsupported, RunCgroup::create(SysRoot(version1.path()), "a"), "cgroup v2");
    EXPECT_ERROR(kUnsupported, RunCgroup::open_own(SysRoot(version1.path())), "cgroup v2");
}

TEST_F(RunCgroupTest, OwnGroupIsTakenOnlyWhenAloneInIt) {
    const std::string members = "/sys/fs/cgroup/user.slice/run/cgroup.procs";
    tree_.write(members, std::to_string(::getpid()) + "\n");
    {
        ASSERT_OK_AND_ASSIGN(const RunCgroup own, RunCgroup::open_own(root()));
        ASSERT_OK_AND_ASSIGN(const double cpu_s, own.cpu_s());
        EXPECT_DOUBLE_EQ(cpu_s, 2.5);
    }
    // The group is not ours to remove.
    EXPECT_TRUE(std::filesystem::exists(tree_.path() / members.substr(1)));
    tree_.write(members, std::to_string(::getpid()) + "\n1\n");
    EXPECT_ERROR(kUnsupported, RunCgroup::open_own(root()), "found others");
}

TEST(CgroupUsage, LineIsFoundAnywhere) {
    ASSERT_OK_AND_ASSIGN(const std::uint64_t first,
                         parse_cgroup_usage_us("usage_usec 7\nx 1", "f"));
    EXPECT_EQ(first, 7U);
    ASSERT_OK_AND_ASSIGN(const std::uint64_t last, parse_cgroup_usage_us("x 1\nusage_usec 8", "f"));
    EXPECT_EQ(last, 8U);
    EXPECT_ERROR(kCorrupt, parse_cgroup_usage_us("user_usec 7\n", "cpu.stat"), "usage_usec");
    EXPECT_ERROR(kCorrupt, parse_cgroup_usage_us("usage_usec -7\n", "cpu.stat"), "usage_usec");
}

}  // namespace
}  // namespace finewatt
