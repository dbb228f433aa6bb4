#include "finewatt/sensor/discovery.h"

#include "finewatt/sensor/machine_info.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using testing::channel_ids;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeMachine;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::write_zone;

constexpr const char* kXeon = "Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz";

std::vector<std::string> source_names(const Discovery& discovery) {
    std::vector<std::string> names;
    for (const auto& source : discovery.sources) {
        names.emplace_back(source->name());
    }
    return names;
}

/// The last report of a source.
SourceReport report_of(const Discovery& discovery, const std::string& source) {
    SourceReport found;
    for (const SourceReport& report : discovery.reports) {
        if (report.source == source) {
            found = report;
        }
    }
    EXPECT_EQ(found.source, source);
    return found;
}

TEST(Discovery, CountersMakeModelsUnnecessary) {
    FakeMachine machine;
    machine.write_processors(kXeon, 12, 6);
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl:0:0", "dram"});
    const Discovery found = discover(machine.options());
    EXPECT_THAT(source_names(found), ElementsAre("powercap"));
    EXPECT_THAT(report_of(found, "cpu-model").why, HasSubstr("powercap:package-0 measures it"));
    EXPECT_THAT(found.unmeasured, IsEmpty());
}

TEST(Discovery, MissingDramIsModelledBesideTheMeasuredPackage) {
    FakeMachine machine;
    machine.write_processors(kXeon, 12, 6);
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    const Discovery found = discover(machine.options());
    EXPECT_THAT(source_names(found), ElementsAre("powercap", "ram-model"));
    EXPECT_THAT(found.sources[1]->channels()[0].reason, HasSubstr("powercap has no counter of it"));
}

TEST(Discovery, DeniedCountersGiveModelsThatSayWhy) {
    FakeMachine machine;
    machine.denied = {"energy_uj"};
    machine.write_processors(kXeon, 12, 6);
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    const Discovery found = discover(machine.options());
    EXPECT_THAT(source_names(found), ElementsAre("cpu-model", "ram-model"));
    EXPECT_THAT(found.sources[0]->channels()[0].reason, HasSubstr("powercap denied"));
    EXPECT_EQ(report_of(found, "powercap").status, SourceStatus::kDenied);
}

TEST(Discovery, APackageThatIsDeniedBesideAReadableOneIsUnmeasured) {
    FakeMachine machine;
    machine.denied = {"intel-rapl:1/"};
    machine.write_processors(kXeon, 12, 6);
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl:1", "package-1"});
    const Discovery found = discover(machine.options());
    ASSERT_EQ(found.unmeasured.size(), 1U);
    EXPECT_EQ(found.unmeasured[0].device, "cpu1");
    EXPECT_THAT(source_names(found), Not(Contains("cpu-model")));
}

TEST(Discovery, PsysAloneStandsForPackageAndDram) {
    FakeMachine machine;
    machine.write_processors(kXeon, 12, 6);
    write_zone(machine.tree, {"intel-rapl:0", "psys"});
    const Discovery found = discover(machine.options());
    EXPECT_THAT(source_names(found), ElementsAre("powercap"));
}

TEST(Discovery, WithoutModelsTheComponentsAreUnmeasured) {
    FakeMachine machine;
    machine.write_processors(kXeon, 12, 6, "fpu hypervisor");
    DiscoveryOptions options = machine.options();
    options.allow_models = false;
    const Discovery found = discover(options);
    EXPECT_THAT(found.sources, IsEmpty());
    ASSERT_EQ(found.unmeasured.size(), 2U);
    EXPECT_THAT(found.unmeasured[0].reason, HasSubstr("virtual machine"));
}

TEST(Discovery, AnEmptyTreeGivesReportsAndNoSource) {
    FakeMachine machine;
    const Discovery found = discover(machine.options());
    EXPECT_THAT(found.sources, IsEmpty());
    EXPECT_EQ(found.unmeasured.size(), 2U);
    EXPECT_GE(found.reports.size(), 15U) << "every source that was looked for";
    for (const SourceReport& report : found.reports) {
        EXPECT_FALSE(report.why.empty()) << report.source;
    }
}

TEST(MachineInfo, SaysWhatTheKernelShows) {
    FakeMachine machine;
    machine.write_processors(kXeon, 12, 6, "fpu hypervisor");
    machine.tree.write("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
    machine.tree.write("/proc/sys/kernel/random/boot_id", "0c8c2f1e-b1a6-4a1d-9c2b-1\n");
    const auto info = machine_info(machine.options(), {{"H100", "GPU-1", "535", true}});
    EXPECT_EQ(info.at("cpu_model"), kXeon);
    EXPECT_EQ(info.at("logical_cpus"), "12");
    EXPECT_EQ(info.at("memory_bytes"), "33554432000");
    EXPECT_EQ(info.at("hypervisor"), "yes");
    EXPECT_EQ(info.at("kernel"), "6.1.0-18-amd64");
    EXPECT_EQ(info.at("gpu_0_uuid"), "GPU-1");
    EXPECT_EQ(info.count("hostname"), 0U) << "unknown is absent, not empty";
}

TEST(MachineInfo, AnEmptyTreeGivesAnEmptyMap) {
    FakeMachine machine;
    EXPECT_THAT(machine_info(machine.options(), {}), IsEmpty());
}

}  // namespace
}  // namespace finewatt
