// Claims of real processes on one fake node.
#include "finewatt/meter/node_claims.h"

#include "finewatt/meter/process_identity.h"
#include "finewatt/meter/test_traces_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using meter_test::counter_uj;
using meter_test::gauge_mw;
using ::testing::HasSubstr;

std::vector<ChannelSpec> two_devices() {
    return {counter_uj(std::nullopt), gauge_mw()};
}

int counted_here(const NodeClaims& claims) {
    int counted = 0;
    for (const NodeShare& share : claims.shares()) {
        counted += share.is_counted_here ? 1 : 0;
    }
    return counted;
}

/// A child process that claims, tells how many claims it got, and waits until it is killed.
class Claimer {
  public:
    explicit Claimer(const std::filesystem::path& directory) {
        std::array<int, 2> pipe_fds{};
        EXPECT_EQ(::pipe(pipe_fds.data()), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            const NodeClaims claims({directory}, "run-" + std::to_string(::getpid()), "boot",
                                    two_devices());
            const char counted = static_cast<char>(counted_here(claims));
            if (::write(pipe_fds[1], &counted, 1) != 1) {
                ::_exit(1);
            }
            while (true) {
                ::pause();
            }
        }
        ::close(pipe_fds[1]);
        fd_ = pipe_fds[0];
    }

    Claimer(const Claimer&) = delete;
    Claimer& operator=(const Claimer&) = delete;

    ~Claimer() {
        kill();
        ::close(fd_);
    }

    int counted() const {
        char counted = -1;
        EXPECT_EQ(::read(fd_, &counted, 1), 1);
        return counted;
    }

    void kill() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
            pid_ = 0;
        }
    }

    pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = 0;
    int fd_ = -1;
};

TEST(NodeClaims, ManyProcessesAtOnceCountEachDeviceOnce) {
    for (int round = 0; round < 20; ++round) {
        const testing::TempTree tree;
        std::vector<std::unique_ptr<Claimer>> claimers;
        for (int i = 0; i < 8; ++i) {
            claimers.push_back(std::make_unique<Claimer>(tree.path()));
        }
        int counted = 0;
        for (const auto& claimer : claimers) {
            counted += claimer->counted();
        }
        EXPECT_EQ(counted, 2) << "round " << round;
    }
}

TEST(NodeClaims, LoserNamesTheOwnerAndTheNextOneTakesOverFromADeadOne) {
    const testing::TempTree tree;
    Claimer owner(tree.path());
    EXPECT_EQ(owner.counted(), 2);
    const NodeClaims loser({tree.path()}, "mine", "boot", two_devices());
    EXPECT_EQ(counted_here(loser), 0);
    EXPECT_EQ(loser.shares().at(0).owner_pid, owner.pid());
    EXPECT_EQ(loser.shares().at(0).owner_run_id, "run-" + std::to_string(owner.pid()));
    EXPECT_THAT(loser.shares().at(0).note.value(), HasSubstr("keeps its own window"));
    EXPECT_EQ(loser.shares().at(0).device, "cpu");
    owner.kill();
    const NodeClaims heir({tree.path()}, "heir", "boot", two_devices());
    EXPECT_EQ(counted_here(heir), 2);
    EXPECT_FALSE(heir.shares().at(0).note.has_value());
}

TEST(NodeClaims, ModelAndSensorOfTheProcessorsAreOneDevice) {
    const testing::TempTree tree;
    ChannelSpec second = counter_uj(std::nullopt);
    second.id = "pkg1";
    second.device = "cpu1";
    const NodeClaims sensors({tree.path()}, "a", "boot",
                             std::vector<ChannelSpec>{counter_uj(std::nullopt), second});
    EXPECT_EQ(counted_here(sensors), 2);
    ChannelSpec model = gauge_mw();
    model.domain = Domain::kPackage;
    model.device = "cpu";
    const NodeClaims models({tree.path()}, "b", "boot", std::vector<ChannelSpec>{model});
    EXPECT_EQ(counted_here(models), 0);
}

TEST(NodeClaims, GivenBackClaimsLeaveNoFiles) {
    const testing::TempTree tree;
    Claimer(tree.path()).counted();  // dies and leaves its claims
    {
        const NodeClaims claims({tree.path()}, "a", "boot", two_devices());
        EXPECT_EQ(counted_here(claims), 2);
        EXPECT_FALSE(std::filesystem::is_empty(tree.path()));
    }
    EXPECT_TRUE(std::filesystem::is_empty(tree.path()));
}

TEST(NodeClaims, OtherBootAndGarbageClaimNothing) {
    const testing::TempTree tree;
    const NodeClaims before({tree.path()}, "before", "boot-before", two_devices());
    tree.write("claim.boot.cpu.0", "garbage");
    tree.write("claim.boot.cpu.x", "no generation");
    const NodeClaims now({tree.path()}, "now", "boot", two_devices());
    EXPECT_EQ(counted_here(before), 2);
    EXPECT_EQ(counted_here(now), 2);
}

TEST(NodeClaims, WithoutADirectoryTheDeviceCountsWithANote) {
    const NodeClaims claims({"/nonexistent/run"}, "a", "boot", two_devices());
    EXPECT_EQ(counted_here(claims), 2);
    EXPECT_THAT(claims.shares().at(0).note.value(), HasSubstr("without a claim"));
}

TEST(NodeRunDirectory, NamedOneIsMade) {
    const testing::TempTree tree;
    const auto path = tree.path() / "a" / "b";
    const auto environment = [&](const std::string& name) {
        return name == "FINEWATT_RUN_DIR" ? std::optional(path.string()) : std::nullopt;
    };
    EXPECT_EQ(node_run_directory(environment, "boot"), path);
    EXPECT_TRUE(std::filesystem::is_directory(path));
}

TEST(ProcessIdentity, OwnProcessRunsAndALaterOneOfTheSameNumberIsAnother) {
    ProcessIdentity process = current_process();
    EXPECT_TRUE(is_running(process));
    process.start_ticks += 1;
    EXPECT_FALSE(is_running(process));
    process.pid_namespace = "pid:[1]";
    EXPECT_TRUE(is_running(process)) << "another namespace cannot be looked into";
}

TEST(ProcessIdentity, ZombieDoesNotRun) {
    std::array<int, 2> pipe_fds{};
    ASSERT_EQ(::pipe(pipe_fds.data()), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        const std::uint64_t start_ticks = current_process().start_ticks;
        ::_exit(::write(pipe_fds[1], &start_ticks, sizeof start_ticks) > 0 ? 0 : 1);
    }
    ProcessIdentity child = current_process();
    child.pid = pid;
    ASSERT_GT(::read(pipe_fds[0], &child.start_ticks, sizeof child.start_ticks), 0);
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
    EXPECT_FALSE(is_running(child));
    ::waitpid(pid, nullptr, 0);
    ::close(pipe_fds[0]);
    ::close(pipe_fds[1]);
}

}  // namespace
}  // namespace finewatt
