#include "finewatt/study/workload.h"

#include "finewatt/study/signal_watch.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <thread>

namespace finewatt {
namespace {

WorkloadEnd wait_for_end(Workload& workload) {
    // Bounded: a test child that hangs fails the test instead of stopping it.
    for (int i = 0; i < 2000; ++i) {
        const auto end = workload.poll_end();
        if (end.has_value() && end->has_value()) {
            return **end;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << "the child did not end";
    workload.send_signal(SIGKILL);
    return {};
}

sigset_t no_signals() {
    sigset_t mask;
    sigemptyset(&mask);
    return mask;
}

TEST(Workload, ExitStatusIsPassedOn) {
    ASSERT_OK_AND_ASSIGN(Workload workload,
                         Workload::start({"sh", "-c", "exit 7"}, {}, no_signals()));
    EXPECT_EQ(wait_for_end(workload).exit_status, 7);
}

TEST(Workload, DeathBySignalIs128PlusItsNumber) {
    ASSERT_OK_AND_ASSIGN(Workload workload,
                         Workload::start({"sh", "-c", "kill -TERM $$"}, {}, no_signals()));
    const WorkloadEnd end = wait_for_end(workload);
    EXPECT_EQ(end.exit_status, 128 + SIGTERM);
    EXPECT_EQ(end.signal, SIGTERM);
}

TEST(Workload, MissingCommandIsNamed) {
    EXPECT_ERROR(kNotFound, Workload::start({"no-such-program-here"}, {}, no_signals()),
                 "no-such-program-here");
}

TEST(Workload, FileThatIsNotExecutableIsNamed) {
    const testing::TempTree tree;
    const std::string file = tree.write("data.txt", "not a program").string();
    EXPECT_ERROR(kPermission, Workload::start({file}, {}, no_signals()), file);
}

TEST(Workload, EventsArriveOnTheDescriptorTheVariableNames) {
    ASSERT_OK_AND_ASSIGN(Workload workload,
                         Workload::start({"sh", "-c", "eval \"echo $WORD >&$FINEWATT_EVENT_FD\""},
                                         {{"WORD", "hello"}}, no_signals()));
    wait_for_end(workload);
    char buffer[64] = {};
    const ssize_t n = ::read(workload.event_fd(), buffer, sizeof buffer);
    ASSERT_GT(n, 0);
    EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(n)), "hello\n");
}

TEST(Workload, ChildRunsWithTheMaskFromBeforeTheWatch) {
    ASSERT_OK_AND_ASSIGN(SignalWatch watch, SignalWatch::start());
    ASSERT_OK_AND_ASSIGN(Workload workload,
                         Workload::start({"sleep", "60"}, {}, watch.previous_mask()));
    workload.send_signal(SIGTERM);
    EXPECT_EQ(wait_for_end(workload).signal, SIGTERM);
}

TEST(Workload, ChildDiesOfABrokenPipeThoughItsParentIgnoresIt) {
    const auto previous = std::signal(SIGPIPE, SIG_IGN);
    ASSERT_OK_AND_ASSIGN(Workload workload,
                         Workload::start({"sh", "-c", "kill -PIPE $$; exit 0"}, {}, no_signals()));
    EXPECT_EQ(wait_for_end(workload).signal, SIGPIPE);
    std::signal(SIGPIPE, previous);
}

TEST(SignalWatch, SignalsArriveAsValuesAndNotAsDeath) {
    ASSERT_OK_AND_ASSIGN(SignalWatch watch, SignalWatch::start());
    ::kill(::getpid(), SIGINT);
    const std::optional<ArrivedSignal> signal = watch.take();
    ASSERT_TRUE(signal.has_value());
    EXPECT_EQ(signal->number, SIGINT);
    EXPECT_FALSE(signal->is_from_terminal);
    EXPECT_FALSE(watch.take().has_value());
}

}  // namespace
}  // namespace finewatt
