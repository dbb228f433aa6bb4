#include "finewatt/exchange/prometheus_text_internal.h"
#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

namespace finewatt::exchange {
namespace {

std::string written(const std::vector<RunRecord>& runs) {
    return write_prometheus(runs, {}).value();
}

/// Check the grammar of the text format, line by line: every sample belongs to the metric above it,
/// and no label set is there twice.
void expect_valid(const std::string& text) {
    static const std::regex comment(R"re(# (HELP|TYPE) ([a-z0-9_]+) .+)re");
    static const std::regex sample(
        R"re(([a-z0-9_]+)\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)*\} [0-9.e+-]+)re");
    ASSERT_TRUE(text.empty() || text.back() == '\n');
    std::istringstream lines(text);
    std::string metric;
    std::set<std::string> series;
    std::set<std::string> metrics;
    for (std::string line; std::getline(lines, line);) {
        std::smatch match;
        if (std::regex_match(line, match, comment)) {
            if (match[1] == "HELP") {
                EXPECT_TRUE(metrics.insert(match[2]).second) << line;
            }
            metric = match[2];
            continue;
        }
        ASSERT_TRUE(std::regex_match(line, match, sample)) << line;
        EXPECT_EQ(match[1], metric) << line;
        EXPECT_TRUE(series.insert(line.substr(0, line.rfind(' '))).second) << line;
    }
}

TEST(WritePrometheus, FiguresAreInBaseUnits) {
    const std::string text = written({sample_run()});
    expect_valid(text);
    EXPECT_NE(text.find("# TYPE finewatt_run_energy_joules_total counter\n"
                        "finewatt_run_energy_joules_total{run_id=\"01KASZ8B3M2C7D1E6F9G4H5J8K\"} "
                        "36000\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("\"co2\"} 5.2195\n"), std::string::npos) << text;
    EXPECT_NE(text.find("finewatt_run_start_time_seconds{run_id=\"01KASZ8B3M2C7D1E6F9G4H5J8K\"} "
                        "1795408080\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("source=\"nvml:GPU-1f6c\",provenance=\"measured\"} 28440\n"),
              std::string::npos);
    EXPECT_EQ(text.find("powercap:core-0"), std::string::npos);  // not counted
}

TEST(WritePrometheus, UnknownHasNoSample) {
    const std::string text = written({unknown_run()});
    expect_valid(text);
    EXPECT_EQ(text.find("joules"), std::string::npos);
    EXPECT_EQ(text.find("grams"), std::string::npos);
    EXPECT_NE(text.find("finewatt_run_info"), std::string::npos);
}

TEST(WritePrometheus, SeveralRunsShareTheMetrics) {
    RunRecord other = sample_run();
    other.run_id = "01KASZ8B3M2C7D1E6F9G4H5J9M";
    expect_valid(written({sample_run(), other}));
}

TEST(WritePrometheus, SameRunTwiceIsRefused) {
    const std::vector<RunRecord> runs{sample_run(), sample_run()};
    EXPECT_ERROR(kInvalidArgument, write_prometheus(runs, {}), "expected each run once");
}

TEST(WritePrometheus, PhasesOfOneNameAreAddedUp) {
    RunRecord run = sample_run();
    run.phases[1].name = run.phases[0].name;
    const std::string text = written({run});
    expect_valid(text);
    EXPECT_NE(text.find("phase=\"load\"} 36000\n"), std::string::npos) << text;
}

TEST(WritePrometheus, HostileTextsStayLabels) {
    for (const std::string_view text : kHostileTexts) {
        expect_valid(written({hostile_run(text)}));
    }
}

}  // namespace
}  // namespace finewatt::exchange
