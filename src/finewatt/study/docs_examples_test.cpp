// The worked examples of docs/measuring.md are what the code computes.
#include "finewatt/base/file.h"
#include "finewatt/meter/wall_fit.h"
#include "finewatt/study/attribution.h"
#include "finewatt/study/calibrations.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

/// "10,000" for 10000 J: whole joules with separators, as the page writes them.
std::string whole(Joules energy) {
    std::string digits = fmt::format("{}", std::llround(energy.as_joules()));
    for (std::size_t at = digits.size(); at > 3; at -= 3) {
        digits.insert(at - 3, 1, ',');
    }
    return digits;
}

std::string range_row(std::string_view line, Joules best, Joules low, Joules high) {
    return fmt::format("| {} | {} J | {} to {} J |", line, whole(best), whole(low), whole(high));
}

class MeasuringPage : public ::testing::Test {
  protected:
    void SetUp() override {
        ASSERT_OK_AND_ASSIGN(page_, read_file(std::filesystem::path(testing::source_dir()) /
                                              "docs" / "measuring.md"));
    }

    std::string page_;
};

RunRecord run_of(double energy_j, double low_j, double high_j) {
    RunRecord run;
    run.duration_s = 100;
    ComponentEnergy package;
    package.source = "pkg";
    package.domain = "package";
    package.energy = run.energy.energy = joules(energy_j);
    package.energy_low = run.energy.energy_low = joules(low_j);
    package.energy_high = run.energy.energy_high = joules(high_j);
    run.energy.components.push_back(package);
    return run;
}

IdleBaseline baseline_of(const RunRecord& run, double power_w, double low_w, double high_w) {
    IdleBaseline baseline;
    baseline.machine = identity_of(run);
    baseline.created_at = run.started_at.to_iso8601();
    baseline.channels = {
        {"pkg", "package", "cpu0", watts(power_w), watts(low_w), watts(high_w), "measured"}};
    return baseline;
}

TEST_F(MeasuringPage, WhoseEnergy) {
    const RunRecord run = run_of(10'000, 9900, 10'100);
    const IdleBaseline baseline = baseline_of(run, 30, 28, 32);
    MeasuredShares shares;
    shares.cpu_s = 60;
    shares.machine_cpu_s = 80;
    const Attribution own = attribute_energy(run.energy, 100, shares, &baseline, {});
    EXPECT_THAT(page_, HasSubstr(range_row("total", *run.energy.energy, *run.energy.energy_low,
                                           *run.energy.energy_high)));
    EXPECT_THAT(page_, HasSubstr(fmt::format("| at rest | {} J | |", whole(*own.idle_energy))));
    EXPECT_THAT(page_, HasSubstr(range_row("own processes", *own.energy, *own.energy_low,
                                           *own.energy_high)));
    EXPECT_THAT(page_, HasSubstr(fmt::format("a share of {}.", *own.cpu_share)));
    const Attribution whole_share = attribute_energy(run.energy, 100, shares, nullptr, {});
    EXPECT_THAT(page_, HasSubstr(fmt::format("gets its share of the whole, {} J",
                                             whole(*whole_share.energy))));
}

TEST_F(MeasuringPage, IdleAndNet) {
    RunRecord run = run_of(12'000, 11'880, 12'240);
    const std::vector<IdleBaseline> stored{baseline_of(run, 35, 32, 39)};
    apply_baseline(run, stored, kCalibrationMaxAgeDays);
    ASSERT_TRUE(run.baseline.has_value());
    const BaselineUse& use = *run.baseline;
    EXPECT_THAT(page_, HasSubstr(range_row("at rest", *use.energy_idle, *use.energy_idle_low,
                                           *use.energy_idle_high)));
    EXPECT_THAT(page_, HasSubstr(range_row("net", *use.energy_net, *use.energy_net_low,
                                           *use.energy_net_high)));
    EXPECT_THAT(page_, HasSubstr(fmt::format("older than {:g} days", kCalibrationMaxAgeDays)));
}

TEST_F(MeasuringPage, AgainstTheWall) {
    std::vector<CalibrationPair> pairs;
    for (const auto& [x_kj, y_kj] : {std::pair{1.0, 1.1}, {2.0, 2.1}, {3.0, 3.3}}) {
        CalibrationPair& pair = pairs.emplace_back();
        pair.kind = "load";
        pair.software = joules(1000 * x_kj);
        pair.wall = joules(1000 * y_kj);
        pair.duration_s = 200;
        pair.updates = 200;
    }
    ASSERT_OK_AND_ASSIGN(const WallFit fit, fit_wall(pairs));
    const LoadCoefficient& all = fit.coefficients.at(0);
    EXPECT_THAT(page_, HasSubstr(fmt::format("give c = 15.2 / 14 = {:.4f}", all.coefficient)));
    EXPECT_THAT(page_, HasSubstr(fmt::format("interval from {:.4f} to {:.4f}", all.coefficient_low,
                                             all.coefficient_high)));
    RunRecord run = run_of(12'000, 11'880, 12'240);
    WallCalibration calibration;
    calibration.machine = identity_of(run);
    calibration.created_at = run.started_at.to_iso8601();
    calibration.coefficients = fit.coefficients;
    const std::vector<WallCalibration> stored{calibration};
    apply_wall_calibration(run, stored, kCalibrationMaxAgeDays);
    ASSERT_TRUE(run.calibration.has_value());
    EXPECT_THAT(page_, HasSubstr(fmt::format("{} J at the wall, {} to {} J",
                                             whole(*run.calibration->energy_adjusted),
                                             whole(*run.calibration->energy_adjusted_low),
                                             whole(*run.calibration->energy_adjusted_high))));
}

TEST(CalibrationPage, ExampleIsADocumentThatIsRead) {
    ASSERT_OK_AND_ASSIGN(const std::string page,
                         read_file(std::filesystem::path(testing::source_dir()) / "docs" /
                                   "formats" / "calibration.md"));
    const std::size_t begin = page.find("```json\n") + 8;
    ASSERT_OK_AND_ASSIGN(
        const WallCalibration calibration,
        calibration_from_json(page.substr(begin, page.find("```", begin) - begin)));
    ASSERT_EQ(calibration.coefficients.size(), 1U);
    EXPECT_EQ(calibration.coefficients[0].coefficient, 1.0857);
    EXPECT_EQ(calibration.machine.sources.size(), 2U);
}

}  // namespace
}  // namespace finewatt
