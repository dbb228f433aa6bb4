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

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>

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
    header.seed = 42;
    header.channels = {counter_uj(1'000'000)};
    return header;
}

Checkpoint checkpoint(std::int64_t t_ns, double best_j) {
    ChannelCheckpoint channel;
    channel.last_raw = 123;
    channel.energy.energy = joules(best_j);
    channel.energy.energy_low = joules(best_j - 1);
    channel.energy.energy_high = joules(best_j + 2);
    channel.energy.provenance = Provenance::kMeasured;
    channel.energy.coverage = 1;
    channel.energy.wraps = 4;
    channel.energy.gaps = 1;
    Checkpoint checkpoint;
    checkpoint.time = at(t_ns);
    checkpoint.wall = WallTime::from_unix_ns(t_ns);
    checkpoint.channels = {channel};
    return checkpoint;
}

/// Write a journal with one checkpoint and one phase, and return its text.
std::string write_small_journal(const std::filesystem::path& path) {
    auto writer = JournalWriter::create(path, header());
    EXPECT_OK(writer);
    (*writer)->phase_edge({"train \"1\"", PhaseEdge::kBegin, at(200)});
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
    ASSERT_EQ(journal.header.channels.size(), 1U);
    EXPECT_EQ(journal.header.channels[0].range, 1'000'000U);
    EXPECT_EQ(journal.header.channels[0].unit_size, 1e-6);
    ASSERT_EQ(journal.phase_edges.size(), 1U);
    EXPECT_EQ(journal.phase_edges[0].name, "train \"1\"");
    const EnergySummary energy = journal.energy();
    EXPECT_DOUBLE_EQ(energy.energy.value().as_joules(), 50);
    EXPECT_DOUBLE_EQ(energy.energy_low.value().as_joules(), 49);
    EXPECT_DOUBLE_EQ(energy.energy_high.value().as_joules(), 52);
    EXPECT_DOUBLE_EQ(energy.components.at(0).power_mean.value().as_watts(), 5);
    EXPECT_EQ(journal.last_checkpoint->channels[0].energy.wraps, 4U);
    EXPECT_EQ(journal.duration(), std::chrono::seconds(11));
}

TEST(Journal, AnyCutIsReadUpToItsLastWholeLine) {
    const testing::TempTree tree;
    const std::string text = write_small_journal(tree.path() / "j");
    const std::size_t header_end = text.find('\n');
    const std::size_t checkpoint_end = text.find('\n', text.find("checkpoint"));
    for (std::size_t size = 0; size < text.size(); ++size) {
        const auto cut = read_journal(tree.write("cut", text.substr(0, size)));
        if (size <= header_end) {
            EXPECT_ERROR(kCorrupt, cut, "no whole line");
            continue;
        }
        ASSERT_OK(cut);
        EXPECT_EQ(cut->has_torn_tail, text[size - 1] != '\n') << size;
        EXPECT_EQ(cut->energy().energy.has_value(), size > checkpoint_end) << size;
        EXPECT_FALSE(cut->is_complete);
    }
}

TEST(Journal, WithoutACheckpointTheEnergyIsUnknown) {
    const testing::TempTree tree;
    const std::string text = write_small_journal(tree.path() / "j");
    ASSERT_OK_AND_ASSIGN(const JournalContents journal,
                         read_journal(tree.write("h", text.substr(0, text.find('\n') + 1))));
    EXPECT_THAT(journal.energy().reason.value(), HasSubstr("before its first checkpoint"));
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
        const rlimit limit{2000, 2000};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        auto writer = JournalWriter::create(path, header());
        if (!writer) {
            ::_exit(1);
        }
        for (int i = 1; i <= 100; ++i) {
            (*writer)->checkpoint(checkpoint(100 + i * kSecond, i));
        }
        ::_exit((*writer)->finish(at(200), WallTime{}) ? 2 : 0);
    });
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << "finish() must report the full disk";
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(path));
    EXPECT_TRUE(journal.has_torn_tail);
    EXPECT_FALSE(journal.is_complete);
    EXPECT_GE(journal.energy().energy.value().as_joules(), 1);
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
             i < 2000 && read_file(path).value_or("").find("checkpoint") == std::string::npos;
             ++i) {
            ::usleep(1000);
        }
        ::kill(::getpid(), SIGKILL);
    });
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_OK_AND_ASSIGN(const JournalContents journal, read_journal(path));
    EXPECT_FALSE(journal.is_complete);
    EXPECT_DOUBLE_EQ(journal.energy().energy.value().as_joules(), 7);
}

TEST(BootId, IsReadWithoutItsLineEnd) {
    const testing::TempTree tree;
    const auto path = tree.write("boot_id", "1f-2e\n");
    ASSERT_OK_AND_ASSIGN(const std::string id, read_boot_id(path));
    EXPECT_EQ(id, "1f-2e");
}

}  // namespace
}  // namespace finewatt
