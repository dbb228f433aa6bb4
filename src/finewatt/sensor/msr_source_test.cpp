#include "finewatt/sensor/msr_source.h"

#include "finewatt/testing/fake_sensors.h"
#include "finewatt/testing/matchers.h"

#include <cmath>

namespace finewatt {
namespace {

using testing::channel_ids;
using testing::channel_named;
using ::testing::ElementsAre;
using testing::FakeCpu;
using testing::FakeMachine;
using testing::FakeProcessor;
using ::testing::HasSubstr;
using testing::poll_all;
using testing::reading_of;
using testing::write_cpus;
using testing::write_registers;

// Unit registers: power 2^-3 W, energy 2^-14 J (or 2^-16 J), time 2^-10 s.
constexpr std::uint64_t kUnit14 = 0xA0E03;
constexpr std::uint64_t kUnit16 = 0xA1003;

FakeProcessor intel(unsigned model) {
    return {"GenuineIntel", 6, model, "Intel", 4};
}

SourceProbe probe_model(unsigned model, const std::map<std::uint32_t, std::uint64_t>& registers) {
    FakeMachine machine;
    write_cpus(machine.tree, intel(model), {{0, 0}});
    write_registers(machine.tree, 0, registers);
    return MsrSource::probe(machine.options());
}

TEST(MsrSource, AnIntelClientShowsAllItsDomains) {
    FakeMachine machine;
    write_cpus(machine.tree, intel(0x9E), {{0, 0}, {0, 0}});
    write_registers(
        machine.tree, 0,
        {{0x606, kUnit14}, {0x611, 11}, {0x619, 12}, {0x639, 13}, {0x641, 14}, {0x64D, 15}});
    const SourceProbe probe = MsrSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("msr:package-0", "msr:package-0/dram", "msr:package-0/core",
                            "msr:package-0/uncore", "msr:psys"));
    const ChannelSpec package = channel_named(probe.source.get(), "msr:package-0");
    EXPECT_EQ(package.device, "cpu0");
    EXPECT_EQ(package.range, 4'294'967'296U);
    EXPECT_DOUBLE_EQ(package.unit_size, std::ldexp(1.0, -14));
    EXPECT_EQ(package.unit, "ticks");
    EXPECT_EQ(channel_named(probe.source.get(), "msr:psys").device, "platform");
    EXPECT_EQ(reading_of(*probe.source, "msr:package-0/core").raw, 13U);
    EXPECT_EQ(channel_named(probe.source.get(), "msr:package-0/uncore").domain, Domain::kOther);
}

TEST(MsrSource, DramOfHaswellToIceLakeServersHasTheFixedUnit) {
    for (const unsigned model : {0x3FU, 0x4FU, 0x55U, 0x6AU, 0x57U, 0x85U}) {
        const SourceProbe probe = probe_model(model, {{0x606, kUnit14}, {0x611, 11}, {0x619, 12}});
        EXPECT_DOUBLE_EQ(channel_named(probe.source.get(), "msr:package-0/dram").unit_size,
                         std::ldexp(1.0, -16))
            << model;
        EXPECT_DOUBLE_EQ(channel_named(probe.source.get(), "msr:package-0").unit_size,
                         std::ldexp(1.0, -14))
            << model;
    }
}

TEST(MsrSource, SapphireRapidsCountsPlatformJoulesAndMemoryInTheCommonUnit) {
    for (const unsigned model : {0x8FU, 0xCFU}) {
        const SourceProbe probe =
            probe_model(model, {{0x606, kUnit14}, {0x611, 11}, {0x619, 12}, {0x64D, 13}});
        EXPECT_DOUBLE_EQ(channel_named(probe.source.get(), "msr:psys").unit_size, 1.0) << model;
        EXPECT_DOUBLE_EQ(channel_named(probe.source.get(), "msr:package-0/dram").unit_size,
                         std::ldexp(1.0, -14))
            << model;
    }
}

TEST(MsrSource, AmdShowsItsPackagesOnly) {
    FakeMachine machine;
    write_cpus(machine.tree, {"AuthenticAMD", 23, 0x31, "AMD EPYC 7742 64-Core Processor", 64},
               {{0, 0}, {1, 0}});
    for (const unsigned cpu : {0U, 1U}) {
        write_registers(machine.tree, cpu, {{0xC0010299, kUnit16}, {0xC001029B, 70 + cpu}});
    }
    const SourceProbe probe = MsrSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_THAT(channel_ids(probe.source.get()), ElementsAre("msr:package-0", "msr:package-1"));
    EXPECT_DOUBLE_EQ(channel_named(probe.source.get(), "msr:package-1").unit_size,
                     std::ldexp(1.0, -16));
    EXPECT_EQ(reading_of(*probe.source, "msr:package-1").raw, 71U);
}

TEST(MsrSource, OnlyTheLow32BitsCount) {
    const SourceProbe probe = probe_model(0x9E, {{0x606, kUnit14}, {0x611, 0xDEAD'0000'0007}});
    EXPECT_EQ(reading_of(*probe.source, "msr:package-0").raw, 7U);
}

TEST(MsrSource, IntelDiesAndTwoSocketsAreDevicesAndPsysIsOne) {
    FakeMachine machine;
    write_cpus(machine.tree, intel(0x55), {{0, 0}, {0, 1}, {1, 0}, {1, 1}});
    for (unsigned cpu = 0; cpu < 4; ++cpu) {
        write_registers(machine.tree, cpu, {{0x606, kUnit14}, {0x611, 100 + cpu}, {0x64D, 9}});
    }
    const SourceProbe probe = MsrSource::probe(machine.options());
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("msr:package-0-die-0", "msr:psys", "msr:package-0-die-1",
                            "msr:package-1-die-0", "msr:package-1-die-1"));
    EXPECT_EQ(channel_named(probe.source.get(), "msr:package-1-die-1").device, "cpu1-die1");
    EXPECT_EQ(reading_of(*probe.source, "msr:package-1-die-0").raw, 102U);
}

TEST(MsrSource, ACounterThatReadsZeroIsNotThere) {
    const SourceProbe probe = probe_model(0x9E, {{0x606, kUnit14}, {0x611, 11}, {0x64D, 0}});
    EXPECT_THAT(channel_ids(probe.source.get()), ElementsAre("msr:package-0"));
}

TEST(MsrSource, AUnitRegisterOfAVirtualMachineIsRefused) {
    const SourceProbe probe = probe_model(0x9E, {{0x606, 0}, {0x611, 11}});
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_EQ(probe.reports.at(0).status, SourceStatus::kBroken);
    EXPECT_THAT(probe.reports.at(0).why, HasSubstr("register 0x606"));
}

TEST(MsrSource, AtomsWithAnotherUnitAreRefused) {
    const SourceProbe probe = probe_model(0x37, {{0x606, kUnit14}, {0x611, 11}});
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_THAT(probe.reports.at(0).why, HasSubstr("another form"));
}

TEST(MsrSource, DeniedRegistersNameTheCommand) {
    FakeMachine machine;
    write_cpus(machine.tree, intel(0x9E), {{0, 0}});
    write_registers(machine.tree, 0, {{0x606, kUnit14}, {0x611, 11}});
    machine.denied = {"/msr"};
    const SourceProbe probe = MsrSource::probe(machine.options());
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_EQ(probe.reports.at(0).status, SourceStatus::kDenied);
    EXPECT_THAT(probe.reports.at(0).channels, ElementsAre("msr:package-0"));
    EXPECT_THAT(probe.reports.at(0).fix, HasSubstr("setcap cap_sys_rawio+ep"));
}

TEST(MsrSource, WithoutTheModuleItIsAbsent) {
    FakeMachine machine;
    write_cpus(machine.tree, intel(0x9E), {{0, 0}});
    const SourceProbe probe = MsrSource::probe(machine.options());
    EXPECT_EQ(probe.reports.at(0).status, SourceStatus::kAbsent);
    EXPECT_THAT(probe.reports.at(0).fix, HasSubstr("modprobe msr"));
    FakeMachine arm;
    arm.tree.write("/proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\n");
    EXPECT_EQ(MsrSource::probe(arm.options()).reports.at(0).status, SourceStatus::kAbsent);
}

TEST(MsrSource, AReadThatGivesTooFewBytesIsARetry) {
    FakeMachine machine;
    write_cpus(machine.tree, intel(0x9E), {{0, 0}});
    write_registers(machine.tree, 0, {{0x606, kUnit14}, {0x611, 11}});
    const SourceProbe probe = MsrSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    std::filesystem::resize_file(machine.tree.path() / "dev/cpu/0/msr", 0x612);
    const Reading reading = poll_all(*probe.source)[0];
    EXPECT_EQ(reading.outcome, PollOutcome::kRetry);
    EXPECT_EQ(reading.error, "EIO");
}

}  // namespace
}  // namespace finewatt
