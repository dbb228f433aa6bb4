#include "finewatt/engine/events.h"

#include "finewatt/testing/manual_clock.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

namespace finewatt {
namespace {

/// A pipe with a writer on one end. The read end does not block.
class EventWriterTest : public ::testing::Test {
  protected:
    void SetUp() override {
        int ends[2] = {-1, -1};
        ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        read_end_ = ScopedFd(ends[0]);
        write_end_ = ScopedFd(ends[1]);
        ASSERT_EQ(::fcntl(read_end_.get(), F_SETFL, O_NONBLOCK), 0);
        std::signal(SIGPIPE, SIG_IGN);  // as the program does
    }

    std::string read_all() const {
        std::string text;
        std::vector<char> buffer(1 << 16);
        for (ssize_t n = 0; (n = ::read(read_end_.get(), buffer.data(), buffer.size())) > 0;) {
            text.append(buffer.data(), static_cast<std::size_t>(n));
        }
        return text;
    }

    std::vector<nlohmann::json> read_events() const {
        std::vector<nlohmann::json> events;
        std::istringstream lines(read_all());
        for (std::string line; std::getline(lines, line);) {
            events.push_back(nlohmann::json::parse(line));
        }
        return events;
    }

    testing::ManualClock clock_;
    ScopedFd read_end_;
    ScopedFd write_end_;
};

TEST_F(EventWriterTest, PhaseHasBothEdgesWithTheTimeOfTheClock) {
    ASSERT_OK_AND_ASSIGN(EventWriter events, EventWriter::for_descriptor(write_end_.get(), clock_));
    clock_.advance(std::chrono::nanoseconds(1234));
    {
        const PhaseScope phase(events, "train");
        clock_.advance(std::chrono::nanoseconds(1));
    }
    const auto lines = read_events();
    ASSERT_EQ(lines.size(), 2U);
    EXPECT_EQ(lines[0], nlohmann::json::parse(R"({"event":"phase","t_mono_ns":1234,"rank":0,
        "name":"train","edge":"begin"})"));
    EXPECT_EQ(lines[1]["edge"], "end");
    EXPECT_EQ(lines[1]["t_mono_ns"], 1235);
}

TEST_F(EventWriterTest, WorkCarriesRunningTotals) {
    ASSERT_OK_AND_ASSIGN(EventWriter events, EventWriter::for_descriptor(write_end_.get(), clock_));
    EngineWork work;
    work.steps = 50;
    work.tokens_real = 106'560;
    work.flops_model = 5.53e13;
    events.work(work, true);
    const auto lines = read_events();
    ASSERT_EQ(lines.size(), 1U);
    EXPECT_EQ(lines[0]["event"], "work");
    EXPECT_EQ(lines[0]["steps"], 50);
    EXPECT_EQ(lines[0]["tokens_real"], 106'560);
    EXPECT_DOUBLE_EQ(lines[0]["flops_model"], 5.53e13);
}

TEST_F(EventWriterTest, AFullPipeDropsProgressAndKeepsLinesWhole) {
    ASSERT_OK_AND_ASSIGN(EventWriter events, EventWriter::for_descriptor(write_end_.get(), clock_));
    constexpr std::int64_t kFarTooMany = 50'000;  // more than the enlarged pipe holds
    for (std::int64_t i = 0; i < kFarTooMany; ++i) {
        events.progress(i, kFarTooMany, 0.5, 1e-5);
    }
    const auto kept = read_events();  // parses every line
    EXPECT_GT(kept.size(), 100U);
    EXPECT_LT(kept.size(), static_cast<std::size_t>(kFarTooMany));
    events.phase_begin("after");
    EXPECT_EQ(read_events().back()["name"], "after");
}

TEST_F(EventWriterTest, LeavesTheInheritedDescriptorBlocking) {
    ASSERT_OK_AND_ASSIGN(EventWriter events, EventWriter::for_descriptor(write_end_.get(), clock_));
    EXPECT_EQ(::fcntl(write_end_.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(EventWriterTest, AReaderThatLeftSilencesTheWriter) {
    ASSERT_OK_AND_ASSIGN(EventWriter events, EventWriter::for_descriptor(write_end_.get(), clock_));
    read_end_.reset();
    events.phase_begin("train");
    EXPECT_TRUE(events.is_silent());
    events.phase_end("train");  // and this is no error either
}

TEST(EventWriterEnvironment, UnsetMeansSilent) {
    ::unsetenv("FINEWATT_EVENT_FD");
    const testing::ManualClock clock;
    ASSERT_OK_AND_ASSIGN(EventWriter events, EventWriter::from_environment(clock));
    EXPECT_TRUE(events.is_silent());
}

TEST(EventWriterEnvironment, RefusesWhatIsNotAnOpenDescriptor) {
    const testing::ManualClock clock;
    for (const char* bad : {"seven", "-1", "7x", "99999"}) {
        ::setenv("FINEWATT_EVENT_FD", bad, 1);
        EXPECT_ERROR(kInvalidArgument, EventWriter::from_environment(clock), "FINEWATT_EVENT_FD")
            << bad;
    }
    ::unsetenv("FINEWATT_EVENT_FD");
}

}  // namespace
}  // namespace finewatt
