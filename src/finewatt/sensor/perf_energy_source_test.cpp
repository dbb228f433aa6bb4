#include "finewatt/sensor/perf_energy_source.h"

#include "finewatt/testing/fake_sensors.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using testing::channel_ids;
using testing::channel_named;
using ::testing::ElementsAre;
using testing::FakeCpu;
using testing::FakeMachine;
using testing::FakePerf;
using testing::FakeProcessor;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::poll_all;
using testing::reading_of;
using testing::write_cpus;
using testing::write_pmu;
using testing::write_zone;

constexpr unsigned kType = 32;
constexpr double kTick = 1.0 / 4294967296.0;

const FakeProcessor kEpyc{"AuthenticAMD", 25, 1, "AMD EPYC 7763 64-Core Processor", 64};

/// A machine with perf events as files.
struct PerfMachine : FakeMachine {
    FakePerf perf{tree};

    DiscoveryOptions perf_options() {
        DiscoveryOptions made = options();
        made.perf = perf.calls();
        return made;
    }

    SourceProbe probe() { return PerfEnergySource::probe(perf_options()); }
};

TEST(PerfEnergySource, ADesktopShowsPackageCoresGraphicsMemoryAndPlatform) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}, {0, 0}});
    write_pmu(machine.tree, "power", kType, "0",
              {{"energy-cores", "event=0x01\n"},
               {"energy-pkg", "event=0x02\n"},
               {"energy-ram", "event=0x03\n"},
               {"energy-gpu", "event=0x04\n"},
               {"energy-psys", "event=0x05\n"}});
    for (std::uint64_t config = 1; config <= 5; ++config) {
        machine.perf.set(kType, config, 0, config * 1000);
    }
    const SourceProbe probe = machine.probe();
    ASSERT_NE(probe.source, nullptr);
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("perf:package-0", "perf:package-0/dram", "perf:package-0/core",
                            "perf:psys", "perf:package-0/uncore"));
    const ChannelSpec package = channel_named(probe.source.get(), "perf:package-0");
    EXPECT_EQ(package.domain, Domain::kPackage);
    EXPECT_EQ(package.device, "cpu0");
    EXPECT_EQ(package.kind, ChannelKind::kCounter);
    EXPECT_EQ(package.unit, "ticks");
    EXPECT_DOUBLE_EQ(package.unit_size, kTick);
    EXPECT_EQ(package.range, std::nullopt) << "64 bits never wrap";
    EXPECT_EQ(package.provenance, Provenance::kMeasured);
    EXPECT_EQ(channel_named(probe.source.get(), "perf:psys").device, "platform");
    EXPECT_EQ(channel_named(probe.source.get(), "perf:package-0/uncore").domain, Domain::kOther);
    EXPECT_EQ(reading_of(*probe.source, "perf:package-0").raw, 2000U);
    EXPECT_EQ(reading_of(*probe.source, "perf:package-0/dram").raw, 3000U);
    EXPECT_EQ(reading_of(*probe.source, "perf:psys").raw, 5000U);
}

TEST(PerfEnergySource, EventCodesComeFromTheFilesAndNotFromAList) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0", {{"energy-pkg", "event=77"}});
    machine.perf.set(kType, 77, 0, 9);
    EXPECT_EQ(reading_of(*machine.probe().source, "perf:package-0").raw, 9U);
}

TEST(PerfEnergySource, TwoSocketsAreTwoDevicesAndOnePlatform) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}, {0, 0}, {1, 0}, {1, 0}});
    write_pmu(machine.tree, "power", kType, "0,2",
              {{"energy-pkg", "event=0x02"}, {"energy-psys", "event=0x05"}});
    machine.perf.set(kType, 2, 0, 10);
    machine.perf.set(kType, 2, 2, 20);
    machine.perf.set(kType, 5, 0, 30);
    machine.perf.set(kType, 5, 2, 40);
    const SourceProbe probe = machine.probe();
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("perf:package-0", "perf:package-1", "perf:psys"));
    EXPECT_EQ(channel_named(probe.source.get(), "perf:package-1").device, "cpu1");
    EXPECT_EQ(reading_of(*probe.source, "perf:package-1").raw, 20U);
    EXPECT_EQ(reading_of(*probe.source, "perf:psys").raw, 30U);
}

TEST(PerfEnergySource, IntelDiesAreNamedAsPowercapNamesThem) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}, {0, 1}});
    write_pmu(machine.tree, "power", kType, "0-1", {{"energy-pkg", "event=0x02"}});
    machine.perf.set(kType, 2, 0, 1);
    machine.perf.set(kType, 2, 1, 2);
    const SourceProbe probe = machine.probe();
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("perf:package-0-die-0", "perf:package-0-die-1"));
    EXPECT_EQ(channel_named(probe.source.get(), "perf:package-0-die-1").device, "cpu0-die1");
}

TEST(PerfEnergySource, AmdCoreComplexesShareOneCounterAndAreCountedOnce) {
    PerfMachine machine;
    // Linux 6.9 to 6.11 list one CPU per core complex in the mask.
    write_cpus(machine.tree, kEpyc, {{0, 0}, {0, 1}, {0, 2}});
    machine.tree.write("/proc/sys/kernel/osrelease", "6.10.3\n");
    write_pmu(machine.tree, "power", kType, "0,1,2", {{"energy-pkg", "event=0x02"}});
    for (int cpu = 0; cpu < 3; ++cpu) {
        machine.perf.set(kType, 2, cpu, 5);
    }
    const SourceProbe probe = machine.probe();
    EXPECT_THAT(channel_ids(probe.source.get()), ElementsAre("perf:package-0"));
    EXPECT_EQ(channel_named(probe.source.get(), "perf:package-0").device, "cpu0");
}

TEST(PerfEnergySource, AmdBeforeLinux517IsRefused) {
    PerfMachine machine;
    write_cpus(machine.tree, kEpyc, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0", {{"energy-pkg", "event=0x02"}});
    machine.perf.set(kType, 2, 0, 5);
    machine.tree.write("/proc/sys/kernel/osrelease", "5.16.20-arch1-1\n");
    const SourceProbe old_kernel = machine.probe();
    EXPECT_EQ(old_kernel.source, nullptr);
    EXPECT_EQ(old_kernel.reports.at(0).status, SourceStatus::kBroken);
    EXPECT_THAT(old_kernel.reports.at(0).why, HasSubstr("found Linux 5.16"));
    machine.tree.write("/proc/sys/kernel/osrelease", "5.17.0\n");
    EXPECT_NE(machine.probe().source, nullptr);
}

TEST(PerfEnergySource, CoresOfAmdAreSummedPerPackageOnlyWhenAllSourcesAreWanted) {
    PerfMachine machine;
    write_cpus(machine.tree, kEpyc, {{0, 0}, {0, 0}, {1, 0}});
    machine.tree.write("/proc/sys/kernel/osrelease", "6.14.0\n");
    write_pmu(machine.tree, "power", kType, "0,2", {{"energy-pkg", "event=0x02"}});
    write_pmu(machine.tree, "power_core", kType + 1, "0-2", {{"energy-core", "event=0x01"}});
    machine.perf.set(kType, 2, 0, 100);
    machine.perf.set(kType, 2, 2, 100);
    for (int cpu = 0; cpu < 3; ++cpu) {
        machine.perf.set(kType + 1, 1, cpu, 10 + static_cast<unsigned>(cpu));
    }
    EXPECT_THAT(channel_ids(machine.probe().source.get()),
                ElementsAre("perf:package-0", "perf:package-1"));
    DiscoveryOptions options = machine.perf_options();
    options.all_sources = true;
    const SourceProbe all = PerfEnergySource::probe(options);
    EXPECT_EQ(channel_named(all.source.get(), "perf:package-0/core").domain, Domain::kCore);
    EXPECT_EQ(channel_named(all.source.get(), "perf:package-0/core").device, "cpu0");
    EXPECT_EQ(reading_of(*all.source, "perf:package-0/core").raw, 21U);
    EXPECT_EQ(reading_of(*all.source, "perf:package-1/core").raw, 12U);
}

TEST(PerfEnergySource, AHybridProcessorHasOnePackage) {
    PerfMachine machine;
    write_cpus(machine.tree, {"GenuineIntel", 6, 0x97, "12th Gen Intel(R) Core(TM) i7-12700K", 12},
               {{0, 0}, {0, 0}});
    machine.tree.write("/sys/bus/event_source/devices/cpu_core/type", "4\n");
    machine.tree.write("/sys/bus/event_source/devices/cpu_atom/type", "10\n");
    write_pmu(machine.tree, "power", kType, "0", {{"energy-pkg", "event=0x02"}});
    machine.perf.set(kType, 2, 0, 5);
    EXPECT_THAT(channel_ids(machine.probe().source.get()), ElementsAre("perf:package-0"));
}

TEST(PerfEnergySource, AnUnknownEventIsOtherAndNeverAFailure) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0",
              {{"energy-pkg", "event=0x02"}, {"energy-brandnew", "event=0x09"}});
    machine.perf.set(kType, 2, 0, 5);
    machine.perf.set(kType, 9, 0, 6);
    const SourceProbe probe = machine.probe();
    EXPECT_EQ(channel_named(probe.source.get(), "perf:package-0/brandnew").domain, Domain::kOther);
}

TEST(PerfEnergySource, TheHardwaresStepComesFromPowercap) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0",
              {{"energy-pkg", "event=0x02"}, {"energy-ram", "event=0x03"}});
    machine.perf.set(kType, 2, 0, 5);
    machine.perf.set(kType, 3, 0, 5);
    const SourceProbe without = machine.probe();
    EXPECT_DOUBLE_EQ(channel_named(without.source.get(), "perf:package-0").resolution_raw,
                     262'144);  // 2^-14 J in ticks of 2^-32 J
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl:0:0", "dram", "5\n", "65532610987\n"});
    const SourceProbe with = machine.probe();
    EXPECT_NEAR(channel_named(with.source.get(), "perf:package-0").resolution_raw * kTick,
                61.035e-6, 1e-9);
    EXPECT_NEAR(channel_named(with.source.get(), "perf:package-0/dram").resolution_raw * kTick,
                15.258e-6, 1e-9);
}

TEST(PerfEnergySource, DeniedEventsNameTheSettingAndTheCapability) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}, {1, 0}});
    write_pmu(machine.tree, "power", kType, "0,1", {{"energy-pkg", "event=0x02"}});
    machine.tree.write("/proc/sys/kernel/perf_event_paranoid", "4\n");
    machine.perf.is_denied = true;
    const SourceProbe probe = machine.probe();
    EXPECT_EQ(probe.source, nullptr);
    ASSERT_EQ(probe.reports.size(), 1U);
    EXPECT_EQ(probe.reports[0].status, SourceStatus::kDenied);
    EXPECT_THAT(probe.reports[0].channels, ElementsAre("perf:package-0", "perf:package-1"));
    EXPECT_THAT(probe.reports[0].why, HasSubstr("perf_event_paranoid below 1, found 4"));
    EXPECT_THAT(probe.reports[0].fix, HasSubstr("setcap cap_perfmon+ep"));
}

TEST(PerfEnergySource, AnEventThatCannotBeOpenedLeavesTheOthers) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0",
              {{"energy-pkg", "event=0x02"}, {"energy-ram", "event=0x03"}});
    machine.perf.set(kType, 2, 0, 5);
    const SourceProbe probe = machine.probe();
    EXPECT_THAT(channel_ids(probe.source.get()), ElementsAre("perf:package-0"));
    ASSERT_EQ(probe.reports.size(), 2U);
    EXPECT_EQ(probe.reports[1].status, SourceStatus::kBroken);
    EXPECT_THAT(probe.reports[1].channels, ElementsAre("perf:package-0/dram"));
}

TEST(PerfEnergySource, AFailedReadHasItsErrno) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0", {{"energy-pkg", "event=0x02"}});
    machine.perf.set(kType, 2, 0, 5);
    DiscoveryOptions options = machine.perf_options();
    int errno_value = EIO;
    options.perf.read = [&errno_value](int, std::uint64_t&) { return errno_value; };
    const SourceProbe probe = PerfEnergySource::probe(options);
    ASSERT_NE(probe.source, nullptr);
    EXPECT_EQ(poll_all(*probe.source)[0].outcome, PollOutcome::kRetry);
    EXPECT_EQ(poll_all(*probe.source)[0].error, "EIO");
    errno_value = ENODEV;
    EXPECT_EQ(poll_all(*probe.source)[0].outcome, PollOutcome::kGone);
}

TEST(PerfEnergySource, WithoutThePmuItIsAbsentAndAVirtualMachineIsNamed) {
    PerfMachine machine;
    EXPECT_EQ(machine.probe().reports.at(0).status, SourceStatus::kAbsent);
    EXPECT_THAT(machine.probe().reports.at(0).fix, HasSubstr("modprobe rapl"));
    machine.write_processors("Intel Xeon", 2, 1, "fpu hypervisor");
    EXPECT_THAT(machine.probe().reports.at(0).why, HasSubstr("virtual machine"));
}

TEST(PerfEnergySource, AnotherMachinesTreeIsNotReadThroughThisKernel) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0", {{"energy-pkg", "event=0x02"}});
    machine.tree.write("/proc/sys/kernel/random/boot_id", "not-this-boot\n");
    const SourceProbe probe = PerfEnergySource::probe(machine.options());
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_THAT(probe.reports.at(0).why, HasSubstr("boot id"));
}

TEST(PerfEnergySource, FilesThatCannotBeUnderstoodAreRefusedByName) {
    PerfMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}});
    write_pmu(machine.tree, "power", kType, "0", {{"energy-pkg", "event=0x02,umask=0x1"}});
    machine.perf.set(kType, 2, 0, 5);
    const SourceProbe odd_code = machine.probe();
    EXPECT_EQ(odd_code.source, nullptr);
    EXPECT_THAT(odd_code.reports.at(0).why, HasSubstr("expected 'event=NUMBER'"));
    write_pmu(machine.tree, "power", kType, "0", {{"energy-pkg", "event=0x02"}});
    const std::string scale = "/sys/bus/event_source/devices/power/events/energy-pkg.scale";
    for (const std::string text : {"", "0", "-1", "nan", "inf", "1e300", "2.3e-10x"}) {
        machine.tree.write(scale, text);
        EXPECT_EQ(machine.probe().source, nullptr) << text;
    }
    machine.tree.write(scale, testing::kPerfScale);
    EXPECT_NE(machine.probe().source, nullptr);
    machine.tree.write("/sys/bus/event_source/devices/power/type", "many\n");
    EXPECT_EQ(machine.probe().reports.at(0).status, SourceStatus::kBroken);
}

TEST(KernelPerfCalls, SayWhyAnEventOfNoPmuCannotBeOpened) {
    // No kernel has a PMU of this number, so the real call must fail as a value.
    const auto opened = kernel_perf_calls().open({0x7FFF'FFFF, 2, 0});
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message(), HasSubstr("perf_event_open of type 2147483647"));
}

}  // namespace
}  // namespace finewatt
