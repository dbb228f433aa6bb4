#include "finewatt/stats/summary.h"

#include "finewatt/testing/matchers.h"

#include <limits>
#include <vector>

namespace finewatt::stats {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Summary, TenNumbersHaveTheTextbookFigures) {
    const std::vector<double> values{10, 9, 8, 7, 6, 5, 4, 3, 2, 1};
    ASSERT_OK_AND_ASSIGN(const Summary summary, summarise(values));
    EXPECT_EQ(summary.count, 10U);
    EXPECT_DOUBLE_EQ(summary.mean, 5.5);
    // Sum of squares n (n^2 - 1) / 12 = 82.5, over 9.
    EXPECT_DOUBLE_EQ(summary.sd.value_or(0), std::sqrt(82.5 / 9));
    EXPECT_DOUBLE_EQ(summary.median, 5.5);
    EXPECT_EQ(summary.minimum, 1);
    EXPECT_EQ(summary.maximum, 10);
}

TEST(Summary, OneValueHasNoSpreadRatherThanZero) {
    ASSERT_OK_AND_ASSIGN(const Summary summary, (summarise(std::vector<double>{3})));
    EXPECT_EQ(summary.mean, 3);
    EXPECT_FALSE(summary.sd.has_value());
    EXPECT_ERROR(kInvalidArgument, (sample_sd(std::vector<double>{3})),
                 "2 values or more, found 1");
}

TEST(Summary, EmptySampleIsAnError) {
    EXPECT_ERROR(kInvalidArgument, (summarise({})), "expected 1 value or more, found 0");
    EXPECT_ERROR(kInvalidArgument, (median({})), "found 0");
}

TEST(Summary, ValueThatIsNotFiniteIsNamedByItsPlace) {
    EXPECT_ERROR(kInvalidArgument, (mean(std::vector<double>{1, 2, kNaN})), "found nan in place 3");
    EXPECT_ERROR(kInvalidArgument,
                 (quantile(std::vector<double>{1, std::numeric_limits<double>::infinity()}, 0.5)),
                 "found inf in place 2");
}

TEST(Summary, SumBeyondTheLargestNumberIsAnError) {
    EXPECT_ERROR(kInvalidArgument, (mean(std::vector<double>{1e308, 1e308})), "larger unit");
    EXPECT_ERROR(kInvalidArgument, (sample_sd(std::vector<double>{1e200, -1e200})), "larger unit");
}

TEST(Summary, EqualValuesHaveNoSpreadDespiteRounding) {
    ASSERT_OK_AND_ASSIGN(const double variance,
                         (sample_variance(std::vector<double>{0.1, 0.1, 0.1})));
    EXPECT_EQ(variance, 0);
}

TEST(Summary, SmallSpreadOfLargeValuesIsKept) {
    // NIST/ITL Statistical Reference Datasets, NumAcc3 in shape: 1000000.2 between pairs of
    // 1000000.1 and 1000000.3; sd 0.1 to about 9 digits in double.
    std::vector<double> values{1000000.2};
    for (int i = 0; i < 500; ++i) {
        values.push_back(1000000.1);
        values.push_back(1000000.3);
    }
    ASSERT_OK_AND_ASSIGN(const double sd, sample_sd(values));
    EXPECT_NEAR(sd, 0.1, 1e-9);
    ASSERT_OK_AND_ASSIGN(const double centre, mean(values));
    EXPECT_NEAR(centre, 1000000.2, 1e-9);
}

TEST(Quantile, FollowsDefinitionSeven) {
    const std::vector<double> values{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    // R: quantile(1:10, c(0, .25, .9, 1)).
    for (const auto& [share, expected] :
         std::vector<std::pair<double, double>>{{0, 1}, {0.25, 3.25}, {0.9, 9.1}, {1, 10}}) {
        ASSERT_OK_AND_ASSIGN(const double found, quantile(values, share));
        EXPECT_DOUBLE_EQ(found, expected) << share;
    }
    EXPECT_ERROR(kInvalidArgument, quantile(values, 1.1), "from 0 to 1, found 1.1");
    EXPECT_ERROR(kInvalidArgument, quantile(values, kNaN), "found nan");
}

}  // namespace
}  // namespace finewatt::stats
