#include "finewatt/sensor/cpu_topology.h"

#include "finewatt/sensor/cpu_info.h"
#include "finewatt/testing/fake_sensors.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using testing::FakeCpu;
using testing::FakeMachine;
using testing::write_cpus;

std::vector<unsigned> list_of(std::string_view text) {
    return parse_cpu_list(text).value_or(std::vector<unsigned>{});
}

std::vector<unsigned> cpus_of(const std::vector<CpuPlace>& places) {
    std::vector<unsigned> cpus;
    for (const CpuPlace& place : places) {
        cpus.push_back(place.cpu);
    }
    return cpus;
}

TEST(CpuList, ReadsNumbersAndRanges) {
    EXPECT_THAT(list_of("0\n"), ElementsAre(0U));
    EXPECT_THAT(list_of("0,18-20\n"), ElementsAre(0U, 18U, 19U, 20U));
}

TEST(CpuList, RefusesAnythingElse) {
    for (const std::string text :
         {"", "\n", "x", "0-", "-3", "5-2", "0,,1", "0-99999999999", "1 2", "0,", "4294967296"}) {
        EXPECT_EQ(parse_cpu_list(text), std::nullopt) << text;
    }
}

TEST(CpuTopology, FindsTheFirstCpuOfEachPackageAndDie) {
    FakeMachine machine;
    write_cpus(machine.tree, {}, {{1, 0}, {0, 1}, {0, 0}, {1, 0}, {0, 0}, {1, 1}});
    const auto places = read_cpu_places(SysRoot(machine.tree.path()));
    ASSERT_EQ(places.size(), 6U);
    EXPECT_TRUE(has_several_dies(places));
    EXPECT_THAT(cpus_of(first_cpus(places, false)), ElementsAre(1U, 0U));
    EXPECT_THAT(cpus_of(first_cpus(places, true)), ElementsAre(2U, 1U, 0U, 5U));
}

TEST(CpuTopology, ReadsOneCpuOfADieThatIsListed) {
    FakeMachine machine;
    write_cpus(machine.tree, {}, {{0, 0}, {1, 0}, {0, 0}, {1, 0}});
    for (const std::string cpu : {"0", "2"}) {
        machine.tree.write("/sys/devices/system/cpu/cpu" + cpu + "/topology/die_cpus_list",
                           "0,2\n");
    }
    EXPECT_THAT(cpus_of(read_cpu_places(SysRoot(machine.tree.path()))), ElementsAre(0U, 1U, 3U));
}

TEST(CpuTopology, APackageOfMinusOneIsUnknown) {
    FakeMachine machine;
    write_cpus(machine.tree, {}, {{-1, 0}});
    EXPECT_EQ(read_cpu_place(SysRoot(machine.tree.path()), 0), std::nullopt);
    EXPECT_TRUE(read_cpu_places(SysRoot(machine.tree.path())).empty());
}

TEST(CpuTopology, ZonesAndDevicesAreThoseOfPowercap) {
    EXPECT_EQ(package_zone(1, std::nullopt), "package-1");
    EXPECT_EQ(package_zone(1, 2U), "package-1-die-2");
    EXPECT_EQ(package_device("package-1"), "cpu1");
    EXPECT_EQ(package_device("package-1-die-2"), "cpu1-die2");
    EXPECT_EQ(package_device("dram"), "");
}

TEST(CpuInfo, TellsVendorFamilyAndModel) {
    FakeMachine machine;
    write_cpus(machine.tree, {"HygonGenuine", 24, 2, "Hygon C86", 8}, {{0, 0}, {1, 0}});
    ASSERT_OK_AND_ASSIGN(const CpuInfo cpu, read_cpu_info(SysRoot(machine.tree.path())));
    EXPECT_TRUE(cpu.is_amd());
    EXPECT_FALSE(cpu.is_intel());
    EXPECT_EQ(cpu.family, 24U);
    EXPECT_EQ(cpu.model_number, 2U);
    EXPECT_EQ(cpu.sockets, 2U);
}

}  // namespace
}  // namespace finewatt
