// Sources that are slow, hang, vanish or lie, on real threads in a few tenths of a second. Bounds
// are wide: a loaded machine may delay any thread.
#include "finewatt/meter/sampler.h"

#include "finewatt/meter/meter.h"
#include "finewatt/meter/scripted_source_internal.h"
#include "finewatt/meter/test_traces_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
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

MeterOptions quick() {
    MeterOptions options;
    options.interval = 5ms;
    return options;
}

ChannelSpec named(std::string id, std::string device) {
    ChannelSpec spec = counter_uj(std::nullopt);
    spec.id = std::move(id);
    spec.device = std::move(device);
    return spec;
}

/// A gate that a hanging poll waits at. Kept alive by the source that hangs.
class Gate {
  public:
    void open() {
        const std::lock_guard lock(mutex_);
        is_open_ = true;
        changed_.notify_all();
    }

    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return is_open_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_open_ = false;
};

void wait_until(const std::function<bool()>& is_done) {
    const auto limit = std::chrono::steady_clock::now() + 10s;
    while (!is_done() && std::chrono::steady_clock::now() < limit) {
        std::this_thread::sleep_for(1ms);
    }
}

TEST(Sampler, SourceThatHangsHoldsUpNobodyAndIsLeftBehind) {
    const SystemClock clock;
    const auto gate = std::make_shared<Gate>();
    const auto returned = std::make_shared<std::atomic<bool>>(false);
    std::atomic<std::uint64_t> good_polls{0};
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(std::make_unique<ScriptedSource>(
        "nfs", std::vector<ChannelSpec>{named("nfs:a", "cpu1")},
        [gate, returned](std::size_t, std::uint64_t poll, Reading& reading) {
            reading.raw = poll * 1'000'000;
            if (poll == 3) {
                gate->wait();
                *returned = true;
            }
        }));
    sources.push_back(std::make_unique<ScriptedSource>(
        "good", std::vector<ChannelSpec>{named("good:b", "cpu0")},
        [&good_polls](std::size_t channel, std::uint64_t poll, Reading& reading) {
            steady_counter(100)(channel, poll, reading);
            ++good_polls;
        }));
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(std::move(sources), quick(), clock));
    wait_until([&] { return good_polls > 30; });
    EXPECT_GT(good_polls.load(), 30U) << "the good source must be read on";
    const MeterResult result = meter->stop();
    EXPECT_THAT(result.notes, Contains(HasSubstr("source nfs: did not answer")));
    EXPECT_THAT(result.notes, Contains(HasSubstr("nfs:a")));
    // What it told before it hung is kept; coverage shows how little that is.
    EXPECT_DOUBLE_EQ(result.energy.components.at(0).energy.value().as_joules(), 2);
    EXPECT_LT(result.energy.components.at(0).coverage.value(), 0.9);
    EXPECT_GT(result.energy.components.at(1).coverage.value(), 0.9);
    meter.reset();
    gate->open();
    wait_until([&] { return returned->load(); });
    EXPECT_TRUE(returned->load());
    // The thread ends by itself; give it the time, so that no checker finds it at the exit.
    std::this_thread::sleep_for(50ms);
}

TEST(Sampler, SourceThatHangsAtTheStartDoesNotStopTheRun) {
    const SystemClock clock;
    const auto gate = std::make_shared<Gate>();
    const auto returned = std::make_shared<std::atomic<bool>>(false);
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(
        std::make_unique<ScriptedSource>("nfs", std::vector<ChannelSpec>{named("nfs:a", "cpu1")},
                                         [gate, returned](std::size_t, std::uint64_t, Reading&) {
                                             gate->wait();
                                             *returned = true;
                                         }));
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(std::move(sources), quick(), clock));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 900ms);
    gate->open();
    wait_until([&] { return returned->load(); });
    const MeterResult result = meter->stop();
    EXPECT_THAT(result.notes, ::testing::Not(Contains(HasSubstr("did not answer"))));
}

/// As ScriptedSource, with a period of its own.
class Plug : public ScriptedSource {
  public:
    using ScriptedSource::ScriptedSource;

    std::chrono::nanoseconds poll_period() const override { return 200ms; }
};

TEST(Sampler, PollPeriodIsHonouredAndEdgesWakeAll) {
    const SystemClock clock;
    std::atomic<std::uint64_t> plug_polls{0};
    std::atomic<std::uint64_t> quick_polls{0};
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(
        std::make_unique<Plug>("plug", std::vector<ChannelSpec>{named("plug", "node")},
                               [&](std::size_t, std::uint64_t, Reading&) { ++plug_polls; }));
    sources.push_back(std::make_unique<ScriptedSource>(
        "quick", std::vector<ChannelSpec>{named("quick", "cpu0")},
        [&](std::size_t, std::uint64_t, Reading&) { ++quick_polls; }));
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(std::move(sources), quick(), clock));
    wait_until([&] { return plug_polls >= 4; });
    const auto took = std::chrono::steady_clock::now() - begin;
    // The first comes at once, the others a period later each.
    EXPECT_GE(took, 600ms);
    EXPECT_GT(quick_polls.load(), plug_polls.load());
    const std::uint64_t before = plug_polls.load();
    const auto edge = std::chrono::steady_clock::now();
    meter->phase_edge("train", PhaseEdge::kBegin, clock.mono_now());
    wait_until([&] { return plug_polls > before; });
    EXPECT_LT(std::chrono::steady_clock::now() - edge, 190ms) << "the edge did not wake the plug";
    meter->stop();
}

TEST(Sampler, PeriodBeginsAnewWithEveryReadingSoThatNoStepLooksLikeASilence) {
    ChannelSpec spec = named("plug", "node");
    spec.kind = ChannelKind::kGauge;
    const SystemClock clock;
    std::atomic<std::uint64_t> polls{0};
    std::vector<MonoTime> times;
    times.reserve(64);
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(std::make_unique<Plug>("plug", std::vector<ChannelSpec>{spec},
                                             [&](std::size_t, std::uint64_t, Reading& reading) {
                                                 reading.raw = 100;
                                                 times.push_back(reading.time);
                                                 ++polls;
                                             }));
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(std::move(sources), quick(), clock));
    // In the middle of a period, where the next point would come soon after it.
    std::this_thread::sleep_for(150ms);
    const std::uint64_t before = polls;
    meter->phase_edge("train", PhaseEdge::kBegin, clock.mono_now());
    wait_until([&] { return polls >= before + 2; });
    meter->stop();
    EXPECT_GE(times[1] - times[0], 100ms) << "a reading soon after the first";
    EXPECT_GE(times[before + 1] - times[before], 150ms) << "a reading soon after the edge's";
}

/// As ScriptedSource, but waits for nothing.
class PromptSource : public ScriptedSource {
  public:
    using ScriptedSource::ScriptedSource;

    bool is_prompt() const override { return true; }
};

TEST(Sampler, PromptSourcesShareAThreadThatNoOtherSourceHoldsUp) {
    const SystemClock clock;
    const auto gate = std::make_shared<Gate>();
    std::mutex mutex;
    std::set<std::thread::id> threads;
    std::map<std::string, std::uint64_t> polls;
    const auto count = [&](const std::string& name) {
        return [&, name](std::size_t, std::uint64_t poll, Reading& reading) {
            reading.raw = poll;
            const std::lock_guard lock(mutex);
            threads.insert(std::this_thread::get_id());
            ++polls[name];
        };
    };
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(std::make_unique<PromptSource>(
        "a", std::vector<ChannelSpec>{named("a", "cpu0")}, count("a")));
    sources.push_back(std::make_unique<ScriptedSource>(
        "nfs", std::vector<ChannelSpec>{named("nfs", "cpu1")},
        [gate](std::size_t, std::uint64_t, Reading&) { gate->wait(); }));
    sources.push_back(std::make_unique<PromptSource>(
        "b", std::vector<ChannelSpec>{named("b", "ram")}, count("b")));
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(std::move(sources), quick(), clock));
    wait_until([&] {
        const std::lock_guard lock(mutex);
        return polls["a"] > 10 && polls["b"] > 10;
    });
    gate->open();
    const MeterResult result = meter->stop();
    EXPECT_EQ(threads.size(), 1U);
    EXPECT_EQ(polls["a"], polls["b"]) << "both are due at the same points";
    EXPECT_EQ(result.energy.components.at(0).source, "a");
    EXPECT_EQ(result.energy.components.at(2).source, "b");
}

TEST(Sampler, PromptSourceThatIsGoneDoesNotEndTheOthers) {
    const SystemClock clock;
    std::atomic<std::uint64_t> gone_polls{0};
    std::atomic<std::uint64_t> good_polls{0};
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(
        std::make_unique<PromptSource>("gone", std::vector<ChannelSpec>{named("gone", "cpu0")},
                                       [&](std::size_t, std::uint64_t, Reading& reading) {
                                           ++gone_polls;
                                           reading.outcome = PollOutcome::kGone;
                                       }));
    sources.push_back(
        std::make_unique<PromptSource>("good", std::vector<ChannelSpec>{named("good", "ram")},
                                       [&](std::size_t, std::uint64_t poll, Reading& reading) {
                                           ++good_polls;
                                           reading.raw = poll;
                                       }));
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(std::move(sources), quick(), clock));
    wait_until([&] { return good_polls > 10; });
    meter->stop();
    EXPECT_GT(good_polls.load(), 10U);
    EXPECT_EQ(gone_polls.load(), 1U) << "a source that went away is not asked again";
}

TEST(Sampler, FastWrappingCounterIsReadMoreOftenThanItsPeriodSays) {
    ChannelSpec fast = counter_uj(1'000'000, 5);  // wraps every 0.2 s at its ceiling
    const std::vector<ChannelSpec> one{fast};
    EXPECT_EQ(longest_safe_period(one), std::chrono::nanoseconds(50ms));
    const std::vector<ChannelSpec> none{counter_uj(std::nullopt)};
    EXPECT_FALSE(longest_safe_period(none).has_value());
}

/// Reads a counter file anew at each poll, as a source on a file system that may change does.
class FileSource : public Source {
  public:
    explicit FileSource(std::filesystem::path path) : path_(std::move(path)) {}

    std::string_view name() const override { return "file"; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    void poll(std::span<Reading> readings) override {
        readings[0].time = clock_.mono_now();
        std::ifstream file(path_);
        std::uint64_t raw = 0;
        if (!file) {
            readings[0].outcome = errno == ENOENT ? PollOutcome::kGone : PollOutcome::kRetry;
            readings[0].error = errno == ENOENT ? "GONE" : "EACCES";
        } else if (!(file >> raw)) {
            readings[0].outcome = PollOutcome::kRetry;
            readings[0].error = "EINVAL";
        } else {
            readings[0].outcome = PollOutcome::kOk;
            readings[0].raw = raw;
        }
    }

  private:
    std::filesystem::path path_;
    std::vector<ChannelSpec> channels_{counter_uj(std::nullopt)};
    SystemClock clock_;
};

TEST(Sampler, FileThatTurnsToGarbageAndVanishesLeavesWhatWasRead) {
    const testing::TempTree tree;
    const SystemClock clock;
    const auto path = tree.write("energy_uj", "1000000");
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(std::make_unique<FileSource>(path));
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(std::move(sources), quick(), clock));
    const auto write_whole = [&](const std::string& text) {
        tree.write("new", text);
        std::filesystem::rename(tree.path() / "new", path);
        std::this_thread::sleep_for(40ms);
    };
    write_whole("3000000");
    write_whole("no number");
    write_whole("");
    write_whole("6000000");
    std::filesystem::remove(path);
    std::this_thread::sleep_for(40ms);
    const MeterResult result = meter->stop();
    EXPECT_DOUBLE_EQ(result.energy.energy.value().as_joules(), 5);
    EXPECT_GE(result.statistics.lost_samples.at("pkg0"), 2U);
    EXPECT_THAT(result.notes, Contains(HasSubstr("pkg0: the channel went away")));
}

TEST(Sampler, EdgesLiveFiguresAndReadingsFromManyThreadsDoNotRace) {
    const SystemClock clock;
    const testing::TempTree tree;
    std::vector<std::unique_ptr<Source>> sources;
    for (int i = 0; i < 4; ++i) {
        const std::string id = "c" + std::to_string(i);
        sources.push_back(std::make_unique<ScriptedSource>(
            id, std::vector<ChannelSpec>{named(id, id)}, steady_counter(25)));
    }
    MeterOptions options = quick();
    options.interval = 1ms;
    options.journal_path = tree.path() / "j";
    options.trace_path = tree.path() / "t";
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(std::move(sources), options, clock));
    std::vector<std::thread> workers;
    for (int w = 0; w < 3; ++w) {
        workers.emplace_back([&, w] {
            for (int i = 0; i < 40; ++i) {
                const std::string name = "p" + std::to_string(w);
                const PhaseEdge edge = i % 2 == 0 ? PhaseEdge::kBegin : PhaseEdge::kEnd;
                meter->phase_edge(name, edge, clock.mono_now());
                EXPECT_GE(meter->live().duration.count(), 0);
                std::this_thread::sleep_for(2ms);
            }
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    const MeterResult result = meter->stop();
    EXPECT_EQ(result.phases.size(), 60U);
    const double seconds = as_seconds(result.end - result.begin);
    EXPECT_NEAR(result.energy.energy.value().as_joules(), 100 * seconds, 20 * seconds);
}

}  // namespace
}  // namespace finewatt
