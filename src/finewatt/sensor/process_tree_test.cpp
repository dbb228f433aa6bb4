#include "finewatt/sensor/process_tree.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>

namespace finewatt {
namespace {

using ::testing::ElementsAre;

/// Processes of a fake /proc, written anew for each reading.
class FakeProcesses {
  public:
    void put(std::int64_t pid, std::int64_t parent, std::uint64_t own, std::uint64_t waited,
             std::uint64_t start = 100) const {
        tree_.write(fmt::format("/proc/{}/stat", pid),
                    fmt::format("{} (job) R {} 0 0 0 0 0 0 0 0 0 {} 0 {} 0 20 0 1 0 {} 0 0\n", pid,
                                parent, own, waited, start));
    }

    void end(std::int64_t pid) const {
        std::filesystem::remove_all(tree_.path() / "proc" / std::to_string(pid));
    }

    SysRoot root() const { return SysRoot(tree_.path()); }

  private:
    testing::TempTree tree_;
};

double ticks(double count) {
    return count / clock_ticks_per_second();
}

class ProcessTreeTest : public ::testing::Test {
  protected:
    /// Follow process 10, which has used 5 ticks.
    ProcessTree open_tree() {
        processes_.put(1, 0, 1000, 9000, 1);
        processes_.put(10, 1, 5, 0);
        Result<ProcessTree> tree = ProcessTree::open(processes_.root(), 10);
        EXPECT_TRUE(tree.has_value());
        return *std::move(tree);
    }

    FakeProcesses processes_;
};

TEST_F(ProcessTreeTest, DescendantsCountAndStrangersDoNot) {
    ProcessTree tree = open_tree();
    processes_.put(11, 10, 20, 0);
    processes_.put(12, 11, 30, 0);
    processes_.put(50, 1, 4000, 0);
    ASSERT_OK(tree.read());
    EXPECT_DOUBLE_EQ(tree.cpu_s(), ticks(55));
    EXPECT_THAT(tree.live_pids(), ElementsAre(10, 11, 12));
}

TEST_F(ProcessTreeTest, ChildThatForksAndExitsWithinOneSampleIsInItsParentsWaitedTime) {
    ProcessTree tree = open_tree();
    processes_.put(10, 1, 6, 40);
    ASSERT_OK(tree.read());
    EXPECT_DOUBLE_EQ(tree.cpu_s(), ticks(46));
}

TEST_F(ProcessTreeTest, ChildThatWasWaitedForIsNotCountedTwice) {
    ProcessTree tree = open_tree();
    processes_.put(11, 10, 20, 0);
    ASSERT_OK(tree.read());
    processes_.end(11);
    processes_.put(10, 1, 5, 23);
    ASSERT_OK(tree.read());
    EXPECT_DOUBLE_EQ(tree.cpu_s(), ticks(28));
}

TEST_F(ProcessTreeTest, ChildThatNobodyWaitedForKeepsWhatWasSeen) {
    ProcessTree tree = open_tree();
    processes_.put(11, 10, 20, 0);
    ASSERT_OK(tree.read());
    processes_.end(11);
    processes_.put(10, 1, 7, 0);
    ASSERT_OK(tree.read());
    ASSERT_OK(tree.read());
    EXPECT_DOUBLE_EQ(tree.cpu_s(), ticks(27));
}

TEST_F(ProcessTreeTest, OrphanStaysInTheTree) {
    ProcessTree tree = open_tree();
    processes_.put(11, 10, 1, 0);
    processes_.put(12, 11, 30, 0);
    ASSERT_OK(tree.read());
    processes_.end(11);
    processes_.put(10, 1, 5, 1);
    processes_.put(12, 1, 50, 0);
    processes_.put(13, 12, 4, 0);
    ASSERT_OK(tree.read());
    EXPECT_DOUBLE_EQ(tree.cpu_s(), ticks(60));
}

TEST_F(ProcessTreeTest, IdUsedAgainByAStrangerIsNotCounted) {
    ProcessTree tree = open_tree();
    processes_.put(11, 10, 20, 0, 150);
    ASSERT_OK(tree.read());
    processes_.put(10, 1, 5, 20);
    processes_.put(11, 1, 7000, 0, 900);
    ASSERT_OK(tree.read());
    EXPECT_DOUBLE_EQ(tree.cpu_s(), ticks(25));
}

TEST_F(ProcessTreeTest, ChildrenOfAnEarlierOwnerOfTheIdAreStrangers) {
    processes_.put(10, 1, 5, 0, 500);
    processes_.put(11, 10, 800, 0, 400);
    ASSERT_OK_AND_ASSIGN(ProcessTree tree, ProcessTree::open(processes_.root(), 10));
    ASSERT_OK(tree.read());
    EXPECT_DOUBLE_EQ(tree.cpu_s(), ticks(5));
}

TEST_F(ProcessTreeTest, FirstProcessMayEndBeforeTheOthers) {
    ProcessTree tree = open_tree();
    processes_.put(11, 10, 20, 0);
    ASSERT_OK(tree.read());
    processes_.end(10);
    processes_.put(11, 1, 26, 0);
    ASSERT_OK(tree.read());
    EXPECT_DOUBLE_EQ(tree.cpu_s(), ticks(31));
}

TEST_F(ProcessTreeTest, HiddenProcessIsAnErrorAndNotZero) {
    testing::TempTree empty;
    EXPECT_ERROR(kNotFound, ProcessTree::open(SysRoot(empty.path()), 10), "/proc/10/stat");
}

TEST_F(ProcessTreeTest, FailedReadingKeepsTheFigures) {
    ProcessTree tree = open_tree();
    processes_.put(11, 10, 20, 0);
    ASSERT_OK(tree.read());
    std::filesystem::remove_all(processes_.root().path("/proc"));
    EXPECT_FALSE(tree.read().has_value());
    EXPECT_DOUBLE_EQ(tree.cpu_s(), ticks(25));
}

/// A simulated machine: processes work, fork, end, are waited for, or become orphans.
class Simulation {
  public:
    Simulation(std::uint64_t seed, const FakeProcesses& processes)
        : random_(seed),
          processes_(processes) {
        live_[1] = {0, 0, 0, 1, false};
        live_[10] = {1, 0, 0, 1, true};
        write();
    }

    void step() {
        ++now_;
        // Names of processes: a copy, since steps change the map.
        std::vector<std::int64_t> pids;
        for (const auto& process : live_) {
            pids.push_back(process.first);
        }
        for (const std::int64_t pid : pids) {
            work(pid);
            if (pid != 1 && pid != 10 && random_() % 4 == 0) {
                end(pid);
            } else if (random_() % 3 == 0 && live_.size() < 16) {
                fork(pid);
            }
        }
        write();
    }

    double true_ticks() const { return static_cast<double>(true_ticks_); }

  private:
    struct Process {
        std::int64_t parent = 0;
        std::uint64_t own = 0;
        std::uint64_t waited = 0;
        std::uint64_t start = 0;
        bool is_in_tree = false;
    };

    void work(std::int64_t pid) {
        Process& process = live_.at(pid);
        const std::uint64_t used = random_() % 10;
        process.own += used;
        true_ticks_ += process.is_in_tree ? used : 0;
    }

    void fork(std::int64_t pid) {
        // Ids are used again: the lowest free one.
        std::int64_t child = 11;
        while (live_.contains(child)) {
            ++child;
        }
        live_[child] = {pid, 0, 0, now_, live_.at(pid).is_in_tree};
    }

    void end(std::int64_t pid) {
        const Process ended = live_.at(pid);
        live_.erase(pid);
        if (random_() % 2 == 0) {  // the parent waits for it
            live_.at(ended.parent).waited += ended.own + ended.waited;
        }
        for (auto& process : live_) {
            process.second.parent = process.second.parent == pid ? 1 : process.second.parent;
        }
    }

    void write() const {
        std::error_code ignored;
        std::filesystem::remove_all(processes_.root().path("/proc"), ignored);
        for (const auto& process : live_) {
            processes_.put(process.first, process.second.parent, process.second.own,
                           process.second.waited, process.second.start);
        }
    }

    std::mt19937_64 random_;
    const FakeProcesses& processes_;
    std::map<std::int64_t, Process> live_;
    std::uint64_t now_ = 1;
    std::uint64_t true_ticks_ = 0;
};

TEST(ProcessTreeProperty, NeverMoreThanTheTruthAndNeverShrinks) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const FakeProcesses processes;
        Simulation machine(seed, processes);
        ASSERT_OK_AND_ASSIGN(ProcessTree tree, ProcessTree::open(processes.root(), 10));
        double last_s = 0;
        for (int step = 0; step < 20; ++step) {
            machine.step();
            ASSERT_OK(tree.read());
            ASSERT_LE(tree.cpu_s(), ticks(machine.true_ticks()) + 1e-9) << "seed " << seed;
            ASSERT_GE(tree.cpu_s(), last_s) << "seed " << seed;
            last_s = tree.cpu_s();
        }
        // Lost are last stretches of children that nobody waited for: less than half here.
        EXPECT_GT(tree.cpu_s(), 0.5 * ticks(machine.true_ticks())) << "seed " << seed;
    }
}

TEST(ProcessTreeReal, ManyShortChildrenAreCountedOnce) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::execlp("sh", "sh", "-c",
                 "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do"
                 " sh -c 'j=0; while [ $j -lt 20000 ]; do j=$((j+1)); done'; done",
                 nullptr);
        ::_exit(127);
    }
    ASSERT_OK_AND_ASSIGN(ProcessTree tree, ProcessTree::open(SysRoot(), child));
    siginfo_t state{};
    while (state.si_pid != child) {  // until it has ended; it is not waited for yet
        ASSERT_OK(tree.read());
        state.si_pid = 0;
        ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &state, WEXITED | WNOHANG | WNOWAIT),
                  0);
    }
    ASSERT_OK(tree.read());
    rusage usage{};
    int status = 0;
    ASSERT_EQ(::wait4(child, &status, 0, &usage), child);
    ASSERT_EQ(status, 0);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    const double want_s = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    // The tree is read in ticks, rounded down for user and system time of own and waited time.
    EXPECT_LE(tree.cpu_s(), want_s + ticks(1));
    EXPECT_GE(tree.cpu_s(), want_s - ticks(5));
}

}  // namespace
}  // namespace finewatt
