#include "finewatt/run_export_file.h"

#include "finewatt/record/json.h"
#include "finewatt/testing/matchers.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace finewatt::app {
namespace {

RunRecord run_of(int number) {
    RunRecord run;
    run.run_id = fmt::format("01KB00000000000000000000{:02}", number);
    run.name = "name \"quoted\" \x1b[1m\n<b>\\";
    run.duration_s = 0.1 + 0.2;
    run.energy.energy = joules(1.0 / 3);
    run.settings["seed"] = std::int64_t{7};
    run.tags = {"a, b", "'; DROP TABLE run; --"};
    return run;
}

std::string export_of(const std::vector<ExportedRun>& runs) {
    std::string text;
    RunExportWriter writer("1.2.3", [&text](std::string_view piece) {
        text += piece;
        return Status();
    });
    for (const ExportedRun& one : runs) {
        EXPECT_OK(writer.add(one.run, one.series));
    }
    EXPECT_OK(writer.finish());
    return text;
}

Result<std::vector<ExportedRun>> read_back(std::string_view text) {
    std::vector<ExportedRun> runs;
    const Status status = for_each_exported_run(text, "file", [&runs](ExportedRun&& run) {
        runs.push_back(std::move(run));
        return Status();
    });
    if (!status) {
        return Error(status.error());
    }
    return runs;
}

Status read(std::string_view text) {
    return for_each_exported_run(text, "file", [](ExportedRun&&) { return Status(); });
}

std::vector<std::uint64_t> bits_of(const std::vector<double>& values) {
    std::vector<std::uint64_t> bits(values.size());
    std::memcpy(bits.data(), values.data(), values.size() * sizeof(double));
    return bits;
}

TEST(RunExportFile, RunsComeBackToTheLastBit) {
    std::mt19937_64 random(20241125);
    std::vector<ExportedRun> runs;
    for (int i = 0; i < 5; ++i) {
        ExportedRun one{run_of(i), {}, 0};
        for (int channel = 0; channel < i; ++channel) {
            PowerSeries series{fmt::format("c{}\t\"", channel), "cpu", "measured", {}, {}};
            for (int k = 0; k < 500; ++k) {
                // Any bits: huge, tiny and denormal numbers; those that are not finite as 1.
                const std::uint64_t bits[2] = {random(), random()};
                double values[2];
                std::memcpy(values, bits, sizeof(values));
                series.t_s.push_back(std::isfinite(values[0]) ? values[0] : 1);
                series.power_w.push_back(std::isfinite(values[1]) ? values[1] : 1);
            }
            one.series.push_back(std::move(series));
        }
        runs.push_back(std::move(one));
    }
    const std::string text = export_of(runs);
    ASSERT_OK_AND_ASSIGN(const std::vector<ExportedRun> found, read_back(text));
    ASSERT_EQ(found.size(), runs.size());
    for (std::size_t i = 0; i < runs.size(); ++i) {
        EXPECT_EQ(to_json(found[i].run), to_json(runs[i].run));
        EXPECT_EQ(found[i].line, i + 2) << "a line for each run, after the head";
        ASSERT_EQ(found[i].series.size(), runs[i].series.size());
        for (std::size_t k = 0; k < runs[i].series.size(); ++k) {
            EXPECT_EQ(found[i].series[k].channel, runs[i].series[k].channel);
            EXPECT_EQ(found[i].series[k].component, "cpu");
            EXPECT_EQ(found[i].series[k].provenance, "measured");
            EXPECT_EQ(bits_of(found[i].series[k].t_s), bits_of(runs[i].series[k].t_s));
            EXPECT_EQ(bits_of(found[i].series[k].power_w), bits_of(runs[i].series[k].power_w));
        }
    }
    EXPECT_EQ(export_of(found), text) << "a second export is the same file";
}

TEST(RunExportFile, EdgeNumbersKeepTheirBits) {
    using Limits = std::numeric_limits<double>;
    const std::vector<double> edges{0.0,           -0.0, Limits::denorm_min(), Limits::max(),
                                    Limits::min(), 0.1,  9007199254740993.0,   1e22};
    ExportedRun one{run_of(1), {{"c", "cpu", "measured", edges, edges}}, 0};
    ASSERT_OK_AND_ASSIGN(const std::vector<ExportedRun> found, read_back(export_of({one})));
    EXPECT_EQ(bits_of(found[0].series[0].power_w), bits_of(edges));
}

TEST(RunExportFile, NumberThatIsNotFiniteComesBackAsNaN) {
    const std::vector<double> odd{1, std::numeric_limits<double>::quiet_NaN(),
                                  std::numeric_limits<double>::infinity()};
    ExportedRun one{run_of(1), {{"c", "cpu", "measured", {1, 2, 3}, odd}}, 0};
    ASSERT_OK_AND_ASSIGN(const std::vector<ExportedRun> found, read_back(export_of({one})));
    EXPECT_TRUE(std::isnan(found[0].series[0].power_w[1]));
    EXPECT_TRUE(std::isnan(found[0].series[0].power_w[2]));
}

TEST(RunExportFile, OtherLayoutsOfTheDocumentAreRead) {
    ExportedRun one{run_of(1), {{"c", "cpu", "measured", {1, 2}, {3, 4}}}, 0};
    const std::string text = export_of({one, {run_of(2), {}, 0}});
    const auto document = nlohmann::json::parse(text);  // also sorts the keys
    ASSERT_OK_AND_ASSIGN(const std::vector<ExportedRun> found, read_back(document.dump(4)));
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].series[0].power_w, (std::vector<double>{3, 4}));
    EXPECT_EQ(export_of(found), text);
}

TEST(RunExportFile, ExportOfNoRunIsAWholeDocument) {
    const std::string text = export_of({});
    EXPECT_FALSE(nlohmann::json::parse(text, nullptr, false).is_discarded());
    ASSERT_OK_AND_ASSIGN(const std::vector<ExportedRun> found, read_back(text));
    EXPECT_TRUE(found.empty());
}

TEST(RunExportFile, EveryCutIsNoticed) {
    ExportedRun one{run_of(1), {{"c", "cpu", "measured", {1, 2}, {3, 4}}}, 0};
    const std::string text = export_of({one});
    for (std::size_t length = 0; length + 1 < text.size(); ++length) {
        EXPECT_FALSE(read(std::string_view(text).substr(0, length)).has_value()) << length;
    }
    EXPECT_ERROR(kCorrupt, read(std::string_view(text).substr(0, text.size() / 2)), "line 2");
}

TEST(RunExportFile, NewerVersionIsRefused) {
    EXPECT_ERROR(kUnsupported, read(R"({"finewatt_export":2,"runs":[{"later":1}]})"),
                 "version 1, found 2; a newer finewatt reads it");
    EXPECT_ERROR(kCorrupt, read(R"({"finewatt_export":"1","runs":[]})"), "whole number");
    EXPECT_ERROR(kCorrupt, read(R"({"runs":[],"finewatt_export":1})"), "before 'runs'");
}

TEST(RunExportFile, OtherDocumentsAreNamedForWhatTheyAre) {
    EXPECT_ERROR(kCorrupt, read(""), "whole export");
    EXPECT_ERROR(kCorrupt, read("timestamp,project_name\n"), "--format NAME");
    EXPECT_ERROR(kCorrupt, read("[]"), "'finewatt_export'");
    EXPECT_ERROR(kCorrupt, read("{}"), "found none");
    EXPECT_ERROR(kCorrupt, read(R"({"finewatt_export":1,"runs":{}})"), "found none");
}

TEST(RunExportFile, FaultInARunNamesItsLine) {
    const std::string record = to_json(run_of(1));
    const auto with_run = [](const std::string& run) {
        return "{\"finewatt_export\":1,\n\"runs\":[\n" + run + "\n]}";
    };
    EXPECT_ERROR(kCorrupt, read(with_run("7")), "line 3: run 1: expected an object, found number");
    EXPECT_ERROR(kCorrupt, read(with_run("[]")), "line 3: run 1: expected an object, found a list");
    EXPECT_ERROR(kCorrupt, read(with_run("{}")), "line 3: run 1: expected the key 'record'");
    EXPECT_ERROR(kCorrupt, read(with_run(R"({"record":{"run_id":7}})")), "line 3: run 1: ");
    const auto with_series = [&](const std::string& series) {
        return with_run(R"({"record":)" + record + R"(,"power_series":)" + series + "}");
    };
    EXPECT_OK(read(with_series("[]")));
    EXPECT_ERROR(kCorrupt, read(with_series("3")), "power_series");
    EXPECT_ERROR(kCorrupt, read(with_series("[3]")), "power_series");
    EXPECT_ERROR(kCorrupt, read(with_series(R"([{"channel":"c"}])")), "'t_s' and 'power_w'");
    EXPECT_ERROR(kCorrupt, read(with_series(R"([{"channel":"c","t_s":[1],"power_w":[]}])")),
                 "found 1 and 0");
    EXPECT_ERROR(kCorrupt, read(with_series(R"([{"channel":"c","t_s":["1"],"power_w":[1]}])")),
                 "t_s: expected a number");
    EXPECT_ERROR(kCorrupt, read(with_series(R"([{"channel":"c","t_s":[[1]],"power_w":[[1]]}])")),
                 "expected numbers");
    EXPECT_ERROR(kCorrupt, read(with_series(R"([{"t_s":[],"power_w":[]}])")), "channel of its own");
    EXPECT_ERROR(kCorrupt,
                 read(with_run(R"({"record":)" + record + R"(},{"record":)" + record + "}")),
                 "run 2: expected each run once");
}

TEST(RunExportFile, DeepNestingIsNoDanger) {
    const std::string deep(200'000, '[');
    EXPECT_FALSE(read(R"({"finewatt_export":1,"runs":[)" + deep).has_value());
}

TEST(RunExportFile, ErrorOfTheVisitorEndsTheWalk) {
    const std::string text = export_of({{run_of(1), {}, 0}, {run_of(2), {}, 0}});
    int visited = 0;
    const Status status = for_each_exported_run(text, "file", [&](ExportedRun&&) {
        ++visited;
        return Status(FINEWATT_ERROR(kBusy, "held"));
    });
    EXPECT_ERROR(kBusy, status, "held");
    EXPECT_EQ(visited, 1);
}

}  // namespace
}  // namespace finewatt::app
