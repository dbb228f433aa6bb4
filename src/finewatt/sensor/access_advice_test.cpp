#include "finewatt/sensor/access_advice.h"

#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using testing::FakeMachine;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(AccessAdvice, PerfNamesTheRealPathOfTheProgram) {
    FakeMachine machine;
    machine.tree.write("/opt/it's here/finewatt", "program");
    std::filesystem::create_symlink(machine.tree.path() / "opt/it's here/finewatt",
                                    machine.tree.path() / "link");
    DiscoveryOptions options = machine.options();
    options.program = machine.tree.path() / "link";
    const std::string advice = perf_advice(options);
    EXPECT_THAT(advice, HasSubstr("sudo setcap cap_perfmon+ep '"));
    EXPECT_THAT(advice, HasSubstr("/opt/it'\\''s here/finewatt'"));
    EXPECT_THAT(advice, HasSubstr("sudo sysctl kernel.perf_event_paranoid=0"));
}

TEST(AccessAdvice, OldKernelsHaveNoPerfmonCapability) {
    FakeMachine machine;
    machine.tree.write("/proc/sys/kernel/osrelease", "5.4.0-150-generic\n");
    EXPECT_THAT(perf_advice(machine.options()), HasSubstr("setcap cap_sys_admin+ep "));
    machine.tree.write("/proc/sys/kernel/osrelease", "5.10.0\n");
    EXPECT_THAT(perf_advice(machine.options()), HasSubstr("setcap cap_perfmon+ep "));
}

TEST(AccessAdvice, ContainersAreToldWhatToMountAndToAdd) {
    FakeMachine machine;
    EXPECT_THAT(container_advice(machine.options()), IsEmpty());
    EXPECT_THAT(perf_advice(machine.options()), Not(HasSubstr("--cap-add")));
    machine.tree.write("/.dockerenv", "");
    EXPECT_THAT(container_advice(machine.options()), HasSubstr("-v /sys:/host/sys:ro"));
    EXPECT_THAT(container_advice(machine.options()), HasSubstr("--sysroot /host"));
    EXPECT_THAT(perf_advice(machine.options()), HasSubstr("--cap-add PERFMON"));
    EXPECT_THAT(powercap_advice(machine.options()), HasSubstr("--sysroot /host"));
}

TEST(UdevRule, GivesOneGroupTheEnergyCountersAndNothingElse) {
    ASSERT_OK_AND_ASSIGN(const std::string text, udev_rule_text("energy"));
    EXPECT_THAT(text,
                HasSubstr("ACTION==\"add\", SUBSYSTEM==\"powercap\", KERNEL==\"intel-rapl*:*\", "
                          "RUN+=\"/bin/chgrp energy /sys%p/energy_uj\", "
                          "RUN+=\"/bin/chmod 0440 /sys%p/energy_uj\"\n"));
    EXPECT_THAT(text, HasSubstr("SUBSYSTEM==\"hwmon\", ATTR{name}==\"amd_energy\""));
    EXPECT_THAT(text, HasSubstr("groupadd --system energy"));
    EXPECT_THAT(text, HasSubstr("udevadm trigger --action=add"));
    EXPECT_THAT(text, Not(HasSubstr("{0}")));
    // Each line that is no comment must be one rule: a match key and an action.
    std::size_t rules = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin);
        ASSERT_NE(end, std::string::npos) << "udev ignores a last line without its end";
        const std::string line = text.substr(begin, end - begin);
        if (!line.starts_with("#")) {
            ++rules;
            EXPECT_THAT(line, HasSubstr("=="));
            EXPECT_THAT(line, HasSubstr("RUN+=\""));
        }
        begin = end + 1;
    }
    EXPECT_EQ(rules, 2U);
}

TEST(UdevRule, RefusesAGroupThatCouldCarryACommand) {
    for (const std::string group : {"", "a b", "x;reboot", "Energy", "9lives", "-g", "$(id)",
                                    "a\"b", "a23456789012345678901234567890123"}) {
        EXPECT_ERROR(kInvalidArgument, udev_rule_text(group), "group");
    }
    EXPECT_OK(udev_rule_text("_power-1"));
}

}  // namespace
}  // namespace finewatt
