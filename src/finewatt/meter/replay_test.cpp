#include "finewatt/meter/replay.h"

#include "finewatt/meter/meter.h"
#include "finewatt/meter/scripted_source_internal.h"
#include "finewatt/meter/test_traces_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const char* const kHeader =
    R"({"finewatt_trace":1,"started_at":"2026-11-23T04:28:00Z","channels":[)"
    R"({"id":"pkg0","kind":"counter","unit":"uJ","range":1000000,"max_power_w":5,)"
    R"("domain":"package","device":"cpu0","window_ms":null,"update_ms":1}]})"
    "\n";

const char* const kBody =
    R"({"t_ns":0,"phase":"train","edge":"begin"}
{"t_ns":0,"id":"pkg0","raw":900000}
{"t_ns":100000000,"id":"pkg0","raw":100000}
{"t_ns":200000000,"id":"pkg0","error":"EIO"}
{"t_ns":300000000,"id":"pkg0","raw":500000}
{"t_ns":300000000,"phase":"train","edge":"end"}
)";

std::string example() {
    return std::string(kHeader) + kBody;
}

TEST(Replay, WorkedExampleOfTheFormatPrintsItsAnswer) {
    const testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(const ReplayResult result, replay_file(tree.write("t", example())));
    const std::string figures =
        R"("energy_j":0.6,"energy_j_low":0.597999,"energy_j_high":0.602001,"coverage":1.0,)"
        R"("wraps":1,"gaps":1,"provenance":"measured","reason":null)";
    const std::string channels =
        R"("channels":[{"id":"pkg0",)" + figures + R"(,"resolution_j":1e-06}])";
    EXPECT_EQ(replay_json(result),
              "{" + channels + R"(,"phases":[{"name":"train","t_begin_ns":0,)" +
                  R"("t_end_ns":300000000,)" + channels + R"(}],"total":{)" + figures +
                  R"(,"domains":["package"],"counted":["pkg0"],"excluded":[]}})");
}

TEST(Replay, LastLineMayLackItsEndAndUnknownFieldsAreIgnored) {
    const testing::TempTree tree;
    std::string text = std::string(kHeader) +
                       R"({"t_ns":0,"id":"pkg0","raw":1,"x":{"raw":[]}})"
                       "\n" +
                       R"({"raw":5,"id":"pkg0","t_ns":100000000})";
    ASSERT_OK_AND_ASSIGN(const ReplayResult result, replay_file(tree.write("t", text)));
    EXPECT_DOUBLE_EQ(result.channels.at(0).energy.value().as_joules(), 4e-6);
}

TEST(Replay, OpenPhaseEndsAtTheLastLineAndSaysSo) {
    const testing::TempTree tree;
    const std::string text = std::string(kHeader) +
                             R"({"t_ns":5,"phase":"a","edge":"begin"}
{"t_ns":7,"phase":"b","edge":"begin"}
{"t_ns":9,"phase":"a","edge":"end"}
{"t_ns":11,"id":"pkg0","raw":1}
)";
    ASSERT_OK_AND_ASSIGN(const ReplayResult result, replay_file(tree.write("t", text)));
    ASSERT_EQ(result.phases.size(), 2U);
    EXPECT_TRUE(result.phases[0].notes.empty());
    EXPECT_EQ(result.phases[1].end.as_ns(), 11);
    EXPECT_THAT(result.phases[1].notes, ElementsAre("phase not closed"));
    EXPECT_FALSE(result.total.energy.has_value());
    EXPECT_EQ(result.total.reason, "pkg0: fewer than two good readings");
}

TEST(Replay, EmptyChannelListGivesNoChannel) {
    const testing::TempTree tree;
    const char* text = R"({"finewatt_trace":1,"started_at":"2026-11-23T04:28:00Z","channels":[]})";
    ASSERT_OK_AND_ASSIGN(const ReplayResult result, replay_file(tree.write("t", text)));
    EXPECT_EQ(result.total.reason, "no channel");
    EXPECT_THAT(replay_json(result), HasSubstr(R"("total":{"energy_j":null)"));
}

TEST(Replay, LongLinesAndManyChunksAreRead) {
    const testing::TempTree tree;
    std::string text = kHeader;
    const std::string filler(3'000'000, 'x');
    text += fmt::format("{{\"t_ns\":0,\"id\":\"pkg0\",\"raw\":0,\"x\":\"{}\"}}\n", filler);
    for (int i = 1; i <= 50'000; ++i) {
        text += fmt::format("{{\"t_ns\":{},\"id\":\"pkg0\",\"raw\":{}}}\n", i * 1'000'000L,
                            (i * 1000) % 1'000'000);
    }
    ASSERT_OK_AND_ASSIGN(const ReplayResult result, replay_file(tree.write("t", text)));
    EXPECT_DOUBLE_EQ(result.channels.at(0).energy.value().as_joules(), 50);
    EXPECT_EQ(result.channels.at(0).wraps, 50U);
}

struct Malformed {
    const char* name;
    std::string text;
    const char* where;
    const char* message;
};

std::string with_line(const std::string& line) {
    return std::string(kHeader) + R"({"t_ns":5,"id":"pkg0","raw":1})" + "\n" + line + "\n";
}

std::string with_channel(const std::string& fields) {
    return R"({"finewatt_trace":1,"started_at":"2026-11-23T04:28:00Z","channels":[{)" + fields +
           "}]}\n";
}

TEST(Replay, MalformedFilesAreRefusedWithFileAndLine) {
    const std::vector<Malformed> rows{
        {"empty file", "", "t:1: ", "empty file"},
        {"not a trace", "{}\n", "t:1: ", "finewatt_trace"},
        {"version 2", R"({"finewatt_trace":2,"started_at":"2026-11-23T04:28:00Z","channels":[]})",
         "t:1: ", "found 2"},
        {"no channels", R"({"finewatt_trace":1,"started_at":"2026-11-23T04:28:00Z"})",
         "t:1: ", "channels"},
        {"local time", R"({"finewatt_trace":1,"started_at":"2026-11-23 04:28","channels":[]})",
         "t:1: ", "started_at"},
        {"empty line", with_line(""), "t:3: ", "an empty line"},
        {"array", with_line("[1]"), "t:3: ", "one JSON object"},
        {"torn", std::string(kHeader) + R"({"t_ns":5,"id":"pk)", "t:2: ", "one JSON object"},
        {"two objects", with_line("{} {}"), "t:3: ", "one JSON object"},
        {"two kinds", with_line(R"({"t_ns":6,"id":"pkg0","raw":1,"error":"EIO"})"),
         "t:3: ", "found 2"},
        {"no kind", with_line(R"({"t_ns":6,"id":"pkg0"})"), "t:3: ", "found 0"},
        {"no time", with_line(R"({"id":"pkg0","raw":1})"), "t:3: ", "t_ns"},
        {"time with fraction", with_line(R"({"t_ns":6.0,"id":"pkg0","raw":1})"), "t:3: ", "t_ns"},
        {"negative time", with_line(R"({"t_ns":-1,"id":"pkg0","raw":1})"), "t:3: ", "t_ns"},
        {"time decreases", with_line(R"({"t_ns":4,"id":"pkg0","raw":1})"),
         "t:3: ", "at least 5, found 4"},
        {"negative raw", with_line(R"({"t_ns":6,"id":"pkg0","raw":-1})"), "t:3: ", "raw"},
        {"raw of 2^64", with_line(R"({"t_ns":6,"id":"pkg0","raw":18446744073709551616})"),
         "t:3: ", "expected"},
        {"raw of NaN", with_line(R"({"t_ns":6,"id":"pkg0","raw":NaN})"), "t:3: ", "JSON object"},
        {"raw with fraction", with_line(R"({"t_ns":6,"id":"pkg0","raw":1.5})"), "t:3: ", "raw"},
        {"raw beyond any number", with_line(R"({"t_ns":6,"id":"pkg0","raw":1e999})"),
         "t:3: ", "expected"},
        {"raw as text", with_line(R"({"t_ns":6,"id":"pkg0","raw":"1"})"), "t:3: ", "raw"},
        {"raw with leading zero", with_line(R"({"t_ns":6,"id":"pkg0","raw":01})"),
         "t:3: ", "JSON object"},
        {"time of 2^63", with_line(R"({"t_ns":9223372036854775808,"id":"pkg0","raw":1})"),
         "t:3: ", "t_ns"},
        {"text after the line", with_line(R"({"t_ns":6,"id":"pkg0","raw":1}x)"),
         "t:3: ", "JSON object"},
        {"cut after the id", std::string(kHeader) + R"({"t_ns":6,"id":"pkg0")",
         "t:2: ", "JSON object"},
        {"cut in the number", with_line(R"({"t_ns":6,"id":"pkg0","raw":1)"),
         "t:3: ", "JSON object"},
        {"zero byte", with_line(std::string(R"({"t_ns":6,"id":"pkg0","raw":1)") + '\0'),
         "t:3: ", "JSON object"},
        {"unknown unit", with_channel(R"("id":"a","kind":"counter","unit":"kWh","domain":"gpu")"),
         "t:1: ", "unit"},
        {"ceiling beyond any number",
         with_channel(R"("id":"a","kind":"counter","unit":"J","domain":"gpu","max_power_w":1e999)"),
         "t:1: ", "expected"},
        {"negative ceiling",
         with_channel(R"("id":"a","kind":"counter","unit":"J","domain":"gpu","max_power_w":-1)"),
         "t:1: ", "max_power_w"},
        {"unknown channel", with_line(R"({"t_ns":6,"id":"gpu9","raw":1})"), "t:3: ", "'gpu9'"},
        {"no id", with_line(R"({"t_ns":6,"raw":1})"), "t:3: ", "'id'"},
        {"end without begin", with_line(R"({"t_ns":6,"phase":"a","edge":"end"})"),
         "t:3: ", "only its end"},
        {"unknown edge", with_line(R"({"t_ns":6,"phase":"a","edge":"middle"})"), "t:3: ", "edge"},
        {"phase without edge", with_line(R"({"t_ns":6,"phase":"a"})"), "t:3: ", "edge"},
        {"begin while open",
         with_line(R"({"t_ns":6,"phase":"a","edge":"begin"})"
                   "\n"
                   R"({"t_ns":6,"phase":"a","edge":"begin"})"),
         "t:4: ", "found it open"},
        {"gauge in joules", with_channel(R"("id":"a","kind":"gauge","unit":"J","domain":"gpu")"),
         "t:1: ", "unit"},
        {"ticks without size",
         with_channel(R"("id":"a","kind":"counter","unit":"ticks","domain":"gpu")"),
         "t:1: ", "joules_per_tick"},
        {"size without ticks",
         with_channel(R"("id":"a","kind":"counter","unit":"J","joules_per_tick":2,"domain":"gpu")"),
         "t:1: ", "joules_per_tick"},
        {"range of a gauge",
         with_channel(R"("id":"a","kind":"gauge","unit":"W","range":5,"domain":"gpu")"),
         "t:1: ", "range"},
        {"range of zero",
         with_channel(R"("id":"a","kind":"counter","unit":"J","range":0,"domain":"gpu")"),
         "t:1: ", "range"},
        {"empty id", with_channel(R"("id":"","kind":"counter","unit":"J","domain":"gpu")"),
         "t:1: ", "non-empty"},
        {"unknown domain", with_channel(R"("id":"a","kind":"counter","unit":"J","domain":"x")"),
         "t:1: ", "domain"},
        {"duplicate id",
         with_channel(R"("id":"a","kind":"counter","unit":"J","domain":"gpu"},)"
                      R"({"id":"a","kind":"counter","unit":"J","domain":"gpu")"),
         "t:1: ", "'a' twice"},
    };
    const testing::TempTree tree;
    for (const Malformed& row : rows) {
        const auto path = tree.write("t", row.text);
        const auto result = replay_file(path);
        EXPECT_ERROR(kCorrupt, result, row.message) << row.name;
        EXPECT_ERROR(kCorrupt, result, row.where) << row.name;
        EXPECT_ERROR(kCorrupt, result, "expected ") << row.name;
    }
}

/// A random line of a trace: a reading, a failed read or a phase edge, in an unusual shape.
std::string unusual(std::int64_t t_ns, const std::string& id, std::uint64_t raw, int shape) {
    switch (shape) {
        case 0:
            return fmt::format(R"({{"id":"{1}","raw":{2},"t_ns":{0}}})", t_ns, id, raw);
        case 1:
            return fmt::format(R"({{"t_ns": {},  "id": "{}", "raw": {} }})", t_ns, id, raw);
        case 2:
            return fmt::format(R"({{"t_ns":{},"id":"{}","raw":{},"extra":[1,{{}}]}})", t_ns, id,
                               raw);
        case 3:
            return fmt::format(R"({{"t_ns":{},"id":"\u0070{}","raw":{}}})", t_ns, id.substr(1),
                               raw);
        default:
            return fmt::format(R"({{ "t_ns":{},"id":"{}","raw":{}}})", t_ns, id, raw) + "\r";
    }
}

TEST(Replay, UnusualShapesOfALineMeanTheSame) {
    const testing::TempTree tree;
    std::string header =
        R"({"finewatt_trace":1,"started_at":"2026-11-23T04:28:00Z","channels":[)"
        R"({"id":"pkg0","kind":"counter","unit":"uJ","range":65532611000,"domain":"package"},)"
        R"({"id":"pkg1","kind":"gauge","unit":"mW","domain":"gpu"},)"
        R"({"id":"p","kind":"counter","unit":"uJ","domain":"node"}]})"
        "\n";
    std::mt19937_64 random(3);
    std::string plain = header;
    std::string mixed = header;
    std::uint64_t total = 65'000'000'000;
    for (int i = 0; i < 3'000; ++i) {
        const std::int64_t t_ns = i * 10'000'000L;
        const std::array<const char*, 3> ids{"pkg0", "pkg1", "p"};
        const std::string id = ids.at(random() % 3);
        total += random() % 2'000'000;
        const std::uint64_t raw = id == "pkg0" ? total % 65'532'611'000 : total / 1'000;
        const std::string line =
            fmt::format(R"({{"t_ns":{},"id":"{}","raw":{}}})", t_ns, id, raw) + "\n";
        const auto shape = static_cast<int>(random() % 6);
        plain += line;
        mixed += shape == 5 ? line : unusual(t_ns, id, raw, shape) + "\n";
    }
    ASSERT_OK_AND_ASSIGN(const ReplayResult a, replay_file(tree.write("a", plain)));
    ASSERT_OK_AND_ASSIGN(const ReplayResult b, replay_file(tree.write("b", mixed)));
    EXPECT_EQ(replay_json(a), replay_json(b));
    EXPECT_EQ(a.channels.at(0).wraps, 1U);
}

TEST(Replay, TraceCutAtAnyByteIsRefusedOrWhole) {
    const testing::TempTree tree;
    const std::string text = example();
    for (std::size_t size = 0; size < text.size(); ++size) {
        const std::string cut = text.substr(0, size);
        const auto result = replay_file(tree.write("t", cut));
        const bool ends_a_line = !cut.empty() && (cut.back() == '\n' || text[size] == '\n');
        EXPECT_EQ(result.has_value(), ends_a_line) << size;
        if (!result) {
            EXPECT_EQ(result.error().code(), ErrorCode::kCorrupt) << size;
        }
    }
}

TEST(Replay, EndlessLineIsRefusedWithoutEatingTheMemory) {
    const testing::TempTree tree;
    const auto path = tree.write("t", std::string(kHeader) + std::string(40'000'000, ' '));
    EXPECT_ERROR(kCorrupt, replay_file(path), "t:2: expected a line of at most");
}

TEST(Replay, ResolutionOfTheHeaderIsTheHardwaresStep) {
    const testing::TempTree tree;
    std::string text = example();
    text.replace(text.find("\"update_ms\":1"), 13, "\"update_ms\":1,\"resolution\":61");
    ASSERT_OK_AND_ASSIGN(const ReplayResult result, replay_file(tree.write("t", text)));
    const ChannelEnergy& energy = result.channels.at(0);
    EXPECT_DOUBLE_EQ(energy.resolution.as_joules(), 61e-6);
    EXPECT_DOUBLE_EQ(energy.energy_low.value().as_joules(), 0.6 - 0.002 - 61e-6);
    EXPECT_DOUBLE_EQ(energy.energy_high.value().as_joules(), 0.6 + 0.002 + 61e-6);
}

TEST(Replay, MissingFileIsNotFound) {
    EXPECT_ERROR(kNotFound, replay_file("/nonexistent/trace"), "/nonexistent/trace");
}

TEST(Replay, RunWithNonsensePhaseEdgesCanBeReplayed) {
    const SystemClock clock;
    const testing::TempTree tree;
    MeterOptions options;
    options.interval = std::chrono::milliseconds(5);
    options.trace_path = tree.path() / "trace";
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(std::make_unique<meter_test::ScriptedSource>(
        "scripted", std::vector<ChannelSpec>{meter_test::counter_uj(std::nullopt)},
        meter_test::steady_counter(100)));
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(std::move(sources), options, clock));
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    const MonoTime now = clock.mono_now();
    const auto ago = [now](int ms) { return now + -std::chrono::milliseconds(ms); };
    meter->phase_edge("a", PhaseEdge::kBegin, ago(20));
    meter->phase_edge("a", PhaseEdge::kEnd, ago(30));    // before its begin
    meter->phase_edge("a", PhaseEdge::kBegin, ago(40));  // before its last end
    meter->phase_edge("b", PhaseEdge::kBegin, MonoTime::from_ns(INT64_MAX));
    meter->phase_edge("c", PhaseEdge::kBegin, MonoTime::from_ns(-5));
    meter->phase_edge("c", PhaseEdge::kEnd, ago(10));
    const MeterResult live = meter->stop();
    ASSERT_OK_AND_ASSIGN(const ReplayResult replayed, replay_file(options.trace_path));
    ASSERT_EQ(live.phases.size(), 4U);
    ASSERT_EQ(replayed.phases.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(replayed.phases[i].name, live.phases[i].name);
        EXPECT_GE(live.phases[i].t_begin_s, 0);
        if (!live.phases[i].note) {
            EXPECT_EQ(replayed.phases[i].channels[0].energy, live.phases[i].energy.energy) << i;
        }
    }
}

TEST(Replay, RecordedRunGivesTheSameEnergyAsTheLiveOne) {
    const SystemClock clock;
    const testing::TempTree tree;
    MeterOptions options;
    options.interval = std::chrono::milliseconds(5);
    options.trace_path = tree.path() / "trace";
    ChannelSpec counter = meter_test::counter_uj(meter_test::kSmallRange);
    counter.resolution_raw = 15.3;
    ChannelSpec model = meter_test::gauge_mw(std::nullopt);
    model.provenance = Provenance::kModelled;
    model.gain_error_low = 0.5;
    model.gain_error_high = 0.5;
    std::vector<std::unique_ptr<Source>> sources;
    sources.push_back(std::make_unique<meter_test::ScriptedSource>(
        "scripted", std::vector<ChannelSpec>{counter, model},
        [](std::size_t channel, std::uint64_t poll, Reading& reading) {
            // The counter wraps at its third step.
            reading.raw = channel == 0 ? (meter_test::kSmallRange - 200'000 + poll * 70'000) %
                                             meter_test::kSmallRange
                                       : 40'000 + poll * 100;
            reading.outcome = poll == 5 ? PollOutcome::kRetry : PollOutcome::kOk;
        }));
    ASSERT_OK_AND_ASSIGN(auto meter, Meter::start(std::move(sources), options, clock));
    const MonoTime begin = clock.mono_now();
    meter->phase_edge("train", PhaseEdge::kBegin, begin);
    std::this_thread::sleep_for(std::chrono::milliseconds(120));
    meter->phase_edge("train", PhaseEdge::kEnd, clock.mono_now());
    const MeterResult live = meter->stop();
    ASSERT_OK_AND_ASSIGN(const ReplayResult replayed, replay_file(options.trace_path));
    ASSERT_EQ(replayed.channels.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        const ComponentEnergy& component = live.energy.components[i];
        ASSERT_TRUE(component.energy.has_value()) << component.reason.value_or("");
        EXPECT_EQ(replayed.channels[i].energy, component.energy);
        EXPECT_EQ(replayed.channels[i].energy_low, component.energy_low);
        EXPECT_EQ(replayed.channels[i].energy_high, component.energy_high);
        EXPECT_EQ(provenance_name(*replayed.channels[i].provenance), component.provenance);
        const ComponentEnergy& phase = live.phases.at(0).energy.components[i];
        EXPECT_EQ(replayed.phases.at(0).channels[i].energy, phase.energy);
        EXPECT_EQ(replayed.phases.at(0).channels[i].energy_low, phase.energy_low);
        EXPECT_EQ(replayed.phases.at(0).channels[i].energy_high, phase.energy_high);
    }
    EXPECT_EQ(replayed.total.energy, live.energy.energy);
}

}  // namespace
}  // namespace finewatt
