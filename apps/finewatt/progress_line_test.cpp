#include "finewatt/progress_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finewatt::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

JobProgress halfway() {
    JobProgress progress;
    progress.elapsed_s = 50;
    progress.phase = "train";
    progress.progress = ProgressEvent{.done = 134, .of = 268, .loss = 0.4321};
    progress.tokens_per_s = 1840;
    progress.energy.power = watts(23.4);
    progress.energy.energy = joules(812);
    progress.energy.energy_low = joules(400);
    progress.energy.energy_high = joules(1300);
    progress.expected_s = 102;
    progress.expected_energy = joules(1700);
    progress.expected_energy_low = joules(840);
    progress.expected_energy_high = joules(2700);
    return progress;
}

TEST(ProgressText, ShowsStepLossSpeedPowerEnergyAndExpectedEnd) {
    const std::string text = progress_text(halfway(), 200);
    for (const char* part : {"train", "134/268", "loss 0.432", "1,840 tokens/s", "23.4 W", "J",
                             "52.0 s left", "kWh", "to"}) {
        EXPECT_THAT(text, HasSubstr(part));
    }
}

TEST(ProgressText, WhatIsUnknownIsLeftOutAndNeverZero) {
    JobProgress progress;
    progress.elapsed_s = 3;
    const std::string text = progress_text(progress, 100);
    EXPECT_THAT(text, Not(HasSubstr("W")));
    EXPECT_THAT(text, Not(HasSubstr("tokens")));
    EXPECT_THAT(text, HasSubstr("3"));
}

TEST(ProgressText, FitsTheTerminal) {
    EXPECT_LE(progress_text(halfway(), 40).size(), 40U + 3U);  // the ellipsis has three bytes
}

TEST(ProgressText, PhaseNameCannotSteerTheTerminal) {
    JobProgress progress = halfway();
    progress.phase = "\x1b[2Jtrain";
    EXPECT_EQ(progress_text(progress, 100).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace finewatt::app
