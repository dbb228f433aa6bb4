// The meter on real threads, in a few tenths of a second of real time. Bounds are wide: a loaded
// machine may delay any thread.
#include "finewatt/meter/meter.h"

#include "finewatt/base/file.h"
#include "finewatt/meter/journal.h"
#include "finewatt/meter/scripted_source_internal.h"
#include "finewatt/meter/test_traces_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace finewatt {
namespace {

using meter_test::counter_uj;
using meter_test::ScriptedSource;
using meter_test::steady_counter;
using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::HasSubstr;

std::vector<std::unique_ptr<Source>> one_source(ChannelSpec spec, ScriptedSource::Script script) {
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(std::make_unique<ScriptedSource>(
        "scripted", std::vector<ChannelSpec>{std::move(spec)}, std::move(script)));
    return sources;
}

MeterOptions quick() {
    MeterOptions options;
    options.interval = 5ms;
    options.seed = 7;
    return options;
}

/// Wait until the meter has made some rounds, at most two seconds.
void wait_for_polls(const std::atomic<std::uint64_t>& polls, std::uint64_t least) {
    const auto limit = std::chrono::steady_clock::now() + 2s;
    while (polls.load() < least && std::chrono::steady_clock::now() < limit) {
        std::this_thread::sleep_for(1ms);
    }
}

ScriptedSource::Script counting(std::atomic<std::uint64_t>& polls, ScriptedSource::Script script) {
    return [&polls, script = std::move(script)](std::size_t channel, std::uint64_t poll,
                                                Reading& reading) {
        script(channel, poll, reading);
        ++polls;
    };
}

TEST(Meter, MeasuresASteadyCounterFromStartToStop) {
    const SystemClock clock;
    std::atomic<std::uint64_t> polls{0};
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(one_source(counter_uj(std::nullopt),
                                                             counting(polls, steady_counter(100))),
                                                  quick(), clock));
    wait_for_polls(polls, 20);
    const MeterResult result = meter->stop();
    const double seconds = as_seconds(result.end - result.begin);
    ASSERT_TRUE(result.energy.energy.has_value()) << result.energy.reason.value_or("");
    // Energy speaks of the seen share: a slow machine takes milliseconds to the first reading.
    const double seen_s = seconds * result.energy.coverage.value();
    EXPECT_GT(seen_s, 0.5 * seconds);
    EXPECT_NEAR(result.energy.energy->as_joules(), 100 * seen_s, 0.05 * 100 * seen_s);
    EXPECT_EQ(result.energy.provenance, "measured");
    EXPECT_THAT(result.energy.domains, ::testing::ElementsAre("package"));
    EXPECT_GE(result.statistics.rounds, 20U);
    EXPECT_EQ(result.statistics.samples, polls.load());
    EXPECT_GT(result.statistics.cpu_s, 0);
    EXPECT_EQ(result.statistics.seed, 7U);
    ASSERT_EQ(result.series.size(), 1U);
    EXPECT_FALSE(result.series[0].t_s.empty());
    EXPECT_FALSE(result.stopped_reason.has_value());
}

TEST(Meter, PhasesNestAndAnOpenOneEndsWithTheRun) {
    const SystemClock clock;
    std::atomic<std::uint64_t> polls{0};
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(one_source(counter_uj(std::nullopt),
                                                             counting(polls, steady_counter(100))),
                                                  quick(), clock));
    meter->phase_edge("train", PhaseEdge::kBegin, clock.mono_now());
    wait_for_polls(polls, 5);
    meter->phase_edge("eval", PhaseEdge::kBegin, clock.mono_now());
    meter->phase_edge("eval", PhaseEdge::kBegin, clock.mono_now());
    wait_for_polls(polls, polls.load() + 10);
    meter->phase_edge("eval", PhaseEdge::kEnd, clock.mono_now());
    meter->phase_edge("save", PhaseEdge::kEnd, clock.mono_now());
    const MeterResult result = meter->stop();
    ASSERT_EQ(result.phases.size(), 2U);
    EXPECT_EQ(result.phases[0].name, "train");
    EXPECT_EQ(result.phases[0].note, "phase not closed");
    EXPECT_EQ(result.phases[1].name, "eval");
    EXPECT_FALSE(result.phases[1].note.has_value());
    const EnergySummary& eval = result.phases[1].energy;
    ASSERT_TRUE(eval.energy.has_value());
    EXPECT_NEAR(eval.energy->as_joules(), 100 * result.phases[1].duration_s,
                5 * result.phases[1].duration_s);
    EXPECT_LT(eval.energy->as_joules(), result.phases[0].energy.energy.value().as_joules());
    EXPECT_THAT(result.notes, Contains(HasSubstr("'eval': begin ignored")));
    EXPECT_THAT(result.notes, Contains(HasSubstr("'save': end ignored")));
}

TEST(Meter, PhaseEdgeReadsAtOnceEvenWhenTheIntervalIsLong) {
    const SystemClock clock;
    std::atomic<std::uint64_t> polls{0};
    MeterOptions options;
    options.interval = 600s;
    ChannelSpec spec = counter_uj(std::nullopt);
    ASSERT_OK_AND_ASSIGN(
        auto meter,
        Meter::start(one_source(spec, counting(polls, steady_counter(100))), options, clock));
    EXPECT_EQ(polls.load(), 1U);
    meter->phase_edge("train", PhaseEdge::kBegin, clock.mono_now());
    wait_for_polls(polls, 2);
    EXPECT_EQ(polls.load(), 2U);
    const MeterResult result = meter->stop();
    EXPECT_EQ(polls.load(), 3U);
    EXPECT_TRUE(result.energy.energy.has_value());
}

TEST(Meter, SlowCounterIsReadAtEdgesAndOnceASecondOnly) {
    const SystemClock clock;
    std::atomic<std::uint64_t> polls{0};
    const auto slow = [](std::size_t, std::uint64_t poll, Reading& reading) {
        std::this_thread::sleep_for(3ms);
        reading.raw = poll;
    };
    ASSERT_OK_AND_ASSIGN(
        auto meter,
        Meter::start(one_source(counter_uj(std::nullopt), counting(polls, slow)), quick(), clock));
    std::this_thread::sleep_for(150ms);
    const MeterResult result = meter->stop();
    // Two polls show that it is slow; the last one is the edge. At most one a second besides.
    EXPECT_GE(polls.load(), 3U);
    EXPECT_LE(polls.load(), 4U + static_cast<std::uint64_t>(as_seconds(result.end - result.begin)));
    EXPECT_EQ(result.statistics.rounds, polls.load());
}

TEST(Meter, LiveFiguresGrowWithTheRun) {
    const SystemClock clock;
    std::atomic<std::uint64_t> polls{0};
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(one_source(counter_uj(std::nullopt),
                                                             counting(polls, steady_counter(100))),
                                                  quick(), clock));
    wait_for_polls(polls, 10);
    const LiveFigures early = meter->live();
    // Past 102 readings the running window takes over from the recomputed one.
    wait_for_polls(polls, 150);
    const LiveFigures late = meter->live();
    ASSERT_TRUE(early.energy.has_value() && late.energy.has_value());
    EXPECT_LT(early.energy->as_joules(), late.energy->as_joules());
    EXPECT_LE(late.energy_low.value(), *late.energy);
    EXPECT_GE(late.energy_high.value(), *late.energy);
    EXPECT_NEAR(late.power.value().as_watts(), 100, 10);
    const MeterResult result = meter->stop();
    EXPECT_GE(result.energy.energy.value(), *late.energy);
}

TEST(Meter, FailedReadsAreLostSamplesAndGoneClosesTheChannel) {
    const SystemClock clock;
    std::atomic<std::uint64_t> polls{0};
    const auto script = [](std::size_t, std::uint64_t poll, Reading& reading) {
        reading.raw = poll * 1'000;
        if (poll == 3) {
            reading.outcome = PollOutcome::kRetry;
            reading.error = "EIO";
        } else if (poll == 6) {
            reading.outcome = PollOutcome::kGone;
            reading.error = "GONE";
        }
    };
    ASSERT_OK_AND_ASSIGN(auto meter,
                         Meter::start(one_source(counter_uj(std::nullopt), counting(polls, script)),
                                      quick(), clock));
    wait_for_polls(polls, 7);
    std::this_thread::sleep_for(30ms);
    const MeterResult result = meter->stop();
    EXPECT_EQ(polls.load(), 7U);
    EXPECT_EQ(result.statistics.lost_samples.at("pkg0"), 2U);
    EXPECT_DOUBLE_EQ(result.energy.energy.value().as_joules(), 0.005);
    EXPECT_LT(result.energy.coverage.value(), 1);
    EXPECT_THAT(result.notes, Contains(HasSubstr("pkg0: the channel went away")));
}

TEST(Meter, FatalStopsMeteringAndSaysWhy) {
    const SystemClock clock;
    std::atomic<std::uint64_t> polls{0};
    const auto script = [](std::size_t, std::uint64_t poll, Reading& reading) {
        if (poll == 2) {
            reading.outcome = PollOutcome::kFatal;
            reading.error = "EBADF";
        }
    };
    ASSERT_OK_AND_ASSIGN(auto meter,
                         Meter::start(one_source(counter_uj(std::nullopt), counting(polls, script)),
                                      quick(), clock));
    wait_for_polls(polls, 3);
    std::this_thread::sleep_for(30ms);
    const MeterResult result = meter->stop();
    EXPECT_EQ(polls.load(), 3U);
    EXPECT_THAT(result.stopped_reason.value(), HasSubstr("pkg0 failed for good (EBADF)"));
}

TEST(Meter, WithoutSourcesTheTotalIsUnknownNotZero) {
    const SystemClock clock;
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start({}, quick(), clock));
    const MeterResult result = meter->stop();
    EXPECT_FALSE(result.energy.energy.has_value());
    EXPECT_EQ(result.energy.reason, "no channel");
}

TEST(Meter, RefusesTwoChannelsOfOneNameAndAnEmptyInterval) {
    const SystemClock clock;
    auto sources = one_source(counter_uj(std::nullopt), steady_counter(1));
    sources.push_back(std::move(one_source(counter_uj(std::nullopt), steady_counter(1)).front()));
    EXPECT_ERROR(kInvalidArgument, Meter::start(std::move(sources), quick(), clock), "pkg0");
    MeterOptions options;
    options.interval = 0ns;
    EXPECT_ERROR(kInvalidArgument, Meter::start({}, options, clock), "interval");
}

TEST(Meter, CounterThatWrapsQuicklyShortensTheInterval) {
    const SystemClock clock;
    // 1 J of range at 5 W: a read at least every 50 ms.
    ASSERT_OK_AND_ASSIGN(auto meter,
                         Meter::start(one_source(counter_uj(1'000'000, 5),
                                                 [](std::size_t, std::uint64_t, Reading&) {}),
                                      MeterOptions{}, clock));
    EXPECT_DOUBLE_EQ(meter->stop().statistics.interval_s, 0.05);
}

TEST(Meter, JournalOfARunGivesItsEnergyAgain) {
    const SystemClock clock;
    const testing::TempTree tree;
    std::atomic<std::uint64_t> polls{0};
    MeterOptions options = quick();
    options.run_id = "01J";
    options.boot_id = "boot";
    options.journal_path = tree.path() / "run.journal";
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(one_source(counter_uj(std::nullopt),
                                                             counting(polls, steady_counter(100))),
                                                  options, clock));
    meter->phase_edge("train", PhaseEdge::kBegin, clock.mono_now());
    meter->journal_event(R"({"event":"work","steps":3})");
    wait_for_polls(polls, 10);
    const MeterResult result = meter->stop();
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(options.journal_path));
    EXPECT_TRUE(journal.is_complete);
    EXPECT_EQ(journal.header.run_id, "01J");
    EXPECT_THAT(journal.events, ::testing::ElementsAre(R"({"event":"work","steps":3})"));
    // Microjoules are stored.
    const double best_j = result.energy.energy.value().as_joules();
    EXPECT_NEAR(journal.energy.energy.value().as_joules(), best_j, 2e-6);
    EXPECT_EQ(journal.energy.provenance, "measured");
    EXPECT_EQ(journal.header.process.pid, ::getpid());
    ASSERT_EQ(journal.phases.size(), 1U);
    EXPECT_EQ(journal.phases[0].name, "train");
    EXPECT_NEAR(journal.phases[0].energy.energy.value().as_joules(),
                result.phases.at(0).energy.energy.value().as_joules(), 2e-6);
}

TEST(Meter, FullDiskLosesTheJournalNotTheRun) {
    const SystemClock clock;
    MeterOptions options = quick();
    options.journal_path = "/dev/full";
    ASSERT_OK_AND_ASSIGN(
        auto meter,
        Meter::start(one_source(counter_uj(std::nullopt), steady_counter(100)), options, clock));
    const MeterResult result = meter->stop();
    EXPECT_TRUE(result.energy.energy.has_value());
    EXPECT_THAT(result.notes, Contains(HasSubstr("journal lost")));
}

TEST(Meter, SettingTheWallClockChangesLabelsOnly) {
    /// The machine's monotonic clock, and a wall clock that is set back by an hour on the way.
    class SetClock : public SystemClock {
      public:
        WallTime wall_now() const override {
            const std::int64_t now_ns = SystemClock::wall_now().as_unix_ns();
            return WallTime::from_unix_ns(is_set ? now_ns - 3'600'000'000'000 : now_ns);
        }

        std::atomic<bool> is_set{false};
    };

    SetClock clock;
    const testing::TempTree tree;
    std::atomic<std::uint64_t> polls{0};
    MeterOptions options = quick();
    options.journal_path = tree.path() / "j";
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(one_source(counter_uj(std::nullopt),
                                                             counting(polls, steady_counter(100))),
                                                  options, clock));
    wait_for_polls(polls, 10);
    clock.is_set = true;
    wait_for_polls(polls, 20);
    const MeterResult result = meter->stop();
    const double seconds = as_seconds(result.end - result.begin);
    EXPECT_LT(seconds, 60);
    // Energy speaks of the seen share: a slow machine takes milliseconds to the first reading.
    const double seen_s = seconds * result.energy.coverage.value();
    EXPECT_NEAR(result.energy.energy.value().as_joules(), 100 * seen_s, 5 * seen_s);
    EXPECT_GT(result.energy.coverage.value(), 0.8);
    EXPECT_LT(result.ended_at, result.started_at);
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(options.journal_path));
    EXPECT_EQ(journal.duration(), result.end - result.begin);
    EXPECT_LT(journal.ended_at, journal.header.started_at);
}

TEST(Meter, SecondMeterOfANodeKeepsItsWindowAndNamesTheFirst) {
    const SystemClock clock;
    const testing::TempTree tree;
    MeterOptions options = quick();
    options.boot_id = "boot";
    options.node_claims = NodeClaimOptions{tree.path()};
    const auto start = [&](const std::string& run_id) {
        options.run_id = run_id;
        return Meter::start(one_source(counter_uj(std::nullopt), steady_counter(100)), options,
                            clock);
    };
    ASSERT_OK_AND_ASSIGN(auto first, start("first"));
    ASSERT_OK_AND_ASSIGN(auto second, start("second"));
    const MeterResult nested = second->stop();
    EXPECT_TRUE(nested.energy.energy.has_value());
    ASSERT_EQ(nested.node_shares.size(), 1U);
    EXPECT_FALSE(nested.node_shares[0].is_counted_here);
    EXPECT_THAT(nested.notes, Contains(HasSubstr("run first")));
    const MeterResult outer = first->stop();
    EXPECT_TRUE(outer.node_shares.at(0).is_counted_here);
    EXPECT_THAT(outer.notes, ::testing::IsEmpty());
    EXPECT_TRUE(std::filesystem::is_empty(tree.path()));
}

/// In a process of its own: measure until the parent says so, and report the energy that counts in
/// the node's total, or -1.
void measure_as_rank(const std::filesystem::path& claims, int told_fd, int report_fd) {
    const SystemClock clock;
    MeterOptions options = quick();
    options.boot_id = "boot";
    options.run_id = std::to_string(::getpid());
    options.node_claims = NodeClaimOptions{claims};
    auto meter =
        Meter::start(one_source(counter_uj(std::nullopt), steady_counter(100)), options, clock);
    double counted_j = -2;
    char byte = 'r';
    if (meter && ::write(report_fd, &byte, 1) == 1 && ::read(told_fd, &byte, 1) == 1) {
        const MeterResult result = (*meter)->stop();
        const bool is_counted = result.node_shares.at(0).is_counted_here;
        counted_j = is_counted ? result.energy.energy.value().as_joules() : -1;
    }
    ::_exit(::write(report_fd, &counted_j, sizeof counted_j) == sizeof counted_j ? 0 : 1);
}

TEST(Meter, RanksOfOneNodeSumToOneNodeTotal) {
    const testing::TempTree tree;
    constexpr std::size_t kRanks = 4;
    std::array<std::array<int, 2>, kRanks> told{};
    std::array<std::array<int, 2>, kRanks> reports{};
    std::array<pid_t, kRanks> pids{};
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < kRanks; ++i) {
        ASSERT_EQ(::pipe(told.at(i).data()), 0);
        ASSERT_EQ(::pipe(reports.at(i).data()), 0);
        pids.at(i) = ::fork();
        if (pids.at(i) == 0) {
            measure_as_rank(tree.path(), told.at(i)[0], reports.at(i)[1]);
        }
    }
    char byte = 0;
    for (const auto& report : reports) {
        ASSERT_EQ(::read(report[0], &byte, 1), 1);
    }
    std::this_thread::sleep_for(100ms);
    double total_j = 0;
    int counted = 0;
    for (std::size_t i = 0; i < kRanks; ++i) {
        ASSERT_EQ(::write(told.at(i)[1], &byte, 1), 1);
        double rank_j = 0;
        ASSERT_EQ(::read(reports.at(i)[0], &rank_j, sizeof rank_j), ssize_t{sizeof rank_j});
        EXPECT_GE(rank_j, -1) << "rank " << i << " failed";
        counted += rank_j >= 0 ? 1 : 0;
        total_j += std::max(0.0, rank_j);
        ::waitpid(pids.at(i), nullptr, 0);
        for (const int fd : {told.at(i)[0], told.at(i)[1], reports.at(i)[0], reports.at(i)[1]}) {
            ::close(fd);
        }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(counted, 1);
    EXPECT_GE(total_j, 9);  // 100 W for at least the 0.1 s
    EXPECT_LE(total_j, 100 * took.count());
}

TEST(Meter, TraceHoldsEveryReadingInTimeOrder) {
    const SystemClock clock;
    const testing::TempTree tree;
    std::atomic<std::uint64_t> polls{0};
    MeterOptions options = quick();
    options.trace_path = tree.path() / "run.trace";
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(one_source(counter_uj(std::nullopt),
                                                             counting(polls, steady_counter(100))),
                                                  options, clock));
    wait_for_polls(polls, 10);
    // An edge that comes late: readings after it are in memory already.
    meter->phase_edge("train", PhaseEdge::kBegin,
                      MonoTime::from_ns(clock.mono_now().as_ns() - 10'000'000));
    const MeterResult result = meter->stop();
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(options.trace_path));
    const auto lines = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    EXPECT_EQ(lines, 1 + 1 + result.statistics.samples);
    EXPECT_EQ(text.rfind(R"({"channels":)", 0), 0U);
    EXPECT_THAT(text, HasSubstr(R"("phase":"train","edge":"begin"})"));
    std::int64_t last_ns = 0;
    for (std::size_t at = text.find("{\"t_ns\":"); at != std::string::npos;
         at = text.find("{\"t_ns\":", at + 1)) {
        const std::int64_t t_ns = std::stoll(text.substr(at + 8));
        EXPECT_GE(t_ns, last_ns);
        last_ns = t_ns;
    }
}

}  // namespace
}  // namespace finewatt
