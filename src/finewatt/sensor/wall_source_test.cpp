#include "finewatt/sensor/wall_source_internal.h"
#include "finewatt/testing/manual_clock.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/wall_probing.h"

#include <deque>

namespace finewatt {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using testing::ManualClock;
using testing::poll_shown;

/// What a scripted meter answers, and how long it takes.
struct Answer {
    Result<WallSample> sample = WallSample{};
    milliseconds duration{10};
};

struct Script {
    std::deque<Answer> answers;
    ManualClock clock;

    void add(std::optional<double> power_w, std::optional<double> energy_j,
             milliseconds duration = milliseconds(10)) {
        answers.push_back({WallSample{power_w, energy_j}, duration});
    }

    void add_error(Error error) { answers.push_back({std::move(error), milliseconds(10)}); }
};

/// Answers with a script; the clock moves while it does.
class ScriptedReader : public WallReader {
  public:
    explicit ScriptedReader(Script& script) : script_(script) {}

    WallFacts facts() const override {
        WallFacts facts;
        facts.source = "scripted";
        facts.power_step_w = 0.1;
        facts.energy_tick_j = 60;
        facts.energy_step_j = 60;
        facts.update_ms = 1000;
        facts.energy_update_ms = 60'000;
        facts.max_power_w = 4000;
        facts.remark = "made up";
        return facts;
    }

    Result<WallSample> read() override {
        Answer answer = std::move(script_.answers.front());
        script_.answers.pop_front();
        script_.clock.advance(answer.duration);
        return std::move(answer.sample);
    }

  private:
    Script& script_;
};

Result<std::unique_ptr<WallSource>> open(Script& script, const std::string& text = "ipmi:") {
    const Result<WallMeterSpec> spec = parse_wall_meter(text);
    EXPECT_OK(spec);
    return WallSource::open(*spec, std::make_unique<ScriptedReader>(script),
                            {Domain::kNode, "outlet-1", "one outlet"}, script.clock);
}

/// A source that has answered twice with 100 W and 6000 J.
std::unique_ptr<WallSource> open_plug(Script& script, const std::string& text = "ipmi:") {
    script.add(100, 6000);
    script.add(100, 6000);
    Result<std::unique_ptr<WallSource>> source = open(script, text);
    EXPECT_OK(source);
    return source ? std::move(*source) : nullptr;
}

TEST(WallSource, ChannelsSayWhatTheMeterIs) {
    Script script;
    const auto source = open_plug(script, "ipmi:?accuracy_percent=2&max_power_w=2300");
    EXPECT_EQ(source->name(), "wall:ipmi");
    EXPECT_EQ(source->poll_period(), seconds(1));
    ASSERT_EQ(source->channels().size(), 2U);
    const ChannelSpec& power = source->channels()[0];
    EXPECT_EQ(power.id, "wall:ipmi/power");
    EXPECT_EQ(power.kind, ChannelKind::kGauge);
    EXPECT_EQ(power.unit, "mW");
    EXPECT_DOUBLE_EQ(power.resolution_raw, 100);
    EXPECT_EQ(power.provenance, Provenance::kDerived);
    EXPECT_EQ(power.domain, Domain::kNode);
    EXPECT_EQ(power.device, "outlet-1");
    EXPECT_EQ(power.max_power_w, 2300);
    EXPECT_EQ(power.gain_error_high, 0.02);
    EXPECT_EQ(power.reason, "one outlet; made up");
    const ChannelSpec& energy = source->channels()[1];
    EXPECT_EQ(energy.id, "wall:ipmi/energy");
    EXPECT_EQ(energy.kind, ChannelKind::kCounter);
    EXPECT_EQ(energy.unit, "ticks");
    EXPECT_DOUBLE_EQ(energy.unit_size, 60);
    EXPECT_DOUBLE_EQ(energy.resolution_raw, 1);
    EXPECT_EQ(energy.range, std::nullopt);
    EXPECT_EQ(energy.provenance, Provenance::kMeasured);
    EXPECT_EQ(energy.device, power.device);
}

TEST(WallSource, StalenessIsTheMetersRenewalAndTheRequest) {
    Script script;
    script.add(100, 6000, milliseconds(100));
    script.add(100, 6000, milliseconds(50));
    ASSERT_OK_AND_ASSIGN(const auto source, open(script));
    // Four times the slower request at the start, on top of 1 s and of 60 s.
    EXPECT_EQ(source->channels()[0].update_ms, 1400);
    EXPECT_EQ(source->channels()[1].update_ms, 60'400);
}

TEST(WallSource, OptionsOfTheUserReplaceWhatIsKnown) {
    Script script;
    const auto source =
        open_plug(script, "ipmi:?update_ms=500&energy_update_ms=2000&window_ms=300");
    EXPECT_EQ(source->channels()[0].update_ms, 750);
    EXPECT_EQ(source->poll_period(), milliseconds(500));
    EXPECT_EQ(source->channels()[0].window_ms, 300);
    EXPECT_EQ(source->channels()[1].update_ms, 2250);
}

TEST(WallSource, OnlyTheWantedFiguresBecomeChannels) {
    Script script;
    const auto power = open_plug(script, "ipmi:?read=power");
    ASSERT_EQ(power->channels().size(), 1U);
    EXPECT_EQ(power->channels()[0].kind, ChannelKind::kGauge);
    const auto energy = open_plug(script, "ipmi:?read=energy");
    ASSERT_EQ(energy->channels().size(), 1U);
    EXPECT_EQ(energy->channels()[0].kind, ChannelKind::kCounter);
    script.add(100, std::nullopt);
    script.add(100, std::nullopt);
    EXPECT_ERROR(kNotFound, open(script, "ipmi:?read=energy"), "without an energy counter");
}

TEST(WallSource, ReadingIsStampedWhenTheAnswerCame) {
    Script script;
    const auto source = open_plug(script);
    script.clock.advance(seconds(1));
    script.add(100.04, 6060, milliseconds(30));
    const MonoTime asked = script.clock.mono_now();
    const std::vector<Reading> readings = testing::poll_all(*source);
    EXPECT_EQ(readings[0].time - asked, milliseconds(30));
    EXPECT_EQ(readings[0].raw, 100'040U);
    EXPECT_EQ(readings[1].raw, 101U);
}

TEST(WallSource, LateAnswerKeepsItsPowerButNotItsCounter) {
    Script script;
    const auto source = open_plug(script);
    script.add(120, 6060, milliseconds(251));
    EXPECT_THAT(poll_shown(*source), ElementsAre("ok 120000", "LATE"));
    script.add(120, 6060, milliseconds(250));
    EXPECT_THAT(poll_shown(*source), ElementsAre("ok 120000", "ok 101"));
}

TEST(WallSource, FailuresAreRetriesWithTheirCode) {
    Script script;
    const auto source = open_plug(script);
    script.add_error(FINEWATT_ERROR(kBusy, "slow"));
    script.add_error(FINEWATT_ERROR(kNotFound, "away"));
    script.add_error(FINEWATT_ERROR(kPermission, "password"));
    script.add_error(FINEWATT_ERROR(kCorrupt, "rubbish"));
    script.add_error(FINEWATT_ERROR(kIo, "cut"));
    for (const std::string code : {"ETIMEDOUT", "ECONNREFUSED", "EACCES", "EBADMSG", "EIO"}) {
        const std::vector<Reading> readings = testing::poll_all(*source);
        EXPECT_EQ(readings[0].outcome, PollOutcome::kRetry);
        EXPECT_EQ(readings[0].error, code);
        EXPECT_EQ(readings[1].error, code);
    }
    script.add(100, std::nullopt);
    EXPECT_THAT(poll_shown(*source), ElementsAre("ok 100000", "ENODATA"));
}

TEST(WallSource, MorePowerThanTheOutletGivesIsRefused) {
    Script script;
    const auto source = open_plug(script);
    script.add(4000, 6000);
    EXPECT_THAT(poll_shown(*source), ElementsAre("ok 4000000", "ok 100"));
    script.add(4001, 6000);
    EXPECT_THAT(poll_shown(*source), ElementsAre("RANGE", "ok 100"));
}

TEST(WallSource, CounterThatStartsAgainIsPassedOn) {
    // The meter's rules make an unknown step of it; hiding it would lose the reset.
    Script script;
    const auto source = open_plug(script);
    script.add(100, 6000);
    EXPECT_THAT(poll_shown(*source), ElementsAre("ok 100000", "ok 100"));
    script.add(100, 0);
    EXPECT_THAT(poll_shown(*source), ElementsAre("ok 100000", "ok 0"));
}

TEST(WallSource, CounterThatJumpsAheadIsRefusedUntilItIsBack) {
    Script script;
    const auto source = open_plug(script);
    script.add(100, 6000);
    poll_shown(*source);
    // 4000 W for 62 s and one step are far less than 360 MJ, which is also refused later, when the
    // outlet could have delivered it.
    for (const seconds pause : {seconds(1), seconds(200'000)}) {
        script.clock.advance(pause);
        script.add(100, 360e6);
        EXPECT_THAT(poll_shown(*source), ElementsAre("ok 100000", "RANGE"));
    }
    script.add(100, 6600);
    EXPECT_THAT(poll_shown(*source), ElementsAre("ok 100000", "ok 110"));
}

TEST(WallSource, CounterMayCatchUpAfterAPause) {
    Script script;
    const auto source = open_plug(script);
    script.add(100, 6000);
    poll_shown(*source);
    script.clock.advance(seconds(3600));
    script.add(100, 6000 + 360'000);
    EXPECT_THAT(poll_shown(*source), ElementsAre("ok 100000", "ok 6100"));
}

TEST(WallSource, MeterThatDoesNotAnswerAtTheStartIsNoSource) {
    Script script;
    script.add_error(FINEWATT_ERROR(kBusy, "slow"));
    EXPECT_ERROR(kBusy, open(script), "slow");
}

}  // namespace
}  // namespace finewatt
