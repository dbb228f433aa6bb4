#include "finewatt/exchange/imported_run_internal.h"
#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/record/ulid.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

namespace finewatt::exchange {
namespace {

constexpr std::int64_t kMs = 1'000'000;

PhaseRecord window(double begin_s, double duration_s, double energy_j) {
    PhaseRecord phase;
    phase.t_begin_s = begin_s;
    phase.duration_s = duration_s;
    phase.energy.energy = joules(energy_j);
    phase.energy.domains = {"gpu"};
    phase.energy.provenance = "derived";
    phase.energy.components = {sample_part("gpu", "gpu", "zeus:gpu0", energy_j)};
    return phase;
}

RunRecord run_of(std::vector<PhaseRecord> phases, double duration_s) {
    RunRecord run;
    run.phases = std::move(phases);
    run.duration_s = duration_s;
    return run;
}

TEST(ContentUlid, HoldsTheTimeAndFollowsFromTheContent) {
    const WallTime time = WallTime::from_unix_ns(1'795'408'080'123 * kMs);
    const std::string id = content_ulid(time, "codecarbon abc");
    EXPECT_TRUE(is_ulid(id)) << id;
    ASSERT_OK_AND_ASSIGN(const WallTime read, ulid_time(id));
    EXPECT_EQ(read, time);
    EXPECT_EQ(id, content_ulid(time, "codecarbon abc"));
    EXPECT_NE(id, content_ulid(time, "codecarbon abd"));
    EXPECT_NE(id, content_ulid(WallTime::from_unix_ns(1'795'408'080'124 * kMs), "codecarbon abc"));
}

TEST(ContentUlid, TimeBefore1970CountsAs1970) {
    ASSERT_OK_AND_ASSIGN(const WallTime read,
                         ulid_time(content_ulid(WallTime::from_unix_ns(-5 * kMs), "x")));
    EXPECT_EQ(read.as_unix_ns(), 0);
}

TEST(EnergyFromPhases, WindowsInsideOthersAreNotAdded) {
    RunRecord run = run_of({window(0, 10, 100), window(2, 3, 40), window(10, 5, 50)}, 15);
    set_energy_from_phases(run, WindowOrder::kMayNest);
    ASSERT_TRUE(run.energy.energy.has_value());
    EXPECT_EQ(run.energy.energy->as_joules(), 150);
    ASSERT_EQ(run.energy.components.size(), 1U);
    EXPECT_EQ(run.energy.components[0].energy->as_joules(), 150);
    EXPECT_EQ(run.energy.components[0].power_mean->as_watts(), 10);
    EXPECT_EQ(run.energy.coverage, 1);
    EXPECT_TRUE(run.notes.empty());
}

TEST(EnergyFromPhases, GapsLowerTheCoverageAndAreTold) {
    RunRecord run = run_of({window(0, 2, 20), window(8, 2, 20)}, 10);
    set_energy_from_phases(run, WindowOrder::kMayNest);
    EXPECT_EQ(run.energy.energy->as_joules(), 40);
    EXPECT_DOUBLE_EQ(run.energy.coverage.value_or(0), 0.4);
    ASSERT_EQ(run.notes.size(), 1U);
    EXPECT_NE(run.notes[0].find("6 s of 10 s lie between"), std::string::npos) << run.notes[0];
}

TEST(EnergyFromPhases, PartlyOverlappingWindowsHaveNoTotal) {
    RunRecord run = run_of({window(0, 6, 60), window(4, 6, 60)}, 10);
    set_energy_from_phases(run, WindowOrder::kMayNest);
    EXPECT_FALSE(run.energy.energy.has_value());
    EXPECT_NE(run.energy.reason.value_or("").find("overlap"), std::string::npos);
}

TEST(EnergyFromPhases, SequentialWindowsAreAllAddedWhateverTheirRoundedTimes) {
    RunRecord run = run_of({window(0, 1.6, 16), window(1, 1.6, 16)}, 2.6);
    set_energy_from_phases(run, WindowOrder::kSequential);
    EXPECT_EQ(run.energy.energy->as_joules(), 32);
    EXPECT_EQ(run.energy.coverage, 1);
}

TEST(EnergyFromPhases, UnknownWindowMakesTheTotalUnknown) {
    RunRecord run = run_of({window(0, 1, 16), window(1, 1, 16)}, 2);
    run.phases[1].energy.energy.reset();
    run.phases[1].energy.components[0].energy.reset();
    set_energy_from_phases(run, WindowOrder::kSequential);
    EXPECT_FALSE(run.energy.energy.has_value());
    EXPECT_TRUE(run.energy.reason.has_value());
    EXPECT_FALSE(run.energy.components[0].energy.has_value());
}

}  // namespace
}  // namespace finewatt::exchange
