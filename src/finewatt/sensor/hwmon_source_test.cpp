#include "finewatt/sensor/hwmon_source.h"

#include "finewatt/testing/fake_sensors.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using testing::channel_ids;
using testing::channel_named;
using ::testing::ElementsAre;
using testing::FakeMachine;
using testing::FakeProcessor;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::reading_of;
using ::testing::UnorderedElementsAre;
using testing::write_chip;
using testing::write_cpus;

const FakeProcessor kEpyc{"AuthenticAMD", 23, 0x31, "AMD EPYC 7742 64-Core Processor", 64};

SourceProbe probe(FakeMachine& machine, HwmonDriver driver) {
    return HwmonSource::probe(machine.options(), driver);
}

TEST(HwmonAmdEnergy, SocketsAreCountersAndCoresStayOut) {
    FakeMachine machine;
    write_chip(machine.tree, "hwmon3", "amd_energy",
               {{"energy1_label", "Ecore000"},
                {"energy1_input", "100"},
                {"energy2_label", "Ecore001"},
                {"energy2_input", "200"},
                {"energy3_label", "Esocket0"},
                {"energy3_input", "5000000"},
                {"energy4_label", "Esocket1"},
                {"energy4_input", "6000000"}});
    const SourceProbe found = probe(machine, HwmonDriver::kAmdEnergy);
    EXPECT_THAT(channel_ids(found.source.get()),
                ElementsAre("amd_energy:package-0", "amd_energy:package-1"));
    const ChannelSpec spec = channel_named(found.source.get(), "amd_energy:package-1");
    EXPECT_EQ(spec.device, "cpu1");
    EXPECT_EQ(spec.kind, ChannelKind::kCounter);
    EXPECT_EQ(spec.unit, "uJ");
    EXPECT_EQ(spec.range, std::nullopt);
    EXPECT_EQ(reading_of(*found.source, "amd_energy:package-1").raw, 6'000'000U);
}

TEST(HwmonZenpower, CoreAndSocRailsAreOnePackage) {
    FakeMachine machine;
    write_cpus(machine.tree, kEpyc, {{0, 0}});
    write_chip(machine.tree, "hwmon2", "zenpower",
               {{"power1_label", "SVI2_P_Core"},
                {"power1_input", "40000000"},
                {"power2_label", "SVI2_P_SoC"},
                {"power2_input", "5000600"}});
    const SourceProbe found = probe(machine, HwmonDriver::kZenpower);
    const ChannelSpec spec = channel_named(found.source.get(), "zenpower:package-0");
    EXPECT_EQ(spec.domain, Domain::kPackage);
    EXPECT_EQ(spec.kind, ChannelKind::kGauge);
    EXPECT_EQ(spec.unit, "mW");
    EXPECT_EQ(spec.provenance, Provenance::kDerived);
    EXPECT_EQ(reading_of(*found.source, "zenpower:package-0").raw, 45'001U) << "rounded to mW";
}

TEST(HwmonZenpower, ChipsFollowTheirPciAddressAndNotTheirNumber) {
    FakeMachine machine;
    write_cpus(machine.tree, kEpyc, {{0, 0}, {1, 0}});
    write_chip(machine.tree, "hwmon2", "zenpower",
               {{"power1_label", "RAPL_P_Package"}, {"power1_input", "20000000"}}, "0000:00:19.3");
    write_chip(machine.tree, "hwmon5", "zenpower",
               {{"power1_label", "RAPL_P_Package"}, {"power1_input", "10000000"}}, "0000:00:18.3");
    const SourceProbe found = probe(machine, HwmonDriver::kZenpower);
    ASSERT_NE(found.source, nullptr);
    EXPECT_EQ(reading_of(*found.source, "zenpower:package-0").raw, 10'000U);
    EXPECT_EQ(reading_of(*found.source, "zenpower:package-1").raw, 20'000U);
}

TEST(HwmonZenpower, MoreChipsThanSocketsAreRefused) {
    FakeMachine machine;
    write_cpus(machine.tree, kEpyc, {{0, 0}});
    for (const std::string folder : {"hwmon1", "hwmon2"}) {
        write_chip(machine.tree, folder, "zenpower",
                   {{"power1_label", "RAPL_P_Package"}, {"power1_input", "10000000"}});
    }
    const SourceProbe found = probe(machine, HwmonDriver::kZenpower);
    EXPECT_EQ(found.source, nullptr);
    EXPECT_THAT(found.reports.at(0).why, HasSubstr("expected one chip per socket (1), found 2"));
}

TEST(HwmonZenpower, OneRailAloneIsNoPackage) {
    FakeMachine machine;
    write_cpus(machine.tree, kEpyc, {{0, 0}});
    write_chip(machine.tree, "hwmon2", "zenpower",
               {{"power1_label", "SVI2_P_Core"}, {"power1_input", "40000000"}});
    const SourceProbe found = probe(machine, HwmonDriver::kZenpower);
    EXPECT_EQ(found.source, nullptr);
    EXPECT_EQ(found.reports.at(0).status, SourceStatus::kBroken);
}

TEST(HwmonFamilyPower, TheAverageComesBeforeTheMoment) {
    FakeMachine machine;
    write_cpus(machine.tree, kEpyc, {{0, 0}});
    write_chip(machine.tree, "hwmon2", "fam17h_power",
               {{"power1_input", "70000000"},
                {"power1_average", "60000000"},
                {"power1_average_interval", "10"}});
    const SourceProbe found = probe(machine, HwmonDriver::kFamPower);
    const ChannelSpec spec = channel_named(found.source.get(), "fam17h_power:package-0");
    EXPECT_EQ(spec.window_ms, 10.0);
    EXPECT_EQ(reading_of(*found.source, "fam17h_power:package-0").raw, 60'000U);
}

void write_grace(const FakeMachine& machine, int number, const std::string& label,
                 const std::string& power_uw, bool is_old_driver = false) {
    const std::string in = is_old_driver ? "device/" : "";
    write_chip(machine.tree, fmt::format("hwmon{}", number), "power_meter",
               {{in + "power1_oem_info", label},
                {in + "power1_average", power_uw},
                {in + "power1_average_interval", "50"}});
}

TEST(HwmonGrace, GraceStandsForPackageAndMemoryAndTheModuleForTheBoard) {
    for (const bool is_old_driver : {false, true}) {
        FakeMachine machine;
        write_grace(machine, 1, "Module Power Socket 0", "600000000", is_old_driver);
        write_grace(machine, 2, "Grace Power Socket 0", "150000000", is_old_driver);
        write_grace(machine, 3, "CPU Power Socket 0", "90000000", is_old_driver);
        write_grace(machine, 4, "SysIO Power Socket 0", "20000000", is_old_driver);
        const SourceProbe found = probe(machine, HwmonDriver::kPowerMeter);
        ASSERT_NE(found.source, nullptr);
        EXPECT_EQ(channel_named(found.source.get(), "power_meter:module-0").domain, Domain::kNode);
        const ChannelSpec grace = channel_named(found.source.get(), "power_meter:grace-0");
        EXPECT_EQ(grace.domain, Domain::kPsys);
        EXPECT_EQ(grace.device, "cpu0");
        EXPECT_EQ(grace.window_ms, 50.0);
        EXPECT_EQ(channel_named(found.source.get(), "power_meter:cpu-0").domain, Domain::kCore);
        EXPECT_EQ(channel_named(found.source.get(), "power_meter:sysio-0").domain, Domain::kOther);
        EXPECT_EQ(reading_of(*found.source, "power_meter:grace-0").raw, 150'000U);
    }
}

TEST(HwmonGrace, OldKernelsNameTheChipInItsDeviceFolder) {
    FakeMachine machine;
    machine.tree.write("/sys/class/hwmon/hwmon1/device/name", "power_meter\n");
    machine.tree.write("/sys/class/hwmon/hwmon1/device/power1_oem_info", "Grace Power Socket 1\n");
    machine.tree.write("/sys/class/hwmon/hwmon1/device/power1_average", "150000000\n");
    const SourceProbe found = probe(machine, HwmonDriver::kPowerMeter);
    EXPECT_EQ(channel_named(found.source.get(), "power_meter:grace-1").device, "cpu1");
}

TEST(HwmonGrace, TheCpuRailAloneIsThePackage) {
    FakeMachine machine;
    write_grace(machine, 1, "CPU Power Socket 0", "90000000");
    const SourceProbe found = probe(machine, HwmonDriver::kPowerMeter);
    EXPECT_EQ(channel_named(found.source.get(), "power_meter:cpu-0").domain, Domain::kPackage);
}

TEST(HwmonGrace, TheErrorValueIsARetryWithRange) {
    FakeMachine machine;
    write_grace(machine, 1, "Grace Power Socket 0", "150000000");
    const SourceProbe found = probe(machine, HwmonDriver::kPowerMeter);
    ASSERT_NE(found.source, nullptr);
    machine.tree.write("/sys/class/hwmon/hwmon1/power1_average", "4294967295000\n");
    const Reading reading = reading_of(*found.source, "power_meter:grace-0");
    EXPECT_EQ(reading.outcome, PollOutcome::kRetry);
    EXPECT_EQ(reading.error, "RANGE");
}

TEST(HwmonGrace, AMeterWithoutAverageNamesTheModuleOption) {
    FakeMachine machine;
    write_chip(machine.tree, "hwmon1", "power_meter",
               {{"power1_oem_info", "Grace Power Socket 0"}});
    const SourceProbe found = probe(machine, HwmonDriver::kPowerMeter);
    EXPECT_EQ(found.source, nullptr);
    EXPECT_THAT(found.reports.at(0).fix, HasSubstr("force_cap_on=y"));
}

TEST(HwmonPowerMeter, AServersMeterIsTheWholeNode) {
    FakeMachine machine;
    write_chip(machine.tree, "hwmon1", "power_meter",
               {{"power1_average", "310000000"}, {"power1_average_interval", "1000"}});
    const SourceProbe found = probe(machine, HwmonDriver::kPowerMeter);
    const ChannelSpec spec = channel_named(found.source.get(), "power_meter:node-0");
    EXPECT_EQ(spec.domain, Domain::kNode);
    EXPECT_EQ(spec.window_ms, 1000.0);
}

TEST(HwmonJetson, RailsAreVoltageTimesCurrent) {
    FakeMachine machine;
    write_chip(machine.tree, "hwmon1", "ina3221",
               {{"in1_label", "VDD_IN"},
                {"in1_input", "5000"},
                {"curr1_input", "2001"},
                {"in2_label", "VDD_SYS_CPU"},
                {"in2_input", "4900"},
                {"curr2_input", "1000"},
                {"in3_label", "VDD_SYS_GPU"},
                {"in3_input", "4900"},
                {"curr3_input", "500"},
                {"in7_label", "sum of shunts"},
                {"in7_input", "12345"}});
    const SourceProbe found = probe(machine, HwmonDriver::kIna3221);
    EXPECT_THAT(channel_ids(found.source.get()),
                ElementsAre("ina3221:VDD_IN", "ina3221:VDD_SYS_CPU", "ina3221:VDD_SYS_GPU"));
    EXPECT_EQ(channel_named(found.source.get(), "ina3221:VDD_IN").domain, Domain::kNode);
    EXPECT_EQ(channel_named(found.source.get(), "ina3221:VDD_SYS_CPU").domain, Domain::kPackage);
    EXPECT_EQ(channel_named(found.source.get(), "ina3221:VDD_SYS_GPU").domain, Domain::kGpu);
    EXPECT_EQ(reading_of(*found.source, "ina3221:VDD_IN").raw, 10'005U);
    EXPECT_EQ(reading_of(*found.source, "ina3221:VDD_SYS_GPU").raw, 2'450U);
}

TEST(HwmonJetson, ARailOfSeveralComponentsIsInNoTotal) {
    FakeMachine machine;
    write_chip(machine.tree, "hwmon1", "ina3221",
               {{"in2_label", "VDD_CPU_GPU_CV"},
                {"power2_input", "3000000"},
                {"in3_label", "SOMETHING_NEW"},
                {"power3_input", "1000000"}});
    const SourceProbe found = probe(machine, HwmonDriver::kIna3221);
    EXPECT_EQ(channel_named(found.source.get(), "ina3221:VDD_CPU_GPU_CV").domain, Domain::kOther);
    EXPECT_EQ(channel_named(found.source.get(), "ina3221:SOMETHING_NEW").domain, Domain::kOther);
    EXPECT_EQ(reading_of(*found.source, "ina3221:VDD_CPU_GPU_CV").raw, 3'000U);
}

TEST(HwmonAmdgpu, ACardIsAGpuAndAnApuIsPartOfTheProcessor) {
    FakeMachine machine;
    write_chip(
        machine.tree, "hwmon1", "amdgpu",
        {{"power1_average", "200000000"}, {"power1_cap", "300000000"}, {"power1_label", "PPT"}},
        "0000:03:00.0");
    write_chip(machine.tree, "hwmon2", "amdgpu",
               {{"power1_input", "15000000"}, {"power1_label", "PPT"}}, "0000:c5:00.0");
    const SourceProbe found = probe(machine, HwmonDriver::kAmdgpu);
    const ChannelSpec card = channel_named(found.source.get(), "amdgpu:0000:03:00.0");
    EXPECT_EQ(card.domain, Domain::kGpu);
    EXPECT_EQ(card.device, "0000:03:00.0");
    EXPECT_EQ(channel_named(found.source.get(), "amdgpu:0000:c5:00.0").domain, Domain::kOther);
    EXPECT_EQ(reading_of(*found.source, "amdgpu:0000:03:00.0").raw, 200'000U);
}

TEST(HwmonAmdgpu, ACardThatMayNotBeReadIsUnmeasured) {
    FakeMachine machine;
    machine.denied = {"power1_average"};
    write_chip(machine.tree, "hwmon1", "amdgpu",
               {{"power1_average", "200000000"}, {"power1_cap", "300000000"}}, "0000:03:00.0");
    const SourceProbe found = probe(machine, HwmonDriver::kAmdgpu);
    EXPECT_EQ(found.source, nullptr);
    ASSERT_EQ(found.unmeasured.size(), 1U) << "a total must not silently lack it";
    EXPECT_EQ(found.unmeasured[0].component, "gpu");
    EXPECT_EQ(found.unmeasured[0].device, "0000:03:00.0");
}

TEST(HwmonXe, TheCardCountsAndItsPackageDoesNot) {
    FakeMachine machine;
    write_chip(machine.tree, "hwmon1", "xe",
               {{"energy1_label", "card"},
                {"energy1_input", "900"},
                {"energy2_label", "pkg"},
                {"energy2_input", "800"}},
               "0000:04:00.0");
    const SourceProbe found = probe(machine, HwmonDriver::kXe);
    EXPECT_EQ(channel_named(found.source.get(), "xe:0000:04:00.0/card").domain, Domain::kGpu);
    EXPECT_EQ(channel_named(found.source.get(), "xe:0000:04:00.0/pkg").domain, Domain::kOther);
    EXPECT_EQ(reading_of(*found.source, "xe:0000:04:00.0/card").raw, 900U);
}

TEST(HwmonI915, TilesCountOnlyWhereTheCardHasNoCounter) {
    FakeMachine machine;
    for (const int tile : {0, 1}) {
        write_chip(machine.tree, fmt::format("hwmon{}", 3 + tile), fmt::format("i915_gt{}", tile),
                   {{"energy1_input", "70"}}, "0000:3a:00.0");
    }
    const SourceProbe tiles = probe(machine, HwmonDriver::kI915);
    EXPECT_THAT(
        channel_ids(tiles.source.get()),
        UnorderedElementsAre("i915:0000:3a:00.0/gt0/energy1", "i915:0000:3a:00.0/gt1/energy1"));
    for (const ChannelSpec& channel : tiles.source->channels()) {
        EXPECT_EQ(channel.domain, Domain::kGpu) << channel.id;
    }
    write_chip(machine.tree, "hwmon2", "i915", {{"energy1_input", "150"}}, "0000:3a:00.0");
    const SourceProbe card = probe(machine, HwmonDriver::kI915);
    EXPECT_EQ(channel_named(card.source.get(), "i915:0000:3a:00.0/energy1").domain, Domain::kGpu);
    EXPECT_EQ(channel_named(card.source.get(), "i915:0000:3a:00.0/gt0/energy1").domain,
              Domain::kOther);
}

TEST(HwmonSource, ASensorThatNeverAnswersIsNotUsed) {
    FakeMachine machine;
    write_grace(machine, 1, "Grace Power Socket 0", "4294967295000");
    const SourceProbe found = probe(machine, HwmonDriver::kPowerMeter);
    EXPECT_EQ(found.source, nullptr);
    EXPECT_EQ(found.reports.at(0).status, SourceStatus::kBroken);
    EXPECT_THAT(found.reports.at(0).why, HasSubstr("RANGE"));
}

TEST(HwmonSource, DeniedFilesNameTheCommand) {
    FakeMachine machine;
    machine.denied = {"energy1_input"};
    write_chip(machine.tree, "hwmon1", "amd_energy",
               {{"energy1_label", "Esocket0"}, {"energy1_input", "5"}});
    const SourceProbe found = probe(machine, HwmonDriver::kAmdEnergy);
    EXPECT_EQ(found.reports.at(0).status, SourceStatus::kDenied);
    EXPECT_THAT(found.reports.at(0).fix, HasSubstr("hwmon1/energy1_input"));
}

TEST(HwmonSource, WithoutChipsTheDriverIsAbsent) {
    FakeMachine machine;
    write_chip(machine.tree, "hwmon1", "coretemp", {{"temp1_input", "45000"}});
    for (const HwmonDriver driver :
         {HwmonDriver::kAmdEnergy, HwmonDriver::kPowerMeter, HwmonDriver::kFamPower,
          HwmonDriver::kZenpower, HwmonDriver::kIna3221, HwmonDriver::kAmdgpu, HwmonDriver::kXe,
          HwmonDriver::kI915}) {
        const SourceProbe found = probe(machine, driver);
        EXPECT_EQ(found.source, nullptr);
        ASSERT_EQ(found.reports.size(), 1U);
        EXPECT_EQ(found.reports[0].source, hwmon_driver_name(driver));
        EXPECT_EQ(found.reports[0].status, SourceStatus::kAbsent);
    }
}

TEST(HwmonSource, GarbageIsARetry) {
    FakeMachine machine;
    write_grace(machine, 1, "Grace Power Socket 0", "150000000");
    const SourceProbe found = probe(machine, HwmonDriver::kPowerMeter);
    ASSERT_NE(found.source, nullptr);
    for (const std::string text : {"", "-5", "12x", "1e6", "99999999999999999999999"}) {
        machine.tree.write("/sys/class/hwmon/hwmon1/power1_average", text);
        const Reading reading = reading_of(*found.source, "power_meter:grace-0");
        EXPECT_EQ(reading.outcome, PollOutcome::kRetry) << text;
        EXPECT_EQ(reading.error, "EINVAL") << text;
    }
}

}  // namespace
}  // namespace finewatt
