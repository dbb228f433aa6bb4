#include "finewatt/report/page_data_internal.h"
#include "finewatt/report/run_tables.h"
#include "finewatt/testing/matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "example_runs.h"

namespace finewatt::report {
namespace {

using report_examples::Example;
using report_examples::runs_of;
using ::testing::HasSubstr;

PowerSeries series(std::vector<double> t_s, std::vector<double> power_w) {
    return {"powercap:package-0", "cpu", "measured", std::move(t_s), std::move(power_w)};
}

/// Many samples, of which one is a peak.
PowerSeries long_series(std::size_t count, std::size_t peak_at) {
    PowerSeries many = series({}, {});
    for (std::size_t i = 1; i <= count; ++i) {
        many.t_s.push_back(static_cast<double>(i) * 0.1);
        many.power_w.push_back(i == peak_at ? 5000 : 50 + static_cast<double>(i % 37));
    }
    return many;
}

PowerReader power_of(const std::vector<Example>& examples) {
    return [&examples](const RunRecord& run) -> Result<std::vector<PowerSeries>> {
        for (const Example& example : examples) {
            if (example.run.run_id == run.run_id) {
                return example.power;
            }
        }
        return std::vector<PowerSeries>{};
    };
}

Result<PageData> data_of(const std::vector<Example>& examples) {
    const std::vector<RunRecord> runs = runs_of(examples);
    return page_data(runs, run_labels(runs), power_of(examples));
}

TEST(CutPower, KeepsTheEnergyUnderTheLine) {
    const PowerSeries many = long_series(10'007, 0);
    double wanted_j = 0;
    for (const double power : many.power_w) {
        wanted_j += power * 0.1;
    }
    const PowerGrid grid = cut_power(many, 100);
    double energy_j = 0;
    for (const double mean : grid.mean_w) {
        energy_j += mean * grid.step_s;
    }
    EXPECT_NEAR(energy_j, wanted_j, 1e-9 * wanted_j);  // a sum of 10,000 doubles
}

TEST(CutPower, KeepsEachPeak) {
    for (const std::size_t peak_at : {1U, 777U, 9'999U, 10'000U}) {
        const PowerGrid grid = cut_power(long_series(10'000, peak_at), 64);
        EXPECT_EQ(*std::max_element(grid.high_w.begin(), grid.high_w.end()), 5000) << peak_at;
    }
}

TEST(CutPower, MeansLieBetweenLeastAndLargest) {
    const PowerGrid grid = cut_power(long_series(5'000, 17), 333);
    for (std::size_t i = 0; i < grid.mean_w.size(); ++i) {
        EXPECT_LE(grid.low_w[i], grid.mean_w[i]);
        EXPECT_LE(grid.mean_w[i], grid.high_w[i]);
    }
}

TEST(CutPower, GapsStayGaps) {
    const double dark = std::nan("");
    const PowerGrid grid = cut_power(series({1, 2, 3, 4}, {10, dark, dark, 40}), 4);
    EXPECT_EQ(grid.mean_w[0], 10);
    EXPECT_TRUE(std::isnan(grid.mean_w[1]));
    EXPECT_TRUE(std::isnan(grid.high_w[2]));
    EXPECT_EQ(grid.mean_w[3], 40);
}

TEST(CutPower, OneLongIntervalFillsAllItsStretches) {
    const PowerGrid grid = cut_power(series({1, 2, 10}, {10, 20, 30}), 10);
    EXPECT_EQ(grid.mean_w[1], 20);
    for (std::size_t i = 2; i < 10; ++i) {
        EXPECT_EQ(grid.mean_w[i], 30) << i;
    }
}

TEST(CutPower, TimesThatDoNotGrowAreNoTrap) {
    const double dark = std::nan("");
    const PowerGrid grid =
        cut_power(series({1, 2, 1.5, dark, 2, 3, 1e9, 4}, {10, 20, 99, 5, 5, 30, dark, 40}), 8);
    EXPECT_EQ(grid.mean_w.size(), 8U);
    EXPECT_EQ(cut_power(series({5, 5}, {1, 1}), 3).mean_w.size(), 3U);
}

TEST(StretchesFor, KeepPagesSmall) {
    EXPECT_EQ(stretches_for(1), 4'000U);
    EXPECT_EQ(stretches_for(0), 4'000U);
    EXPECT_EQ(stretches_for(600), 266U);
    EXPECT_EQ(stretches_for(1'000'000), 60U);
}

TEST(PageData, ShortSeriesStayAsTheyAre) {
    ASSERT_OK_AND_ASSIGN(const PageData data, data_of({report_examples::short_command()}));
    const auto document = nlohmann::json::parse(data.json);
    const auto& shown = document["power"][0]["series"][0];
    const PowerSeries wanted = report_examples::short_command().power[0];
    ASSERT_EQ(shown["mean"].size(), wanted.power_w.size());
    for (std::size_t i = 0; i < wanted.power_w.size(); ++i) {
        EXPECT_NEAR(shown["mean"][i].get<double>(), wanted.power_w[i], 1e-4 * wanted.power_w[i]);
        EXPECT_NEAR(shown["end"][i].get<double>(), wanted.t_s[i], 1e-4);
    }
    EXPECT_FALSE(shown.contains("low"));
}

TEST(PageData, LongSeriesAreCut) {
    Example example = report_examples::short_command();
    example.power = {long_series(50'000, 33)};
    ASSERT_OK_AND_ASSIGN(const PageData data, data_of({example}));
    const auto document = nlohmann::json::parse(data.json);
    const auto& shown = document["power"][0]["series"][0];
    EXPECT_EQ(shown["mean"].size(), kMostOfOneSeries);
    EXPECT_EQ(shown["high"].size(), kMostOfOneSeries);
    EXPECT_EQ(shown["high"][2], 5000);
}

TEST(PageData, HostileTextIsNoMarkup) {
    ASSERT_OK_AND_ASSIGN(const PageData data, data_of({report_examples::hostile_run()}));
    EXPECT_EQ(data.json.find_first_of("<>&\x1b"), std::string::npos);
    const auto document = nlohmann::json::parse(data.json);
    EXPECT_THAT(document["power"][0]["label"].get<std::string>(), HasSubstr("<script>"));
}

TEST(PageData, SaysWhichFiguresThereAre) {
    ASSERT_OK_AND_ASSIGN(const PageData none, data_of({report_examples::run_without_samples()}));
    EXPECT_FALSE(none.has_power || none.has_bars || none.has_tokens);
    ASSERT_OK_AND_ASSIGN(const PageData one, data_of({report_examples::modelled_fine_tuning()}));
    EXPECT_TRUE(one.has_power && one.has_bars);
    EXPECT_FALSE(one.has_tokens);  // one point tells nothing
    const auto repeats = report_examples::repeated_runs();
    ASSERT_OK_AND_ASSIGN(const PageData all, data_of(repeats));
    EXPECT_TRUE(all.has_tokens);
}

TEST(PageData, UnknownRangesAreNull) {
    Example example = report_examples::modelled_fine_tuning();
    example.run.phases[0].energy.energy_low.reset();
    ASSERT_OK_AND_ASSIGN(const PageData data, data_of({example}));
    const auto document = nlohmann::json::parse(data.json);
    EXPECT_TRUE(document["bars"][0]["rows"][0]["low_j"].is_null());
}

TEST(PageData, ErrorsOfTheReaderEndIt) {
    const std::vector<RunRecord> runs = runs_of({report_examples::short_command()});
    const auto broken = [](const RunRecord&) -> Result<std::vector<PowerSeries>> {
        return FINEWATT_ERROR(kCorrupt, "series of the run are broken");
    };
    EXPECT_ERROR(kCorrupt, page_data(runs, run_labels(runs), broken), "broken");
}

}  // namespace
}  // namespace finewatt::report
