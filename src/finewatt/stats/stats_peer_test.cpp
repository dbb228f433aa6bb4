// Against scipy, live, over seeded samples. Skipped where the Python environment has no scipy.
#include "finewatt/base/file.h"
#include "finewatt/base/subprocess.h"
#include "finewatt/stats/bootstrap.h"
#include "finewatt/stats/distributions_internal.h"
#include "finewatt/stats/effect_size.h"
#include "finewatt/stats/interval.h"
#include "finewatt/stats/rank.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"
#include "finewatt/testing/temp_tree.h"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <vector>

namespace finewatt::stats {
namespace {

using nlohmann::json;

/// Run Python with the arguments and return its standard output; nothing when it failed.
std::optional<std::string> run_python(const std::vector<std::string>& arguments) {
    if (!std::filesystem::exists(testing::venv_python())) {
        return std::nullopt;
    }
    SubprocessOptions options;
    options.argv = {testing::venv_python().string()};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.timeout = std::chrono::seconds(100);
    const Result<SubprocessResult> result = run_subprocess(options);
    if (!result || result->exit_status != 0) {
        return std::nullopt;
    }
    return result->stdout_text;
}

class StatsPeer : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!run_python({"-c", "import scipy.stats"})) {
            GTEST_SKIP() << "no Python environment with scipy: run scripts/setup or set "
                            "FINEWATT_VENV";
        }
    }

    /// Give the cases to tests/parity/peer/statistics_peer.py and return its answers.
    json answers(const json& cases) {
        tree_.write("cases.json", cases.dump());
        const auto output =
            run_python({testing::source_dir() + "/tests/parity/peer/statistics_peer.py",
                        (tree_.path() / "cases.json").string()});
        EXPECT_TRUE(output.has_value());
        return json::parse(output.value_or(""), nullptr, false);
    }

    testing::TempTree tree_;
};

std::vector<double> sample(std::mt19937_64& random, double centre, double sd, bool has_ties) {
    std::normal_distribution<double> distribution(centre, sd);
    std::vector<double> values(2 + random() % 12);
    for (double& value : values) {
        value = has_ties ? std::round(distribution(random)) : distribution(random);
    }
    return values;
}

void expect_close(double found, const json& expected, double relative) {
    const auto wanted = expected.get<double>();
    EXPECT_NEAR(found, wanted, relative * std::abs(wanted) + 1e-12);
}

void expect_interval(const Interval& found, const json& expected, double relative) {
    expect_close(found.low, expected[0], relative);
    expect_close(found.high, expected[1], relative);
}

TEST_F(StatsPeer, IntervalsAndTestsAgreeWithScipy) {
    std::mt19937_64 random(7);
    json cases = json::array();
    for (int i = 0; i < 60; ++i) {
        const double sd = i % 10 == 9 ? 0.001 : 4;
        cases.push_back(
            {{"a", sample(random, 50, sd, i % 3 == 0)}, {"b", sample(random, 44, 2, i % 3 == 0)}});
    }
    const json expected = answers(cases);
    ASSERT_EQ(expected.size(), cases.size());
    int compared_effects = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        SCOPED_TRACE(cases[i].dump());
        const auto a = cases[i]["a"].get<std::vector<double>>();
        const auto b = cases[i]["b"].get<std::vector<double>>();
        const json& want = expected[i];
        if (const Result<Interval> interval = mean_interval(a); interval) {
            expect_interval(*interval, want["mean_interval"], 1e-10);
        }
        if (const Result<WelchDifference> welch = welch_difference(a, b); welch) {
            expect_interval(welch->difference, want["welch_interval"], 1e-8);
            expect_close(welch->degrees, want["welch_degrees"], 1e-8);
            expect_close(welch->p_value, want["welch_p"], 1e-8);
        }
        if (const Result<Interval> ratio = ratio_of_means(a, b); ratio) {
            expect_interval(*ratio, want["fieller"], 1e-8);
        }
        if (const Result<MannWhitney> test = mann_whitney(a, b); test) {
            expect_close(test->u, want["mann_whitney_u"], 1e-12);
            expect_close(test->p_value, want["mann_whitney_p"], 1e-9);
        }
        if (const Result<Interval> g = hedges_g(a, b); g) {
            expect_close(g->best, want["hedges_g"], 1e-9);
            // scipy has no bounds for very large effects.
            if (!want["hedges_interval"].is_null()) {
                ++compared_effects;
                expect_interval(*g, want["hedges_interval"], 1e-6);
            }
        }
    }
    EXPECT_GT(compared_effects, 40);
}

TEST_F(StatsPeer, NoncentralTAgreesWithScipyWhereThatIsGood) {
    json cases = json::array();
    for (const double degrees : {2.0, 5.0, 18.0, 100.0}) {
        for (const double t : {-2.0, 0.05, 1.0, 4.0, 20.0}) {
            for (const double noncentrality : {-3.0, 0.0, 0.4, 2.0, 18.0}) {
                cases.push_back({{"t", t}, {"degrees", degrees}, {"nc", noncentrality}});
            }
        }
    }
    const json expected = answers(cases);
    ASSERT_EQ(expected.size(), cases.size());
    int compared = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
        const auto& one = cases[i];
        if (expected[i]["noncentral_t"].is_null()) {
            continue;  // scipy gives NaN for some
        }
        ++compared;
        EXPECT_NEAR(noncentral_t_cdf(one["t"], one["degrees"], one["nc"]),
                    expected[i]["noncentral_t"].get<double>(), 1e-9)
            << one.dump();
    }
    EXPECT_GT(compared, 80);
}

TEST_F(StatsPeer, BootstrapIntervalsAgreeWithScipyUpToChance) {
    // A bound at 2.5 % of 20,000 resamples strays by about 2 % of the interval's width.
    std::mt19937_64 random(11);
    std::exponential_distribution<double> skewed(0.1);
    std::vector<double> a(25);
    std::vector<double> b(18);
    for (double& value : a) {
        value = 10 + skewed(random);
    }
    for (double& value : b) {
        value = 20 + skewed(random);
    }
    const json expected = answers(json::array({{{"a", a}, {"b", b}, {"bootstrap", true}}}));
    ASSERT_EQ(expected.size(), 1U);
    const auto mean_of = [](std::span<const double> values) {
        double sum = 0;
        for (const double value : values) {
            sum += value;
        }
        return sum / static_cast<double>(values.size());
    };
    const auto ratio = [&](std::span<const double> x, std::span<const double> y) {
        return mean_of(x) / mean_of(y);
    };
    const auto expect_near = [](const Interval& found, const json& wanted) {
        const double low = wanted[0];
        const double high = wanted[1];
        EXPECT_NEAR(found.low, low, 0.06 * (high - low));
        EXPECT_NEAR(found.high, high, 0.06 * (high - low));
    };
    BootstrapOptions options;
    options.resamples = 20'000;
    for (const auto method : {BootstrapMethod::kBca, BootstrapMethod::kPercentile}) {
        options.method = method;
        const std::string name = method == BootstrapMethod::kBca ? "bca" : "percentile";
        ASSERT_OK_AND_ASSIGN(const Interval one, bootstrap(a, mean_of, options));
        expect_near(one, expected[0]["mean_" + name]);
        ASSERT_OK_AND_ASSIGN(const Interval two, bootstrap(a, b, ratio, options));
        expect_near(two, expected[0]["ratio_" + name]);
    }
}

}  // namespace
}  // namespace finewatt::stats
