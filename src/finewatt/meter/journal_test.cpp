#include "finewatt/meter/journal.h"

#include "finewatt/base/file.h"
#include "finewatt/meter/test_traces_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using meter_test::at;
using meter_test::counter_uj;
using meter_test::kSecond;
using ::testing::HasSubstr;

JournalHeader header() {
    JournalHeader header;
    header.run_id = "01J";
    header.boot_id = "boot";
    header.begin = at(100);
    header.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000);
    header.process = {1234, 99, "pid:[1]"};
    header.seed = 42;
    header.interval = std::chrono::milliseconds(100);
    header.facts = R"({"name":"nap"})";
    header.channels = {counter_uj(1'000'000)};
    header.channels[0].resolution_raw = 61;
    return header;
}

/// A checkpoint of a counter that was first read at 100 ns.
Checkpoint checkpoint(std::int64_t t_ns, std::uint64_t energy_j) {
    ChannelCheckpoint channel;
    channel.first_good_time = at(100);
    channel.time = at(t_ns);
    channel.energy_uj = energy_j * 1'000'000;
    channel.raw = (123 + channel.energy_uj) % 1'000'000;
    channel.below_j = 1;
    channel.above_j = 2;
    channel.wraps = energy_j;
    channel.gaps = 1;
    Checkpoint checkpoint;
    checkpoint.time = at(t_ns);
    checkpoint.wall = WallTime::from_unix_ns(1'795'408'080'000'000'000 + t_ns);
    checkpoint.channels = {channel};
    return checkpoint;
}

/// Write a journal with two checkpoints and one phase, and return its text.
std::string write_small_journal(const std::filesystem::path& path) {
    auto writer = JournalWriter::create(path, header());
    EXPECT_OK(writer);
    (*writer)->phase_edge({"train \"1\"", PhaseEdge::kBegin, at(100 + 5 * kSecond)});
    (*writer)->checkpoint(checkpoint(100 + 5 * kSecond, 20));
    (*writer)->checkpoint(checkpoint(100 + 10 * kSecond, 50));
    EXPECT_OK((*writer)->finish(at(100 + 11 * kSecond), WallTime{}));
    return read_file(path).value();
}

TEST(Journal, ReadsBackWhatWasWritten) {
    const testing::TempTree tree;
    write_small_journal(tree.path() / "j");
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(tree.path() / "j"));
    EXPECT_TRUE(journal.is_complete);
    EXPECT_FALSE(journal.has_torn_tail);
    EXPECT_EQ(journal.header.boot_id, "boot");
    EXPECT_EQ(journal.header.seed, 42U);
    EXPECT_EQ(journal.header.facts, R"({"name":"nap"})");
    EXPECT_EQ(journal.header.process.start_ticks, 99U);
    ASSERT_EQ(journal.header.channels.size(), 1U);
    EXPECT_EQ(journal.header.channels[0].range, 1'000'000U);
    EXPECT_EQ(journal.header.channels[0].unit_size, 1e-6);
    EXPECT_EQ(journal.header.channels[0].resolution_raw, 61);
    EXPECT_DOUBLE_EQ(journal.energy.energy.value().as_joules(), 50);
    // Bounds may be written up to 5 % and one digit wider than they are.
    EXPECT_NEAR(journal.energy.energy_low.value().as_joules(), 49, 0.15);
    EXPECT_NEAR(journal.energy.energy_high.value().as_joules(), 52, 0.2);
    EXPECT_EQ(journal.energy.provenance, "measured");
    EXPECT_DOUBLE_EQ(journal.energy.coverage.value(), 10.0 / 11);
    EXPECT_EQ(journal.last_checkpoint->channels[0].wraps, 50U);
    EXPECT_EQ(journal.last_checkpoint->channels[0].gaps, 1U);
    EXPECT_EQ(journal.last_checkpoint->channels[0].raw, 123U);
    EXPECT_EQ(journal.last_checkpoint->wall.as_unix_ns(),
              1'795'408'080'000'000'000 + 100 + 10 * kSecond);
    EXPECT_EQ(journal.duration(), std::chrono::seconds(11));
    ASSERT_EQ(journal.series.size(), 1U);
    EXPECT_EQ(journal.series[0].power_w, (std::vector<double>{4, 6}));
}

TEST(Journal, PhasesGetTheirEnergyBack) {
    const testing::TempTree tree;
    write_small_journal(tree.path() / "j");
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(tree.path() / "j"));
    ASSERT_EQ(journal.phases.size(), 1U);
    const PhaseRecord& phase = journal.phases[0];
    EXPECT_EQ(phase.name, "train \"1\"");
    EXPECT_EQ(phase.note, "phase not closed");
    EXPECT_DOUBLE_EQ(phase.t_begin_s, 5);
    EXPECT_DOUBLE_EQ(phase.duration_s, 6);
    EXPECT_DOUBLE_EQ(phase.energy.energy.value().as_joules(), 30);
    EXPECT_LE(phase.energy.energy_low.value().as_joules(), 29);
    EXPECT_GE(phase.energy.energy_high.value().as_joules(), 32);
}

TEST(Journal, UnknownStepMakesTheRunUnknownButNotALaterPhase) {
    const testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(auto writer, JournalWriter::create(tree.path() / "j", header()));
    writer->checkpoint(checkpoint(100 + 1 * kSecond, 10));
    Checkpoint reset = checkpoint(100 + 2 * kSecond, 10);
    reset.channels[0].unknown_steps = 1;
    reset.channels[0].reason = "counter reset";
    reset.channels[0].above_j.reset();
    reset.channels[0].raw = 7;
    writer->checkpoint(reset);
    writer->phase_edge({"later", PhaseEdge::kBegin, at(100 + 2 * kSecond)});
    Checkpoint later = reset;
    later.time = at(100 + 3 * kSecond);
    later.channels[0].time = later.time;
    later.channels[0].energy_uj += 5'000'000;
    later.channels[0].raw = 7;
    writer->checkpoint(later);
    ASSERT_OK(writer->finish(at(100 + 3 * kSecond), WallTime{}));
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(tree.path() / "j"));
    EXPECT_FALSE(journal.energy.energy.has_value());
    EXPECT_EQ(journal.energy.reason, "pkg0: counter reset");
    EXPECT_GE(journal.energy.energy_low.value().as_joules(), 13);
    EXPECT_FALSE(journal.energy.energy_high.has_value());
    EXPECT_EQ(journal.last_checkpoint->channels[0].raw, 7U);
    const EnergySummary& phase = journal.phases.at(0).energy;
    EXPECT_EQ(phase.components.at(0).energy_low.has_value(), true);
}

TEST(Journal, ChannelWithoutAGoodReadingStaysUnknown) {
    const testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(auto writer, JournalWriter::create(tree.path() / "j", header()));
    Checkpoint failing;
    failing.time = at(100 + kSecond);
    failing.wall = WallTime::from_unix_ns(1);
    failing.channels.emplace_back().gaps = 1;
    failing.channels[0].reason = "fewer than two good readings";
    writer->checkpoint(failing);
    ASSERT_OK(writer->finish(at(100 + kSecond), WallTime{}));
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(tree.path() / "j"));
    EXPECT_FALSE(journal.energy.energy.has_value());
    EXPECT_EQ(journal.energy.reason, "pkg0: fewer than two good readings");
}

TEST(Journal, ACheckpointTakesAboutAHundredBytes) {
    const testing::TempTree tree;
    JournalHeader many = header();
    many.channels.clear();
    for (int i = 0; i < 6; ++i) {
        many.channels.push_back(counter_uj(std::nullopt));
        many.channels.back().id += std::to_string(i);
    }
    ASSERT_OK_AND_ASSIGN(auto writer, JournalWriter::create(tree.path() / "j", many));
    std::mt19937_64 random(1);
    std::vector<ChannelCheckpoint> totals(6);
    constexpr int kCheckpoints = 10'000;
    for (int i = 1; i <= kCheckpoints; ++i) {
        Checkpoint now;
        now.time = at(100 + i * kSecond + static_cast<std::int64_t>(random() % 100'000'000));
        now.wall = WallTime::from_unix_ns(1'795'408'080'000'000'000 - 100 + now.time.as_ns());
        for (ChannelCheckpoint& total : totals) {
            total.first_good_time = at(100);
            total.time = now.time;
            total.energy_uj += 150'000'000 + random() % 100'000'000;
            total.raw = total.energy_uj;
            total.below_j = 0.2;
            total.above_j = 0.15 + 0.0001 * static_cast<double>(random() % 1000);
        }
        now.channels = totals;
        writer->checkpoint(now);
    }
    ASSERT_OK(writer->finish(at(0), WallTime{}));
    const double bytes = static_cast<double>(std::filesystem::file_size(tree.path() / "j"));
    EXPECT_LT(bytes / kCheckpoints, 103);  // 28 days of seconds in 250 MB
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(tree.path() / "j"));
    EXPECT_EQ(journal.last_checkpoint->channels[5].energy_uj, totals[5].energy_uj);
}

TEST(Journal, AnyCutIsReadUpToItsLastWholeLine) {
    const testing::TempTree tree;
    const std::string text = write_small_journal(tree.path() / "j");
    const std::size_t header_end = text.find('\n');
    const std::size_t checkpoint_end = text.find('\n', text.find("\"c\":"));
    for (std::size_t size = 0; size < text.size(); ++size) {
        const auto cut = read_journal(tree.write("cut", text.substr(0, size)));
        if (size <= header_end) {
            EXPECT_ERROR(kCorrupt, cut, "no whole line");
            continue;
        }
        ASSERT_OK(cut);
        EXPECT_EQ(cut->has_torn_tail, text[size - 1] != '\n') << size;
        EXPECT_EQ(cut->energy.energy.has_value(), size > checkpoint_end) << size;
        EXPECT_FALSE(cut->is_complete);
    }
}

TEST(Journal, WithoutACheckpointTheEnergyIsUnknown) {
    const testing::TempTree tree;
    const std::string text = write_small_journal(tree.path() / "j");
    ASSERT_OK_AND_ASSIGN(const JournalContents journal,
                         read_journal(tree.write("h", text.substr(0, text.find('\n') + 1))));
    EXPECT_THAT(journal.energy.reason.value(), HasSubstr("before its first checkpoint"));
}

TEST(Journal, BrokenLineInTheMiddleIsAnErrorWithItsNumber) {
    const testing::TempTree tree;
    const std::string text = write_small_journal(tree.path() / "j");
    const std::string head = text.substr(0, text.find('\n') + 1);
    EXPECT_ERROR(kCorrupt, read_journal(tree.write("a", head + "{\"phase\":\n" + text)), "a:2");
    EXPECT_ERROR(kCorrupt, read_journal(tree.write("b", head + "{\"phase\":7}\n")), "b:2");
    EXPECT_ERROR(kCorrupt, read_journal(tree.write("c", "{}\n")), "header");
}

TEST(Journal, DoesNotOverwriteTheJournalOfAnotherRun) {
    const testing::TempTree tree;
    const auto path = tree.write("j", "precious");
    EXPECT_ERROR(kInvalidArgument, JournalWriter::create(path, header()), "existing one");
    EXPECT_EQ(read_file(path).value(), "precious");
}

TEST(Journal, DropsEventsThatAreNotObjects) {
    const testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(auto writer, JournalWriter::create(tree.path() / "j", header()));
    writer->event("{broken");
    writer->event("[1]");
    writer->event(R"({"event":"score"})");
    ASSERT_OK(writer->finish(at(200), WallTime{}));
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(tree.path() / "j"));
    EXPECT_EQ(journal.events.size(), 1U);
}

TEST(Journal, FullDiskIsReportedAndTheRestIsDropped) {
    ASSERT_OK_AND_ASSIGN(auto writer, JournalWriter::create("/dev/full", header()));
    writer->checkpoint(checkpoint(kSecond, 1));
    const Status status = writer->finish(at(200), WallTime{});
    EXPECT_ERROR(kIo, status, "/dev/full");
    EXPECT_TRUE(writer->is_lost());
}

/// Run `child` in a forked process that must not return; give back its wait status.
template <class Child>
int in_child(const Child& child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        child();
        ::_exit(99);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
}

TEST(Journal, FileSizeLimitLeavesAReadableJournal) {
    const testing::TempTree tree;
    const auto path = tree.path() / "j";
    const int status = in_child([&path] {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{3000, 3000};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        auto writer = JournalWriter::create(path, header());
        if (!writer) {
            ::_exit(1);
        }
        for (int i = 1; i <= 100; ++i) {
            (*writer)->checkpoint(checkpoint(100 + i * kSecond, static_cast<std::uint64_t>(i)));
        }
        ::_exit((*writer)->finish(at(200), WallTime{}) ? 2 : 0);
    });
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << "finish() must report the full disk";
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(path));
    EXPECT_TRUE(journal.has_torn_tail);
    EXPECT_FALSE(journal.is_complete);
    EXPECT_GE(journal.energy.energy.value().as_joules(), 1);
}

TEST(Journal, KilledWriterKeepsWhatItWrote) {
    const testing::TempTree tree;
    const auto path = tree.path() / "j";
    const int status = in_child([&path] {
        auto writer = JournalWriter::create(path, header());
        if (!writer) {
            ::_exit(1);
        }
        (*writer)->checkpoint(checkpoint(100 + kSecond, 7));
        // The thread writes at once; wait for the line, then die without any cleaning up.
        for (int i = 0;
             i < 2000 && read_file(path).value_or("").find("\"c\":") == std::string::npos; ++i) {
            ::usleep(1000);
        }
        ::kill(::getpid(), SIGKILL);
    });
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(path));
    EXPECT_FALSE(journal.is_complete);
    EXPECT_DOUBLE_EQ(journal.energy.energy.value().as_joules(), 7);
}

TEST(BootId, IsReadWithoutItsLineEnd) {
    const testing::TempTree tree;
    const auto path = tree.write("boot_id", "1f-2e\n");
    ASSERT_OK_AND_ASSIGN(const std::string id, read_boot_id(path));
    EXPECT_EQ(id, "1f-2e");
}

}  // namespace
}  // namespace finewatt
