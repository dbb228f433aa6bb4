#include "finewatt/study/recover_run.h"

#include "finewatt/base/file.h"
#include "finewatt/meter/journal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr std::int64_t kSecond = 1'000'000'000;

ChannelSpec package_counter() {
    ChannelSpec spec;
    spec.id = "powercap:package-0";
    spec.unit = "uJ";
    spec.unit_size = 1e-6;
    spec.range = 65'532'611'000;
    spec.max_power_w = 500;
    spec.domain = Domain::kPackage;
    spec.device = "cpu0";
    spec.update_ms = 1;
    spec.source = "powercap";
    return spec;
}

JournalHeader header(const std::string& boot_id) {
    JournalHeader header;
    header.run_id = "01KAQQ6Z3M5V8W9X0Y1Z2A3B4C";
    header.boot_id = boot_id;
    header.process = {1, 1, ""};  // process 1 did not start at tick 1
    header.begin = MonoTime::from_ns(1000 * kSecond);
    header.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000);
    header.interval = std::chrono::milliseconds(100);
    header.channels = {package_counter()};
    RunRecord facts;
    facts.run_id = header.run_id;
    facts.name = "nap";
    facts.kind = "fine-tuning";
    facts.settings["batch"] = std::int64_t{32};
    header.facts = journal_facts(facts);
    return header;
}

Checkpoint checkpoint(const JournalHeader& header, std::int64_t after_s, std::uint64_t energy_j) {
    Checkpoint checkpoint;
    checkpoint.time = header.begin + std::chrono::seconds(after_s);
    checkpoint.wall = header.started_at;
    ChannelCheckpoint& channel = checkpoint.channels.emplace_back();
    channel.first_good_time = header.begin;
    channel.time = checkpoint.time;
    channel.energy_uj = energy_j * 1'000'000;
    channel.raw = (60'000'000'000 + channel.energy_uj) % 65'532'611'000;
    channel.below_j = 0.1;
    channel.above_j = 0.2;
    return checkpoint;
}

/// A run of 100 W that was killed after a while, with a phase from 10 s to 30 s.
std::filesystem::path write_killed_run(const testing::TempTree& tree, const std::string& boot_id,
                                       std::int64_t length_s = 60) {
    const auto path = tree.path() / "01KAQQ6Z3M5V8W9X0Y1Z2A3B4C.jsonl";
    const JournalHeader start = header(boot_id);
    auto writer = JournalWriter::create(path, start);
    EXPECT_OK(writer);
    for (std::int64_t s = 1; s <= length_s; ++s) {
        if (s == 10 || s == 30) {
            (*writer)->phase_edge({"train", s == 10 ? PhaseEdge::kBegin : PhaseEdge::kEnd,
                                   start.begin + std::chrono::seconds(s)});
        }
        (*writer)->checkpoint(checkpoint(start, s, static_cast<std::uint64_t>(100 * s)));
    }
    (*writer)->event(R"({"event":"work","t_mono_ns":5,"steps":7,"examples":224})");
    (*writer)->event(R"({"event":"score","t_mono_ns":6,"name":"accuracy","value":0.9})");
    writer->reset();  // no end line
    return path;
}

/// One reading of the counter, at a time and value of choice.
class OneReading : public Source {
  public:
    OneReading(ChannelSpec spec, MonoTime time, std::uint64_t raw)
        : channels_{std::move(spec)},
          time_(time),
          raw_(raw) {}

    std::string_view name() const override { return "powercap"; }

    std::span<const ChannelSpec> channels() const override { return channels_; }

    void poll(std::span<Reading> readings) override {
        readings[0] = {time_, raw_, PollOutcome::kOk, {}};
    }

  private:
    std::vector<ChannelSpec> channels_;
    MonoTime time_;
    std::uint64_t raw_;
};

RecoverOptions options_with(ChannelSpec spec, std::int64_t at_s, std::uint64_t raw) {
    RecoverOptions options;
    options.boot_id = "this-boot";
    options.find_sources = [=] {
        std::vector<std::unique_ptr<Source>> sources;
        sources.push_back(
            std::make_unique<OneReading>(spec, MonoTime::from_ns(at_s * kSecond), raw));
        return sources;
    };
    return options;
}

TEST(RecoverRun, KilledRunHasItsEnergyPhasesWorkAndFacts) {
    const testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(const RecoveredRun run,
                         recover_run(write_killed_run(tree, "other-boot"), {}));
    const RunRecord& record = run.record;
    EXPECT_EQ(record.status, "recovered");
    EXPECT_EQ(record.name, "nap");
    EXPECT_EQ(record.kind, "fine-tuning");
    EXPECT_EQ(std::get<std::int64_t>(record.settings.at("batch")), 32);
    EXPECT_DOUBLE_EQ(record.duration_s.value(), 60);
    EXPECT_DOUBLE_EQ(record.energy.energy.value().as_joules(), 6000);
    EXPECT_LE(record.energy.energy_low.value().as_joules(), 5999.9);
    EXPECT_GE(record.energy.energy_high.value().as_joules(), 6000.2);
    ASSERT_EQ(record.phases.size(), 1U);
    EXPECT_DOUBLE_EQ(record.phases[0].energy.energy.value().as_joules(), 2000);
    EXPECT_EQ(record.work.value().examples, 224);
    EXPECT_EQ(record.scores.at("accuracy"), 0.9);
    ASSERT_EQ(run.series.size(), 1U);
    EXPECT_EQ(run.series[0].power_w.size(), 60U);
    EXPECT_FALSE(run.dead_time.has_value());
}

TEST(RecoverRun, DeadTimeIsMeasuredBesideTheRunWhenTheCounterLived) {
    const testing::TempTree tree;
    // 30 s at 50 W after the last checkpoint: the counter stands at 66,000 J + 1,500 J, wrapped.
    const RecoverOptions options =
        options_with(package_counter(), 1090, (66'000'000'000 + 1'500'000'000) % 65'532'611'000);
    ASSERT_OK_AND_ASSIGN(const RecoveredRun run,
                         recover_run(write_killed_run(tree, "this-boot"), options));
    ASSERT_TRUE(run.dead_time.has_value());
    EXPECT_DOUBLE_EQ(run.dead_time->duration_s, 30);
    EXPECT_NEAR(run.dead_time->energy.energy.value().as_joules(), 1500, 1e-5);
    EXPECT_DOUBLE_EQ(run.record.energy.energy.value().as_joules(), 6000);
    EXPECT_THAT(run.record.notes, Contains(HasSubstr("no part of the run")));
}

TEST(RecoverRun, DeadTimeThatMayHideAWrapIsUnknown) {
    const testing::TempTree tree;
    const RecoverOptions options = options_with(package_counter(), 1060 + 3600, 5'000'000);
    ASSERT_OK_AND_ASSIGN(const RecoveredRun run,
                         recover_run(write_killed_run(tree, "this-boot"), options));
    ASSERT_TRUE(run.dead_time.has_value());
    EXPECT_FALSE(run.dead_time->energy.energy.has_value());
    EXPECT_THAT(run.dead_time->energy.reason.value(), HasSubstr("more than one wrap possible"));
}

TEST(RecoverRun, AfterARebootOrForAnotherCounterThereIsNoDeadTime) {
    const testing::TempTree tree;
    const RecoverOptions later = options_with(package_counter(), 1090, 5);
    ASSERT_OK_AND_ASSIGN(const RecoveredRun rebooted,
                         recover_run(write_killed_run(tree, "other-boot"), later));
    EXPECT_FALSE(rebooted.dead_time.has_value());
    std::filesystem::remove(tree.path() / "01KAQQ6Z3M5V8W9X0Y1Z2A3B4C.jsonl");
    ChannelSpec other = package_counter();
    other.range = 262'143'329'000;
    ASSERT_OK_AND_ASSIGN(
        const RecoveredRun changed,
        recover_run(write_killed_run(tree, "this-boot"), options_with(other, 1090, 5)));
    EXPECT_FALSE(changed.dead_time.has_value());
}

TEST(RecoverRun, PowerLossAtAnyByteLosesAtMostTheLastSecond) {
    const testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(write_killed_run(tree, "b", 6)));
    const std::size_t header_end = text.find('\n');
    double last_s = 0;
    for (std::size_t size = header_end + 1; size < text.size(); ++size) {
        const auto path = tree.write("cut.jsonl", text.substr(0, size));
        const auto run = recover_run(path, {});
        ASSERT_OK(run);
        const double seconds = run->record.duration_s.value();
        EXPECT_GE(seconds, last_s) << size;
        EXPECT_LE(seconds, last_s + 1.001) << size;
        last_s = seconds;
        if (seconds > 0) {
            EXPECT_NEAR(run->record.energy.energy.value().as_joules(), 100 * seconds, 1e-6) << size;
        } else {
            EXPECT_FALSE(run->record.energy.energy.has_value()) << size;
        }
    }
    EXPECT_NEAR(last_s, 6, 1e-9);
    for (std::size_t size = 0; size <= header_end; ++size) {
        EXPECT_ERROR(kCorrupt, recover_run(tree.write("cut.jsonl", text.substr(0, size)), {}),
                     "no whole line");
    }
}

TEST(RecoverRun, BlocksThatWereNeverWrittenCountAsTheEnd) {
    const testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(std::string text, read_file(write_killed_run(tree, "b")));
    const std::size_t middle = text.size() / 2;
    std::fill(text.begin() + static_cast<std::ptrdiff_t>(middle), text.end(), '\0');
    ASSERT_OK_AND_ASSIGN(const RecoveredRun run, recover_run(tree.write("z.jsonl", text), {}));
    EXPECT_GT(run.record.energy.energy.value().as_joules(), 1000);
}

TEST(FindJournals, TellsRunningLeftAndBrokenOnesApart) {
    const testing::TempTree tree;
    write_killed_run(tree, "this-boot");
    JournalHeader mine = header("this-boot");
    mine.run_id = "mine";
    mine.process = current_process();
    ASSERT_OK(JournalWriter::create(tree.path() / "a.jsonl", mine));
    JournalHeader before = mine;
    before.run_id = "before";
    before.boot_id = "boot-before";
    ASSERT_OK(JournalWriter::create(tree.path() / "b.jsonl", before));
    tree.write("c.jsonl", "{\"finewatt_jour");
    tree.write("notes.txt", "no journal");
    const auto found = find_journals(tree.path(), "this-boot");
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].state, JournalState::kLeft);  // 01KAQ…
    EXPECT_EQ(found[1].state, JournalState::kRunning);
    EXPECT_EQ(found[1].pid, ::getpid());
    EXPECT_EQ(found[2].state, JournalState::kLeft);
    EXPECT_EQ(found[3].state, JournalState::kBroken);
    EXPECT_THAT(found[3].reason, HasSubstr("no whole line"));
}

TEST(FindJournals, MissingFolderHoldsNone) {
    EXPECT_TRUE(find_journals("/nonexistent/journal", "b").empty());
}

}  // namespace
}  // namespace finewatt
