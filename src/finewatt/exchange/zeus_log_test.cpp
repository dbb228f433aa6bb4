#include "finewatt/base/file.h"
#include "finewatt/exchange/zeus_log_internal.h"
#include "finewatt/record/ulid.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace finewatt::exchange {
namespace {

Result<std::vector<ImportedRun>> read(std::string_view text) {
    return read_zeus_log(text, "log.csv", {});
}

bool has_note(const RunRecord& run, std::string_view part) {
    return std::any_of(run.notes.begin(), run.notes.end(), [part](const std::string& note) {
        return note.find(part) != std::string::npos;
    });
}

TEST(ReadZeusLog, WindowsBecomePhasesOfGpusAlone) {
    ASSERT_OK_AND_ASSIGN(const auto runs,
                         read("start_time,window_name,elapsed_time,gpu0_energy,gpu3_energy\n"
                              "1700000000.5,epoch,10,1000,500\n"
                              "1700000011.5,eval,5,200,0\n"));
    ASSERT_EQ(runs.size(), 1U);
    const RunRecord& run = runs[0].run;
    EXPECT_TRUE(is_ulid(run.run_id));
    EXPECT_EQ(run.energy.domains, std::vector<std::string>{"gpu"});
    EXPECT_EQ(run.energy.energy.value().as_joules(), 1700);
    EXPECT_FALSE(run.energy.energy_low.has_value());
    ASSERT_EQ(run.energy.components.size(), 2U);
    EXPECT_EQ(run.energy.components[1].device, "gpu3");
    EXPECT_EQ(run.energy.components[1].energy.value().as_joules(), 500);
    ASSERT_EQ(run.phases.size(), 2U);
    EXPECT_EQ(run.phases[1].name, "eval");
    EXPECT_EQ(run.phases[1].t_begin_s, 11);
    EXPECT_EQ(run.phases[1].energy.components[1].notes.size(), 1U);  // 0 J of a short window
    EXPECT_EQ(run.duration_s, 16);
    EXPECT_EQ(run.started_at.as_unix_ns(), 1'700'000'000'500'000'000);
    EXPECT_TRUE(has_note(run, "GPUs only"));
    EXPECT_TRUE(has_note(run, "lie between"));
    EXPECT_FALSE(has_note(run, "name no date"));
    EXPECT_TRUE(run.carbon_reason.has_value());
}

TEST(ReadZeusLog, NestedWindowsAreCountedOnce) {
    // Zeus writes a window when it ends, so inner ones come first.
    ASSERT_OK_AND_ASSIGN(const auto runs, read("start_time,window_name,elapsed_time,gpu0_energy\n"
                                               "101,step,2,20\n104,step,2,20\n100,epoch,8,80\n"));
    EXPECT_EQ(runs[0].run.energy.energy.value().as_joules(), 80);
    EXPECT_EQ(runs[0].run.phases.size(), 3U);
    EXPECT_EQ(runs[0].run.phases[0].t_begin_s, 1);
}

TEST(ReadZeusLog, BadFilesAreNamed) {
    EXPECT_ERROR(kCorrupt, read("start_time,window_name,elapsed_time\n1,a,2\n"), "gpu0_energy");
    EXPECT_ERROR(kCorrupt, read("start_time,window_name,elapsed_time,gpu0_energy\n"),
                 "expected at least one window");
    EXPECT_ERROR(kCorrupt, read("start_time,window_name,elapsed_time,gpu0_energy\n1,a,b,2,3\n"),
                 "row 2: expected 4 fields as in the header, found 5; Zeus writes names of windows "
                 "without quotes");
    EXPECT_ERROR(kCorrupt, read("start_time,window_name,elapsed_time,gpu0_energy\n1,a,2,\n"),
                 "'gpu0_energy', found nothing");
    EXPECT_ERROR(kCorrupt, read("start_time,window_name,elapsed_time,gpu0_energy\n1e30,a,2,3\n"),
                 "expected times in seconds");
}

TEST(ReadZeusLog, PublishedLogsOfBertAreRead) {
    FINEWATT_SHARED_OR_SKIP(file, "facts/zeus_nsdi23_traces/window_log_a40_bert_base.csv");
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(file));
    ASSERT_OK_AND_ASSIGN(const auto runs, read(text));
    const RunRecord& run = runs[0].run;
    EXPECT_EQ(run.phases.size(),
              static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) - 1);
    double sum_j = 0;
    for (const PhaseRecord& phase : run.phases) {
        sum_j += phase.energy.energy.value().as_joules();
    }
    EXPECT_GT(sum_j, 20'000);
    EXPECT_NEAR(run.energy.energy.value().as_joules(), sum_j, 1e-6);
    EXPECT_LT(run.energy.coverage.value(), 1);
    // Its times are those of a monotonic clock.
    EXPECT_TRUE(has_note(run, "name no date"));
}

}  // namespace
}  // namespace finewatt::exchange
