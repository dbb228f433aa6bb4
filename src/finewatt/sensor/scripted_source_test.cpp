#include "finewatt/sensor/scripted_source.h"

#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using testing::ManualClock;
using testing::poll_all;

ChannelSpec channel_a() {
    ChannelSpec spec;
    spec.id = "a";
    return spec;
}

TEST(ScriptedSource, GivesItsAnswersInOrderAndRepeatsTheLast) {
    ManualClock clock;
    ScriptedSource source("scripted", {channel_a()}, clock);
    source.add_values(0, {5, 7});
    source.add(0, {.outcome = PollOutcome::kRetry, .error = "EIO"});
    EXPECT_EQ(source.channels()[0].source, "scripted");
    EXPECT_EQ(poll_all(source)[0].raw, 5U);
    clock.advance(std::chrono::milliseconds(100));
    EXPECT_EQ(poll_all(source)[0].raw, 7U);
    const Reading failed = poll_all(source)[0];
    EXPECT_EQ(failed.outcome, PollOutcome::kRetry);
    EXPECT_EQ(failed.error, "EIO");
    EXPECT_EQ(failed.time.as_ns(), 100'000'000);
    EXPECT_EQ(poll_all(source)[0].error, "EIO");
    EXPECT_EQ(source.polls(), 4U);
}

TEST(ScriptedSource, AChannelWithoutScriptFails) {
    ManualClock clock;
    ScriptedSource source("scripted", {channel_a()}, clock);
    EXPECT_EQ(poll_all(source)[0].outcome, PollOutcome::kRetry);
}

}  // namespace
}  // namespace finewatt
