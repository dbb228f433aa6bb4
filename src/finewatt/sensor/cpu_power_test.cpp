#include "finewatt/sensor/cpu_power.h"

#include "finewatt/sensor/cpu_tdp_table.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using testing::cpu_info_text;
using ::testing::HasSubstr;

TEST(CpuInfo, CountsSocketsCoresAndThreads) {
    std::string text;
    for (int i = 0; i < 8; ++i) {
        text += fmt::format(
            "processor\t: {}\nmodel name\t: AMD EPYC 7302P 16-Core Processor\nphysical id\t: {}\n"
            "siblings\t: 4\ncpu cores\t: 2\nflags\t\t: fpu vme\n\n",
            i, i / 4);
    }
    ASSERT_OK_AND_ASSIGN(const CpuInfo cpu, parse_cpu_info(text));
    EXPECT_EQ(cpu.logical_cpus, 8U);
    EXPECT_EQ(cpu.sockets, 2U);
    EXPECT_EQ(cpu.physical_cores, 4U);
    EXPECT_EQ(cpu.threads_per_core, 2U);
    EXPECT_FALSE(cpu.is_virtual);
}

TEST(CpuInfo, ArmWithoutModelNameIsReadAndAnEmptyFileIsNot) {
    ASSERT_OK_AND_ASSIGN(const CpuInfo cpu,
                         parse_cpu_info("processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd\n"
                                        "CPU implementer\t: 0x41\n\nprocessor\t: 1\n"));
    EXPECT_EQ(cpu.logical_cpus, 2U);
    EXPECT_EQ(cpu.model, "");
    EXPECT_ERROR(kCorrupt, parse_cpu_info(""), "processor : N");
}

TEST(CpuTdpTable, KernelNamesMatchExactlyAfterNormalisation) {
    const std::vector<std::pair<std::string, double>> rows{
        {"Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz", 85},
        {"Intel(R) Xeon(R) CPU E3-1240 V2 @ 3.40GHz", 69},
        {"AMD EPYC 8024P 8-Core Processor", 90},
        {"AMD Ryzen Threadripper 1950X 16-Core Processor", 180},
        {"Intel(R) Core(TM)2 Duo CPU     E8335  @ 2.66GHz", 35},
        {"Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz", 240},
        {"11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", 28},
    };
    for (const auto& [name, tdp_w] : rows) {
        const std::optional<CpuTdp> found = find_cpu_tdp(name);
        ASSERT_TRUE(found.has_value()) << name << " -> " << normalised_cpu_name(name);
        EXPECT_TRUE(found->is_exact) << name;
        EXPECT_EQ(found->tdp_w, tdp_w) << name;
    }
}

TEST(CpuTdpTable, AnotherSuffixOfTheSameModelNumberGivesARange) {
    const std::optional<CpuTdp> found = find_cpu_tdp("AMD EPYC 8024XQ 8-Core Processor");
    ASSERT_TRUE(found.has_value());
    EXPECT_FALSE(found->is_exact);
    EXPECT_EQ(found->tdp_w_low, 80);   // 8024PN
    EXPECT_EQ(found->tdp_w_high, 90);  // 8024P
    EXPECT_GT(found->tdp_w, 80);
    EXPECT_LT(found->tdp_w, 90);
}

TEST(CpuTdpTable, NamesThatHypervisorsShowMatchNothing) {
    for (const char* name :
         {"AMD EPYC", "AMD EPYC Processor", "Intel(R) Xeon(R) CPU @ 2.20GHz", "",
          "Intel Xeon Processor (Skylake, IBRS)", "AMD EPYC-Milan Processor", "QEMU Virtual CPU"}) {
        EXPECT_EQ(find_cpu_tdp(name), std::nullopt) << name;
    }
}

CpuInfo cpu_with(const std::string& model, unsigned logical, unsigned cores, const char* flags) {
    return parse_cpu_info(cpu_info_text(model, logical, cores, flags)).value_or(CpuInfo{});
}

TEST(CpuPower, BareMetalGetsTheWholeTdpPerSocket) {
    CpuInfo cpu = cpu_with("Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz", 12, 6, "fpu");
    cpu.sockets = 2;
    const CpuPower power = estimate_cpu_power(cpu);
    EXPECT_EQ(power.max_w, 170);
    EXPECT_EQ(power.provenance, Provenance::kModelled);
}

TEST(CpuPower, AVirtualMachineIsBilledItsCoresOnly) {
    // 2 of 64 cores at 280 W; a virtual CPU is a core or half of one.
    const CpuPower power =
        estimate_cpu_power(cpu_with("AMD EPYC 7763 64-Core Processor", 2, 2, "fpu hypervisor"));
    EXPECT_DOUBLE_EQ(power.max_w_low, 280.0 / 64);
    EXPECT_DOUBLE_EQ(power.max_w_high, 2 * 280.0 / 64);
    EXPECT_EQ(power.provenance, Provenance::kModelled);
}

TEST(CpuPower, CoreCountsOfTheTableServeNamesWithoutThem) {
    // 18 cores, 145 W; two threads are one core when the topology says so.
    const CpuPower power = estimate_cpu_power(
        cpu_with("Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz", 2, 1, "fpu hypervisor"));
    EXPECT_DOUBLE_EQ(power.max_w, 145.0 / 18);
}

TEST(CpuPower, AVirtualMachineOnAProcessorOfUnknownCoreCountIsAssumed) {
    const CpuPower power = estimate_cpu_power(
        cpu_with("Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz", 4, 2, "fpu hypervisor"));
    EXPECT_EQ(power.provenance, Provenance::kAssumed);
    EXPECT_LT(power.max_w, 60) << "far below the whole socket's 240 W";
    EXPECT_THAT(power.basis, HasSubstr("not how many cores"));
}

TEST(CpuPower, AHiddenModelIsAssumedWithAWideRangeAndSaysSo) {
    const CpuPower power = estimate_cpu_power(cpu_with("AMD EPYC", 2, 2, "fpu hypervisor"));
    EXPECT_EQ(power.provenance, Provenance::kAssumed);
    EXPECT_DOUBLE_EQ(power.max_w_low, kTdpPerCoreLowW * 1);
    EXPECT_DOUBLE_EQ(power.max_w_high, kTdpPerCoreHighW * 2);
    EXPECT_GT(power.max_w, power.max_w_low);
    EXPECT_LT(power.max_w, power.max_w_high);
    EXPECT_THAT(power.basis, HasSubstr("'AMD EPYC'"));
}

}  // namespace
}  // namespace finewatt
