#include "finewatt/study/load_generator.h"

#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <ctime>

namespace finewatt {
namespace {

double own_cpu_s() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

/// Return whether this process uses CPU time without the caller doing anything but wait for it.
bool uses_cpu(double seconds) {
    const double begin_s = own_cpu_s();
    timespec step{0, 1'000'000};
    for (int i = 0; i < 20'000; ++i) {
        ::nanosleep(&step, nullptr);
        if (own_cpu_s() - begin_s > seconds) {
            return true;
        }
    }
    return false;
}

TEST(Load, CpuLoadKeepsProcessorsBusyAndEndsWithTheObject) {
    auto load = make_cpu_load(2);
    EXPECT_OK(load->check());
    EXPECT_TRUE(uses_cpu(0.05));
    load.reset();
    const double after_s = own_cpu_s();
    timespec step{0, 50'000'000};
    ::nanosleep(&step, nullptr);
    EXPECT_LT(own_cpu_s() - after_s, 0.02);
}

TEST(Load, MemoryLoadWorksOnWhatItGot) {
    ASSERT_OK_AND_ASSIGN(auto load, make_memory_load(2, std::size_t{8} << 20));
    EXPECT_OK(load->check());
    EXPECT_TRUE(uses_cpu(0.05));
}

TEST(Load, MemoryThatCannotBeHadIsUnsupported) {
    // More than any machine has.
    EXPECT_ERROR(kUnsupported, make_memory_load(1, std::size_t{1} << 60), "memory load");
}

TEST(Load, CommandRunsUntilTheObjectGoes) {
    ASSERT_OK_AND_ASSIGN(auto load, make_command_load({"sleep", "600"}));
    EXPECT_OK(load->check());
}

TEST(Load, CommandThatEndsIsSeen) {
    ASSERT_OK_AND_ASSIGN(auto load, make_command_load({"sh", "-c", "exit 3"}));
    Status status;
    timespec step{0, 1'000'000};
    for (int i = 0; i < 20'000 && status; ++i) {
        ::nanosleep(&step, nullptr);
        status = load->check();
    }
    EXPECT_ERROR(kIo, status, "ended (3)");
    EXPECT_ERROR(kNotFound, make_command_load({"no-such-program-here"}), "no-such-program-here");
}

TEST(Load, IdleLoadDoesNothing) {
    const auto load = make_idle_load();
    EXPECT_OK(load->check());
    EXPECT_GE(usable_cpus(), 1U);
}

}  // namespace
}  // namespace finewatt
