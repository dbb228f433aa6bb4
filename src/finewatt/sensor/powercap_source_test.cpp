#include "finewatt/sensor/powercap_source.h"

#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace finewatt {
namespace {

using testing::channel_ids;
using ::testing::ElementsAre;
using testing::FakeMachine;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::poll_all;
using ::testing::UnorderedElementsAre;
using testing::write_zone;

const ChannelSpec& channel(const Source& source, const std::string& id) {
    for (const ChannelSpec& spec : source.channels()) {
        if (spec.id == id) {
            return spec;
        }
    }
    ADD_FAILURE() << "no channel " << id;
    static const ChannelSpec kNone;
    return kNone;
}

TEST(PowercapModulus, IsOneUnitAboveTheLargestValueShown) {
    EXPECT_EQ(powercap_modulus_uj(262'143'328'850), 262'143'328'911U);  // unit 61.035 uJ
    EXPECT_EQ(powercap_modulus_uj(65'532'610'987), 65'532'611'002U);    // unit 15.258 uJ
}

TEST(PowercapModulus, KeepsTheFilesNumberWhenTheUnitIsUnknown) {
    EXPECT_EQ(powercap_modulus_uj(1'000'000'007), 1'000'000'007U);
    EXPECT_EQ(powercap_modulus_uj(UINT64_MAX), UINT64_MAX);
}

TEST(PowercapUnit, IsTheHardwaresStep) {
    EXPECT_DOUBLE_EQ(powercap_unit_uj(262'143'328'850).value_or(0), 61.035);
    EXPECT_DOUBLE_EQ(powercap_unit_uj(65'532'610'987).value_or(0), 15.258);
    EXPECT_DOUBLE_EQ(powercap_unit_uj(4'294'967'295'000'000).value_or(0), 1e6);  // psys in joules
    EXPECT_EQ(powercap_unit_uj(1'000'000'007), std::nullopt);
    EXPECT_EQ(powercap_unit_uj(0), std::nullopt);
}

TEST(PowercapSource, TheStepOfTheHardwareIsTheResolution) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl:0:0", "dram", "5\n", "65532610987\n"});
    write_zone(machine.tree, {"intel-rapl:1", "psys", "5\n", "nonsense\n"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_DOUBLE_EQ(channel(*probe.source, "powercap:package-0").resolution_raw, 61.035);
    EXPECT_DOUBLE_EQ(channel(*probe.source, "powercap:package-0/dram").resolution_raw, 15.258);
    EXPECT_DOUBLE_EQ(channel(*probe.source, "powercap:psys").resolution_raw, 61.035)
        << "unknown: the coarser of the common steps";
    EXPECT_DOUBLE_EQ(powercap_units_uj(SysRoot(machine.tree.path())).at("dram"), 15.258);
}

TEST(PowercapSource, OneIntelSocketGivesPackageCoreUncoreAndDram) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl:0:0", "core"});
    write_zone(machine.tree, {"intel-rapl:0:1", "uncore"});
    write_zone(machine.tree, {"intel-rapl:0:2", "dram", "5\n", "65532610987\n"});
    machine.tree.write("/sys/class/powercap/intel-rapl/enabled", "1\n");
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("powercap:package-0", "powercap:package-0/core",
                            "powercap:package-0/uncore", "powercap:package-0/dram"));
    const ChannelSpec& dram = channel(*probe.source, "powercap:package-0/dram");
    EXPECT_EQ(dram.domain, Domain::kDram);
    EXPECT_EQ(dram.device, "cpu0");
    EXPECT_EQ(dram.range, 65'532'611'002U);
    EXPECT_EQ(dram.max_power_w, 500);
    EXPECT_EQ(channel(*probe.source, "powercap:package-0/uncore").domain, Domain::kOther);
    EXPECT_EQ(channel(*probe.source, "powercap:package-0/core").domain, Domain::kCore);
}

TEST(PowercapSource, AmdPackageAndCoreAppearAsIntelRapl) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0", "9\n", "65532610987\n"});
    write_zone(machine.tree, {"intel-rapl:0:0", "core", "4\n", "65532610987\n"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    EXPECT_THAT(channel_ids(probe.source.get()),
                ElementsAre("powercap:package-0", "powercap:package-0/core"));
}

TEST(PowercapSource, OnAmdTheCoreZoneIsOneCoreAndInNoTotal) {
    FakeMachine machine;
    machine.tree.write("/proc/cpuinfo", "processor\t: 0\nvendor_id\t: AuthenticAMD\n");
    write_zone(machine.tree, {"intel-rapl:0", "package-0", "9\n", "65532610987\n"});
    write_zone(machine.tree, {"intel-rapl:0:0", "core", "4\n", "65532610987\n"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_EQ(channel(*probe.source, "powercap:package-0/core").domain, Domain::kOther);
    EXPECT_THAT(channel(*probe.source, "powercap:package-0/core").reason,
                HasSubstr("one core only"));
}

TEST(PowercapSource, ASecondSocketIsADeviceOfItsOwn) {
    FakeMachine machine;
    // The index does not tell the socket; the name does.
    write_zone(machine.tree, {"intel-rapl:0", "package-1"});
    write_zone(machine.tree, {"intel-rapl:1", "package-0"});
    write_zone(machine.tree, {"intel-rapl:1:0", "dram"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_EQ(probe.source->channels().size(), 3U);
    EXPECT_EQ(channel(*probe.source, "powercap:package-1").device, "cpu1");
    EXPECT_EQ(channel(*probe.source, "powercap:package-0").device, "cpu0");
    EXPECT_EQ(channel(*probe.source, "powercap:package-0/dram").device, "cpu0");
}

TEST(PowercapSource, MirroredDieIsDroppedWithAReason) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0-die-0", "777\n"});
    write_zone(machine.tree, {"intel-rapl:1", "package-0-die-1", "777\n"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    EXPECT_THAT(channel_ids(probe.source.get()), ElementsAre("powercap:package-0-die-0"));
    EXPECT_THAT(probe.reports.back().why, HasSubstr("powercap:package-0-die-1 left out"));
}

TEST(PowercapSource, SeparateDiesAndSocketsWithEqualCountersStay) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0-die-0", "777\n"});
    write_zone(machine.tree, {"intel-rapl:1", "package-0-die-1", "778\n"});
    write_zone(machine.tree, {"intel-rapl:2", "package-1-die-0", "777\n"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_EQ(probe.source->channels().size(), 3U);
    EXPECT_EQ(channel(*probe.source, "powercap:package-0-die-1").device, "cpu0-die1");
}

TEST(PowercapSource, MmioTwinIsDroppedAndALoneMmioZoneStays) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl-mmio:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl-mmio:0:0", "dram"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    EXPECT_THAT(channel_ids(probe.source.get()),
                UnorderedElementsAre("powercap:package-0", "powercap:package-0/dram"));
}

TEST(PowercapSource, PsysIsThePlatformAndAnUnknownNameIsOther) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "psys"});
    write_zone(machine.tree, {"intel-rapl:1", "brand-new"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_EQ(channel(*probe.source, "powercap:psys").domain, Domain::kPsys);
    EXPECT_EQ(channel(*probe.source, "powercap:psys").device, "platform");
    EXPECT_EQ(channel(*probe.source, "powercap:psys").max_power_w, 2000);
    EXPECT_EQ(channel(*probe.source, "powercap:brand-new").domain, Domain::kOther);
}

TEST(PowercapSource, CeilingIsTwiceTheLargestConstraint) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    const std::string zone = "/sys/class/powercap/intel-rapl:0/";
    machine.tree.write(zone + "constraint_0_max_power_uw", "125000000\n");
    machine.tree.write(zone + "constraint_1_max_power_uw", "241000000\n");
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_DOUBLE_EQ(probe.source->channels()[0].max_power_w.value_or(0), 482);
}

TEST(PowercapSource, UnreadableRangeLeavesTheRangeUnknown) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0", "5\n", "nonsense\n"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_EQ(probe.source->channels()[0].range, std::nullopt);
    EXPECT_EQ(poll_all(*probe.source)[0].raw, 5U);
}

TEST(PowercapSource, DeniedCountersAreReportedWithTheCommandThatMends) {
    FakeMachine machine;
    machine.denied = {"energy_uj"};
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    write_zone(machine.tree, {"intel-rapl:0:0", "dram"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    EXPECT_EQ(probe.source, nullptr);
    ASSERT_EQ(probe.reports.size(), 1U);
    EXPECT_EQ(probe.reports[0].status, SourceStatus::kDenied);
    EXPECT_THAT(probe.reports[0].channels,
                ElementsAre("powercap:package-0", "powercap:package-0/dram"));
    EXPECT_THAT(probe.reports[0].fix, HasSubstr("chmod a+r /sys/class/powercap/*/energy_uj"));
}

TEST(PowercapSource, RealPermissionBitsDenyAnUnprivilegedUser) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    const auto zone = machine.tree.path() / "sys/class/powercap/intel-rapl:0";
    std::filesystem::permissions(machine.tree.path(), std::filesystem::perms{0755});
    std::filesystem::permissions(zone / "energy_uj", std::filesystem::perms{0});
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        // Root may read everything, so the child becomes nobody (65534) first.
        const bool is_plain_user = ::geteuid() != 0 || ::setuid(65534) == 0;
        const SourceProbe probe = PowercapSource::probe(machine.options());
        const bool is_denied = probe.source == nullptr && probe.reports.size() == 1 &&
                               probe.reports[0].status == SourceStatus::kDenied;
        ::_exit(is_plain_user && is_denied ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(PowercapSource, NoZonesIsAbsentAndAVirtualMachineIsNamed) {
    FakeMachine machine;
    const SourceProbe bare = PowercapSource::probe(machine.options());
    ASSERT_EQ(bare.reports.size(), 1U);
    EXPECT_EQ(bare.reports[0].status, SourceStatus::kAbsent);
    EXPECT_THAT(bare.reports[0].fix, HasSubstr("modprobe intel_rapl_msr"));
    machine.write_processors("Intel(R) Xeon(R) CPU @ 2.20GHz", 2, 1, "fpu hypervisor lahf_lm");
    const SourceProbe guest = PowercapSource::probe(machine.options());
    EXPECT_THAT(guest.reports[0].why, HasSubstr("a virtual machine shows no energy counters"));
}

TEST(PowercapSource, ReadsTheNewValueAtEachPollWithItsTime) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0", "100\n"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    machine.clock.advance(std::chrono::seconds(1));
    write_zone(machine.tree, {"intel-rapl:0", "package-0", "250\n"});
    const Reading reading = poll_all(*probe.source)[0];
    EXPECT_EQ(reading.outcome, PollOutcome::kOk);
    EXPECT_EQ(reading.raw, 250U);
    EXPECT_EQ(reading.time.as_ns(), 1'000'000'000);
}

TEST(PowercapSource, GarbageIsARetryAndTheNextReadingIsGoodAgain) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    for (const std::string garbage : {"", "-5\n", "12x\n", "99999999999999999999999\n"}) {
        write_zone(machine.tree, {"intel-rapl:0", "package-0", garbage});
        const Reading reading = poll_all(*probe.source)[0];
        EXPECT_EQ(reading.outcome, PollOutcome::kRetry) << garbage;
        EXPECT_EQ(reading.error, "EINVAL") << garbage;
    }
    write_zone(machine.tree, {"intel-rapl:0", "package-0", "7\n"});
    EXPECT_EQ(poll_all(*probe.source)[0].raw, 7U);
}

TEST(PowercapSource, AValueAboveTheRangeIsARetryWithRange) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0", "1000\n", "1000\n"});
    const SourceProbe probe = PowercapSource::probe(machine.options());
    ASSERT_NE(probe.source, nullptr);
    EXPECT_EQ(poll_all(*probe.source)[0].outcome, PollOutcome::kOk);  // the maximum itself is good
    write_zone(machine.tree, {"intel-rapl:0", "package-0", "1001\n", "1000\n"});
    const Reading reading = poll_all(*probe.source)[0];
    EXPECT_EQ(reading.outcome, PollOutcome::kRetry);
    EXPECT_EQ(reading.error, "RANGE");
}

TEST(PowercapSource, AZoneThatVanishesIsGone) {
    FakeMachine machine;
    write_zone(machine.tree, {"intel-rapl:0", "package-0"});
    // A file of /proc vanishes under an open descriptor as a file of /sys does.
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    DiscoveryOptions options = machine.options();
    options.open = [child](const std::filesystem::path&) {
        return open_for_reading(fmt::format("/proc/{}/oom_score_adj", child));
    };
    const SourceProbe probe = PowercapSource::probe(options);
    const bool has_source = probe.source != nullptr;
    const Reading before = has_source ? poll_all(*probe.source)[0] : Reading{};
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ASSERT_TRUE(has_source);
    EXPECT_EQ(before.outcome, PollOutcome::kOk);
    const Reading after = poll_all(*probe.source)[0];
    EXPECT_EQ(after.outcome, PollOutcome::kGone);
    EXPECT_EQ(after.error, "GONE");
}

}  // namespace
}  // namespace finewatt
