#include "finewatt/study/event_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace finewatt {
namespace {

constexpr MonoTime kNow = MonoTime::from_ns(1000);

TEST(EventReader, LinesCutAnywhereGiveTheSameEvents) {
    const std::string text =
        "{\"event\":\"phase\",\"t_mono_ns\":5,\"name\":\"train\",\"edge\":\"begin\"}\n"
        "{\"event\":\"work\",\"t_mono_ns\":6,\"steps\":2,\"tokens_real\":71}\n"
        "{\"event\":\"score\",\"t_mono_ns\":7,\"name\":\"accuracy\",\"value\":0.5}\n";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        EventReader reader;
        std::vector<Event> events = reader.feed(text.substr(0, cut), kNow);
        for (Event& event : reader.feed(text.substr(cut), kNow)) {
            events.push_back(std::move(event));
        }
        ASSERT_EQ(events.size(), 3U) << "cut at " << cut;
        EXPECT_EQ(std::get<PhaseEvent>(events[0].body).name, "train");
        EXPECT_EQ(events[0].time.as_ns(), 5);
        EXPECT_EQ(std::get<WorkEvent>(events[1].body).tokens_real, 71);
        EXPECT_EQ(std::get<WorkEvent>(events[1].body).examples, std::nullopt);
        EXPECT_EQ(std::get<ScoreEvent>(events[2].body).value, 0.5);
    }
}

TEST(EventReader, UnknownAndBrokenLinesAreKeptAsTheyAre) {
    EventReader reader;
    const auto events = reader.feed(
        "{\"event\":\"weather\",\"rain\":\"x\"}\nnot json\n"
        "{\"event\":\"phase\",\"name\":\"train\",\"edge\":\"middle\"}\n",
        kNow);
    ASSERT_EQ(events.size(), 3U);
    EXPECT_TRUE(std::holds_alternative<OtherEvent>(events[0].body));
    EXPECT_EQ(events[0].line, "{\"event\":\"weather\",\"rain\":\"x\"}");
    EXPECT_EQ(events[1].line, "not json");
    EXPECT_TRUE(std::holds_alternative<OtherEvent>(events[2].body));
    EXPECT_EQ(events[1].time, kNow);
}

TEST(EventReader, FactsOfAnEngineGoIntoTheSoftware) {
    EventReader reader;
    SettingMap software{{"finewatt", "0.1"}};
    for (const Event& event : reader.feed(
             R"({"event":"engine","torch_version":"2.13.0","model":"x","threads":"2","n":5})"
             "\n"
             R"({"event":"engine","precision":"bf16","features":"cache"})"
             "\n",
             kNow)) {
        add_engine_facts(std::get<EngineEvent>(event.body), software);
    }
    EXPECT_EQ(software, (SettingMap{{"finewatt", "0.1"},
                                    {"libtorch", "2.13.0"},
                                    {"engine_threads", "2"},
                                    {"engine_precision", "bf16"},
                                    {"engine_features", "cache"}}));
}

TEST(EventReader, EndlessLineIsDroppedAndTheNextOneRead) {
    EventReader reader;
    EXPECT_TRUE(reader.feed(std::string(200'000, 'x'), kNow).empty());
    const auto events = reader.feed("xx\n{\"event\":\"progress\",\"done\":1,\"of\":4}\n", kNow);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(std::get<ProgressEvent>(events[0].body).of, 4);
    EXPECT_EQ(reader.dropped_lines(), 1U);
}

}  // namespace
}  // namespace finewatt
