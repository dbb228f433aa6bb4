#include "finewatt/testing/matchers.h"
#include "finewatt/testing/wall_probing.h"

#include <filesystem>
#include <fstream>

namespace finewatt {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::FakeMachine;
using testing::poll_shown;
using testing::probe_wall;

// The fake machine's clock stands at 2026-11-23T04:28:00Z.
constexpr const char* kHeader = "time,power_w\n";

/// A file that grows while it is read.
struct GrowingFile {
    FakeMachine machine;
    std::filesystem::path path;

    explicit GrowingFile(const std::string& text) : path(machine.tree.write("plug.csv", text)) {}

    void append(const std::string& text) const {
        std::ofstream(path, std::ios::app | std::ios::binary) << text;
    }

    SourceProbe probe(const std::string& query = "") {
        return probe_wall(machine, "csv:" + path.string() + query);
    }
};

TEST(CsvMeter, NewestLineIsTheReading) {
    GrowingFile file(std::string(kHeader) +
                     "2026-11-23T04:27:58Z,90\n2026-11-23T04:27:59Z,100.5\n");
    const SourceProbe probe = file.probe();
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 100500"));
    file.machine.clock.advance(seconds(1));
    file.append("2026-11-23T04:28:00Z,110\n2026-11-23T05:28:01+01:00,12");
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 110000"));  // the last line is torn
    file.append("0\r\n");
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 120000"));
}

TEST(CsvMeter, StepAndAgeGoIntoTheChannel) {
    GrowingFile file(std::string(kHeader) + "2026-11-23T04:27:59Z,100.5\n");
    const SourceProbe probe = file.probe("?update_ms=500");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    const ChannelSpec& power = probe.source->channels()[0];
    EXPECT_NEAR(power.resolution_raw, 100, 1e-9);
    // A line may be 3 x 500 ms + 1 s old, and the request's allowance is 250 ms.
    EXPECT_EQ(power.update_ms, 2750);
}

TEST(CsvMeter, ColumnsHaveTheNamesThatTheUserSays) {
    GrowingFile file("when;x\n");
    file.machine.tree.write("plug.csv", "epoch,W,kWh\n1795408079.5,98,1.250\n");
    const SourceProbe probe = file.probe("?time=epoch&power_w=W&energy_kwh=kWh");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    // The counter is kept in millijoules; a step is 3.6 kJ.
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 98000", "ok 4500000000"));
    EXPECT_NEAR(probe.source->channels()[1].resolution_raw, 3.6e6, 1e-3);
    const SourceProbe wrong = file.probe("?time=when");
    EXPECT_NE(wrong.reports.at(0).why.find("expected the column 'when', found: epoch, W, kWh"),
              std::string::npos);
}

TEST(CsvMeter, OldLinesAreNoReading) {
    GrowingFile file(std::string(kHeader) + "2026-11-23T04:27:59Z,100\n");
    const SourceProbe probe = file.probe();
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    file.machine.clock.advance(milliseconds(3000));
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 100000"));  // 4 s old
    file.machine.clock.advance(milliseconds(1));
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ETIMEDOUT"));
    file.append("2026-11-23T04:28:03Z,101\n");
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 101000"));
}

TEST(CsvMeter, LinesFromTheFutureShowAWrongClock) {
    GrowingFile file(std::string(kHeader) + "2026-11-23T05:27:59Z,100\n");
    const SourceProbe probe = file.probe();
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_NE(probe.reports.at(0).why.find("lies in the future"), std::string::npos);
}

TEST(CsvMeter, WrongLinesAreBadMessages) {
    GrowingFile file(std::string(kHeader) + "2026-11-23T04:27:59Z,100\n");
    const SourceProbe probe = file.probe();
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    for (const char* const line : {"2026-11-23T04:28:00Z", "2026-11-23T04:28:00Z,lots",
                                   "2026-11-23T04:28:00Z,-1", "04:28:00,100", "\"x,1"}) {
        file.append(line + std::string("\n"));
        EXPECT_THAT(poll_shown(*probe.source), ElementsAre("EBADMSG")) << line;
    }
    file.append("2026-11-23T04:28:00Z,7\n");
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 7000"));
}

TEST(CsvMeter, FileThatIsReplacedOrGoneIsFollowed) {
    GrowingFile file(std::string(kHeader) + "2026-11-23T04:27:58Z,90\n2026-11-23T04:27:59Z,100\n");
    const SourceProbe probe = file.probe();
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    file.machine.tree.write("plug.csv", "power_w,time\n55,2026-11-23T04:27:59Z\n");
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 55000"));
    std::filesystem::remove(file.path);
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ECONNREFUSED"));
    file.machine.tree.write("plug.csv", kHeader);
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ECONNREFUSED"));  // no reading yet
    file.append("2026-11-23T04:28:00Z,60\n");
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 60000"));
}

TEST(CsvMeter, OnlyTheEndOfALongFileIsRead) {
    GrowingFile file(kHeader);
    std::string lines;
    for (int i = 0; i < 100'000; ++i) {
        lines += "2026-11-23T04:27:50Z,1\n";
    }
    file.append(lines + "2026-11-23T04:27:59Z,77\n");
    const SourceProbe probe = file.probe();
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 77000"));
}

TEST(CsvMeter, MissingFileIsAbsent) {
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "csv:/nowhere/plug.csv");
    EXPECT_EQ(probe.reports.at(0).status, SourceStatus::kAbsent);
}

}  // namespace
}  // namespace finewatt
