#include "finewatt/sensor/cpu_model_source.h"

#include "finewatt/base/csv.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"

#include <unistd.h>

#include <random>

namespace finewatt {
namespace {

using testing::FakeMachine;
using ::testing::HasSubstr;
using testing::poll_all;
using testing::stat_text;

constexpr double kTdpW = 85;  // of the processor below

/// One socket of an E5-2620 v3 with 12 logical CPUs, on bare metal.
FakeMachine& write_machine(FakeMachine& machine) {
    machine.write_processors("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz", 12, 6);
    return machine;
}

double energy_j(Source& source) {
    const Reading reading = poll_all(source)[0];
    EXPECT_EQ(reading.outcome, PollOutcome::kOk) << reading.error;
    return static_cast<double>(reading.raw) * 1e-6;
}

TEST(BusyTicks, CountsUserNiceSystemAndInterruptsOnly) {
    EXPECT_EQ(parse_busy_ticks("cpu  1 20 300 4000 50000 600000 7000000 80000000 9 9\n"),
              7'600'321U);
    EXPECT_EQ(parse_busy_ticks("cpu  1 2 3 4 5 6 7\n"), 19U);  // old kernels have no steal
}

TEST(BusyTicks, RefusesOtherText) {
    for (const char* text : {"", "cpu  1 2 3\n", "cpu0 1 2 3 4 5 6 7 8\n", "cpu  1 2 x 4 5 6 7\n",
                             "cpu  1 2 3 4 5 6 7"}) {
        EXPECT_EQ(parse_busy_ticks(text), std::nullopt) << text;
    }
}

TEST(CpuModelSource, EnergyIsLinearInLoad) {
    FakeMachine machine;
    write_machine(machine);
    const SourceProbe probe = CpuModelSource::probe(machine.options(), "no counter");
    ASSERT_NE(probe.source, nullptr);
    EXPECT_EQ(energy_j(*probe.source), 0);
    machine.clock.advance(std::chrono::seconds(10));
    EXPECT_NEAR(energy_j(*probe.source), 0.10 * kTdpW * 10, 1e-5) << "idle";
    // 60 of 120 core-seconds busy.
    const auto ticks = static_cast<std::uint64_t>(60 * ::sysconf(_SC_CLK_TCK));
    machine.tree.write("/proc/stat", stat_text(1000 + ticks));
    EXPECT_NEAR(energy_j(*probe.source), (0.10 + 0.90 * 0.5) * kTdpW * 10, 1e-5) << "half load";
}

TEST(CpuModelSource, TheChannelSaysThatItIsAModelAndHowWide) {
    FakeMachine machine;
    write_machine(machine);
    const SourceProbe probe = CpuModelSource::probe(machine.options(), "no counter here");
    ASSERT_NE(probe.source, nullptr);
    const ChannelSpec& spec = probe.source->channels()[0];
    EXPECT_EQ(spec.domain, Domain::kPackage);
    EXPECT_EQ(spec.provenance, Provenance::kModelled);
    EXPECT_DOUBLE_EQ(spec.gain_error_low.value_or(0), 0.55);
    EXPECT_DOUBLE_EQ(spec.gain_error_high.value_or(0), 0.90);
    EXPECT_THAT(spec.reason, HasSubstr("no counter here; power modelled from load: TDP of"));
}

TEST(CpuModelSource, AHiddenProcessorIsAssumedWithAWiderBand) {
    FakeMachine machine;
    machine.write_processors("AMD EPYC", 2, 2, "fpu hypervisor");
    const SourceProbe probe = CpuModelSource::probe(machine.options(), "no counter");
    ASSERT_NE(probe.source, nullptr);
    const ChannelSpec& spec = probe.source->channels()[0];
    EXPECT_EQ(spec.provenance, Provenance::kAssumed);
    EXPECT_GT(spec.gain_error_low.value_or(0), 0.55);
    EXPECT_LT(spec.gain_error_low.value_or(1), 1);
    EXPECT_GT(spec.gain_error_high.value_or(0), 0.90);
}

TEST(CpuModelSource, GarbageIsARetryAndTheNextReadingIsGoodAgain) {
    FakeMachine machine;
    write_machine(machine);
    const SourceProbe probe = CpuModelSource::probe(machine.options(), "no counter");
    ASSERT_NE(probe.source, nullptr);
    machine.tree.write("/proc/stat", "nothing known\n");
    EXPECT_EQ(poll_all(*probe.source)[0].outcome, PollOutcome::kRetry);
    EXPECT_EQ(poll_all(*probe.source)[0].error, "EINVAL");
    machine.tree.write("/proc/stat", stat_text(1000));
    EXPECT_EQ(poll_all(*probe.source)[0].outcome, PollOutcome::kOk);
}

TEST(CpuModelSource, WithoutProcTheCpuIsUnmeasured) {
    FakeMachine machine;
    const SourceProbe probe = CpuModelSource::probe(machine.options(), "no counter");
    EXPECT_EQ(probe.source, nullptr);
    ASSERT_EQ(probe.unmeasured.size(), 1U);
    EXPECT_EQ(probe.unmeasured[0].component, "cpu");
}

TEST(CpuModelSource, EnergyNeverFallsAndStaysBetweenIdleAndMaximum) {
    constexpr unsigned kSeed = 20261123;
    std::mt19937 random(kSeed);
    FakeMachine machine;
    write_machine(machine);
    const SourceProbe probe = CpuModelSource::probe(machine.options(), "no counter");
    ASSERT_NE(probe.source, nullptr);
    std::uint64_t ticks = 1000;
    double elapsed_s = 0;
    double last_j = 0;
    for (int step = 0; step < 500; ++step) {
        const int ms = std::uniform_int_distribution<>(0, 2000)(random);
        machine.clock.advance(std::chrono::milliseconds(ms));
        elapsed_s += ms * 1e-3;
        // From a step back (a CPU went offline) to more than all CPUs can give.
        const int change = std::uniform_int_distribution<>(-20, 400)(random);
        ticks = change < 0 ? ticks - static_cast<std::uint64_t>(-change)
                           : ticks + static_cast<std::uint64_t>(change);
        machine.tree.write("/proc/stat", stat_text(ticks));
        const double now_j = energy_j(*probe.source);
        const std::string where = fmt::format("seed {} step {}", kSeed, step);
        ASSERT_GE(now_j, last_j) << where;
        ASSERT_GE(now_j, 0.10 * kTdpW * elapsed_s - 1e-5) << where;
        ASSERT_LE(now_j, kTdpW * elapsed_s + 1e-5) << where;
        last_j = now_j;
    }
    EXPECT_GT(last_j, 0);
}

/// P_max of the machines of the load sweeps; the E5-2620 v3 has two sockets.
double sweep_max_w(const std::string& file) {
    if (file.find("8024P") != std::string::npos) {
        return 90;
    }
    if (file.find("1950X") != std::string::npos) {
        return 180;
    }
    return file.find("E3-1240") != std::string::npos ? 69 : 2 * 85;
}

TEST(CpuModelSource, TheStatedBandHoldsOnThePublishedSweeps) {
    FINEWATT_SHARED_OR_SKIP(folder, "facts/cpu_load_vs_rapl");
    int points = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        ASSERT_OK_AND_ASSIGN(const std::string text, read_file(entry.path()));
        ASSERT_OK_AND_ASSIGN(const CsvTable table, parse_csv(text, entry.path().string()));
        ASSERT_OK_AND_ASSIGN(const std::size_t load_column, table.column("cpu_load"));
        ASSERT_OK_AND_ASSIGN(const std::size_t power_column, table.column("rapl_power"));
        const double max_w = sweep_max_w(entry.path().filename().string());
        for (const auto& row : table.rows) {
            const double load = std::stod(row[load_column]) / 100;
            if (load <= 0.08) {
                continue;
            }
            const double model_w = max_w * (kIdleShare + (1 - kIdleShare) * load);
            const double true_w = std::stod(row[power_column]);
            EXPECT_GE(true_w, kLoadModelLow * model_w) << entry.path() << " load " << load;
            EXPECT_LE(true_w, kLoadModelHigh * model_w) << entry.path() << " load " << load;
            ++points;
        }
    }
    EXPECT_EQ(points, 77);
}

}  // namespace
}  // namespace finewatt
