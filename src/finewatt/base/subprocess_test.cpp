#include "finewatt/base/subprocess.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace finewatt {
namespace {

using std::chrono::milliseconds;

SubprocessOptions shell(const std::string& script) {
    SubprocessOptions options;
    options.argv = {"/bin/sh", "-c", script};
    return options;
}

TEST(Subprocess, KeepsBothStreamsAndTheExitStatus) {
    ASSERT_OK_AND_ASSIGN(const auto result,
                         run_subprocess(shell("echo out; echo err >&2; exit 7")));
    EXPECT_EQ(result.stdout_text, "out\n");
    EXPECT_EQ(result.stderr_text, "err\n");
    EXPECT_EQ(result.exit_status, 7);
    EXPECT_FALSE(result.succeeded());
    EXPECT_EQ(result.describe(), "exit status 7");
}

TEST(Subprocess, ArgumentsReachTheProgramWithoutAShell) {
    SubprocessOptions options;
    options.argv = {"printf", "%s|", "a b", "$HOME", "; exit 3", "*"};
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_EQ(result.stdout_text, "a b|$HOME|; exit 3|*|");
}

TEST(Subprocess, MissingProgramIsNotFound) {
    SubprocessOptions options;
    options.argv = {"finewatt-no-such-program"};
    EXPECT_ERROR(kNotFound, run_subprocess(options), "start finewatt-no-such-program");
}

TEST(Subprocess, FileWithoutTheRightToRunIsPermission) {
    testing::TempTree tree;
    SubprocessOptions options;
    options.argv = {tree.write("data", "no program").string()};
    EXPECT_ERROR(kPermission, run_subprocess(options), "data");
}

TEST(Subprocess, MissingWorkingDirectoryIsNamed) {
    SubprocessOptions options = shell("true");
    options.working_directory = "/finewatt/no/such/folder";
    EXPECT_ERROR(kNotFound, run_subprocess(options), "/finewatt/no/such/folder");
}

TEST(Subprocess, NoArgumentsAreRefused) {
    EXPECT_ERROR(kInvalidArgument, run_subprocess({}), "expected its name");
}

TEST(Subprocess, SignalIsReportedLikeAShellDoes) {
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(shell("kill -TERM $$")));
    EXPECT_EQ(result.signal, SIGTERM);
    EXPECT_FALSE(result.exit_status.has_value());
    EXPECT_EQ(result.shell_status(), 128 + SIGTERM);
    EXPECT_FALSE(result.timed_out);
}

TEST(Subprocess, TimeLimitEndsTheChild) {
    SubprocessOptions options = shell("echo begun; exec sleep 600");
    options.timeout = milliseconds(200);
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_TRUE(result.timed_out);
    EXPECT_EQ(result.signal, SIGKILL);
    EXPECT_EQ(result.describe(), "stopped after the time limit");
}

TEST(Subprocess, TimeLimitEndsAChildThatWritesWithoutEnd) {
    SubprocessOptions options = shell("exec cat /dev/zero");
    options.max_captured_bytes = 10;
    options.timeout = milliseconds(200);
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_TRUE(result.timed_out);
    EXPECT_TRUE(result.output_cut);
}

TEST(Subprocess, ChildThatEndsInTimeHasNotTimedOut) {
    SubprocessOptions options = shell("true");
    options.timeout = milliseconds(60'000);
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_TRUE(result.succeeded());
    EXPECT_FALSE(result.timed_out);
}

TEST(Subprocess, StandardInputIsTheTextEvenWhenLong) {
    SubprocessOptions options = shell("cat");
    options.stdin_text = std::string(1'000'000, 'x') + "end";
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_EQ(result.stdout_text, *options.stdin_text);
}

TEST(Subprocess, ChildThatReadsNoInputDoesNotDisturbUs) {
    SubprocessOptions options = shell("exit 0");
    options.stdin_text = std::string(1'000'000, 'x');
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_TRUE(result.succeeded());
}

TEST(Subprocess, WithoutTextTheInputIsEmpty) {
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(shell("cat; echo done")));
    EXPECT_EQ(result.stdout_text, "done\n");
}

TEST(Subprocess, OutputBeyondTheLimitIsCutAndSaid) {
    SubprocessOptions options = shell("head -c 300000 /dev/zero; echo end >&2");
    options.max_captured_bytes = 1000;
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_EQ(result.stdout_text.size(), 1000U);
    EXPECT_TRUE(result.output_cut);
    EXPECT_EQ(result.stderr_text, "end\n");
}

TEST(Subprocess, DiscardedOutputIsNotKept) {
    SubprocessOptions options = shell("echo out; echo err >&2");
    options.stdout_to = ChildOutput::kDiscard;
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_EQ(result.stdout_text, "");
    EXPECT_EQ(result.stderr_text, "err\n");
}

TEST(Subprocess, EnvironmentIsAddedAndReplaced) {
    SubprocessOptions options = shell("echo \"$FINEWATT_NEW|$HOME|${PATH:+path}\"");
    options.environment = {{"FINEWATT_NEW", "a=b"}, {"HOME", "/nowhere"}};
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_EQ(result.stdout_text, "a=b|/nowhere|path\n");
}

TEST(Subprocess, WorkingDirectoryIsTheChilds) {
    testing::TempTree tree;
    SubprocessOptions options = shell("pwd -P");
    options.working_directory = tree.path();
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_EQ(result.stdout_text, std::filesystem::canonical(tree.path()).string() + "\n");
}

TEST(Subprocess, InheritedDescriptorHasTheNumberAskedFor) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    ScopedFd reader(ends[0]);
    ScopedFd writer(ends[1]);
    SubprocessOptions options = shell("echo event >&9");
    options.inherited = {{writer.get(), 9}};
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_TRUE(result.succeeded()) << result.stderr_text;
    writer.reset();
    std::array<char, 64> buffer{};
    EXPECT_EQ(::read(reader.get(), buffer.data(), buffer.size()), 6);
    EXPECT_STREQ(buffer.data(), "event\n");
}

TEST(Subprocess, DescriptorsMayTradeTheirNumbers) {
    testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(ScopedFd first, open_file(tree.write("first", ""), O_WRONLY));
    ASSERT_OK_AND_ASSIGN(ScopedFd second, open_file(tree.write("second", ""), O_WRONLY));
    ASSERT_LT(second.get(), 10) << "the shell below takes one-digit numbers";
    SubprocessOptions options =
        shell(fmt::format("echo one >&{}; echo two >&{}", second.get(), first.get()));
    options.inherited = {{first.get(), second.get()}, {second.get(), first.get()}};
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    ASSERT_TRUE(result.succeeded()) << result.stderr_text;
    ASSERT_OK_AND_ASSIGN(const std::string in_first, read_file(tree.path() / "first"));
    ASSERT_OK_AND_ASSIGN(const std::string in_second, read_file(tree.path() / "second"));
    EXPECT_EQ(in_first, "one\n");
    EXPECT_EQ(in_second, "two\n");
}

TEST(Subprocess, OtherDescriptorsStayWithTheParent) {
    testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(const ScopedFd fd, open_file(tree.write("secret", "s"), O_RDONLY));
    ASSERT_OK_AND_ASSIGN(const auto result,
                         run_subprocess(shell(fmt::format("test -e /dev/fd/{}", fd.get()))));
    EXPECT_EQ(result.exit_status, 1);
}

TEST(Subprocess, GrandchildThatHoldsThePipeIsNotWaitedFor) {
    SubprocessOptions options = shell("sleep 600 & echo $!");
    options.timeout = milliseconds(60'000);
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_TRUE(result.succeeded());
    EXPECT_FALSE(result.timed_out);
    ::kill(static_cast<pid_t>(std::stol(result.stdout_text)), SIGKILL);
}

TEST(Subprocess, BlockedSignalsAreNotBlockedInTheChild) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, &blocked, &before), 0);
    const auto result = run_subprocess(shell("kill -TERM $$; echo survived"));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ASSERT_OK(result);
    EXPECT_EQ(result->signal, SIGTERM);
}

TEST(Subprocess, StartIsAnnouncedWithAProcessThatCanBeSignalled) {
    SubprocessOptions options = shell("exec sleep 600");
    options.on_started = [](pid_t pid) { ::kill(pid, SIGTERM); };
    ASSERT_OK_AND_ASSIGN(const auto result, run_subprocess(options));
    EXPECT_EQ(result.signal, SIGTERM);
}

}  // namespace
}  // namespace finewatt
