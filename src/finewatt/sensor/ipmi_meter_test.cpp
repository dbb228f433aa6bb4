#include "finewatt/sensor/ipmi_meter_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/wall_probing.h"

#include <filesystem>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using testing::FakeMachine;
using testing::poll_shown;
using testing::probe_wall;

/// 216 W now, 12 to 400 W, 210 W on average over 1000 ms, measurement active.
const std::vector<std::uint8_t> kAnswer{0x00, 0xDC, 0xD8, 0x00, 0x0C, 0x00, 0x90, 0x01, 0xD2, 0x00,
                                        0x10, 0x20, 0x30, 0x40, 0xE8, 0x03, 0x00, 0x00, 0x40};

constexpr const char* kToolText =
    "\n    Instantaneous power reading:                   216 Watts\n"
    "    Minimum during sampling period:                 12 Watts\n"
    "    Maximum during sampling period:                400 Watts\n"
    "    Average power reading over sample period:      210 Watts\n"
    "    IPMI timestamp:                           11/23/26 10:00:00 UTC\n"
    "    Sampling period:                          00000001 Seconds.\n"
    "    Power reading state is:                   activated\n\n";

TEST(DcmiPower, AnswerIsReadLittleEndian) {
    ASSERT_OK_AND_ASSIGN(const DcmiPower power, parse_dcmi_power(kAnswer));
    EXPECT_EQ(power.now_w, 216U);
    EXPECT_EQ(power.least_w, 12U);
    EXPECT_EQ(power.most_w, 400U);
    EXPECT_EQ(power.mean_w, 210U);
    EXPECT_EQ(power.period_ms, 1000U);
}

TEST(DcmiPower, RequestAsksForSystemStatistics) {
    const IpmiRequest request = dcmi_power_request();
    EXPECT_EQ(request.net_function, 0x2C);
    EXPECT_EQ(request.command, 0x02);
    EXPECT_THAT(request.data, ElementsAre(0xDC, 0x01, 0x00, 0x00));
}

TEST(DcmiPower, EveryShorterAnswerIsCorrupt) {
    for (std::size_t n = 0; n < kAnswer.size(); ++n) {
        EXPECT_ERROR(kCorrupt, parse_dcmi_power(std::span(kAnswer).first(n)), "ipmi: expected")
            << n;
    }
    std::vector<std::uint8_t> foreign = kAnswer;
    foreign[1] = 0x52;
    EXPECT_ERROR(kCorrupt, parse_dcmi_power(foreign), "something else");
}

TEST(DcmiPower, CompletionCodesBecomeErrors) {
    const auto answer = [](std::uint8_t code) { return std::vector<std::uint8_t>{code}; };
    EXPECT_ERROR(kUnsupported, parse_dcmi_power(answer(0xC1)), "no DCMI power reading");
    EXPECT_ERROR(kBusy, parse_dcmi_power(answer(0xC0)), "busy");
    EXPECT_ERROR(kBusy, parse_dcmi_power(answer(0xC3)), "0xc3");
    EXPECT_ERROR(kPermission, parse_dcmi_power(answer(0xD4)), "refuses");
    EXPECT_ERROR(kIo, parse_dcmi_power(answer(0xFF)), "0xff");
}

TEST(DcmiPower, MeasurementThatIsOffGivesNoZeroWatts) {
    std::vector<std::uint8_t> off = kAnswer;
    off[18] = 0;
    EXPECT_ERROR(kIo, parse_dcmi_power(off), "switched off");
}

TEST(DcmiPower, ControllerWithoutSensorGivesNoZeroWatts) {
    std::vector<std::uint8_t> none = kAnswer;
    none[2] = 0;
    EXPECT_ERROR(kCorrupt, parse_dcmi_power(none), "above 0 W");
    std::string text = kToolText;
    text.replace(text.find("216"), 3, "  0");
    EXPECT_ERROR(kCorrupt, parse_ipmitool_power(text), "above 0 W");
}

TEST(DcmiPower, IpmitoolsTextIsRead) {
    ASSERT_OK_AND_ASSIGN(const DcmiPower power, parse_ipmitool_power(kToolText));
    EXPECT_EQ(power.now_w, 216U);
    EXPECT_EQ(power.least_w, 12U);
    EXPECT_EQ(power.most_w, 400U);
    EXPECT_EQ(power.mean_w, 210U);
    EXPECT_EQ(power.period_ms, 1000U);
    EXPECT_ERROR(kCorrupt, parse_ipmitool_power("Get Device ID command failed"), "expected a line");
    std::string off = kToolText;
    off.replace(off.find("activated"), 9, "deactivated");
    EXPECT_ERROR(kIo, parse_ipmitool_power(off), "switched off");
}

/// Answers in turn; repeats the last answer.
class FakeController : public IpmiTransport {
  public:
    explicit FakeController(std::vector<Result<std::vector<std::uint8_t>>> answers)
        : answers_(std::move(answers)) {}

    Result<std::vector<std::uint8_t>> exchange(const IpmiRequest& request,
                                               std::chrono::milliseconds /*timeout*/) override {
        EXPECT_EQ(request.command, 0x02);
        const std::size_t i = std::min(next_++, answers_.size() - 1);
        return answers_[i];
    }

  private:
    std::vector<Result<std::vector<std::uint8_t>>> answers_;
    std::size_t next_ = 0;
};

TEST(IpmiMeter, GivesWholeWattsAndSaysThatRenewalIsUnknown) {
    const WallMeterSpec spec = *parse_wall_meter("ipmi:");
    const auto reader = make_ipmi_reader(
        spec, std::make_unique<FakeController>(std::vector<Result<std::vector<std::uint8_t>>>{
                  kAnswer, FINEWATT_ERROR(kBusy, "no answer"), kAnswer}));
    ASSERT_OK_AND_ASSIGN(const WallSample first, reader->read());
    EXPECT_EQ(first.power_w, 216);
    EXPECT_EQ(first.energy_j, std::nullopt);
    EXPECT_ERROR(kBusy, reader->read(), "no answer");
    EXPECT_OK(reader->read());
    const WallFacts facts = reader->facts();
    EXPECT_EQ(facts.power_step_w, 1);
    EXPECT_EQ(facts.update_ms, 60'000);
    EXPECT_GE(facts.poll_period, std::chrono::seconds(1));
    EXPECT_NE(facts.remark.find("1 to 60 s"), std::string::npos);
}

TEST(IpmiMeter, MachineWithoutControllerIsAbsent) {
    FakeMachine machine;
    const SourceProbe probe = probe_wall(machine, "ipmi:");
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_EQ(probe.reports.at(0).status, SourceStatus::kAbsent);
    EXPECT_NE(probe.reports.at(0).why.find("modprobe ipmi_si ipmi_devintf"), std::string::npos);
}

TEST(IpmiMeter, FileThatIsNoDeviceIsBroken) {
    FakeMachine machine;
    machine.tree.write("/dev/ipmi0", "");
    const SourceProbe probe = probe_wall(machine, "ipmi:");
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_EQ(probe.reports.at(0).status, SourceStatus::kBroken);
}

/// A machine whose device is denied and whose ipmitool is a script.
void deny_device(FakeMachine& machine, const std::string& script) {
    machine.tree.write("/dev/ipmi0", "");
    machine.denied = {"/dev/ipmi0"};
    const std::filesystem::path tool = machine.tree.write("ipmitool", "#!/bin/sh\n" + script);
    std::filesystem::permissions(tool, std::filesystem::perms::owner_all);
    machine.environment["FINEWATT_IPMITOOL"] = tool.string();
}

TEST(IpmiMeter, DeniedDeviceIsReadThroughIpmitool) {
    FakeMachine machine;
    deny_device(machine, "[ \"$*\" = 'dcmi power reading' ] || exit 9\ncat <<'END'\n" +
                             std::string(kToolText) + "END\n");
    const SourceProbe probe = probe_wall(machine, "ipmi:");
    ASSERT_NE(probe.source, nullptr) << probe.reports.at(0).why;
    EXPECT_THAT(poll_shown(*probe.source), ElementsAre("ok 216000"));
}

TEST(IpmiMeter, DeniedDeviceWithoutHelpSaysHowToMendIt) {
    FakeMachine machine;
    deny_device(machine, "echo 'Could not open device at /dev/ipmi0' >&2; exit 1\n");
    const SourceProbe probe = probe_wall(machine, "ipmi:");
    EXPECT_EQ(probe.source, nullptr);
    EXPECT_EQ(probe.reports.at(0).status, SourceStatus::kDenied);
    EXPECT_NE(probe.reports.at(0).why.find("Could not open device"), std::string::npos);
    EXPECT_NE(probe.reports.at(0).why.find("udev rule"), std::string::npos);
}

TEST(IpmiMeter, IpmitoolThatHangsIsATimeOut) {
    FakeMachine machine;
    deny_device(machine, "exec sleep 60\n");
    const WallMeterSpec spec = *parse_wall_meter("ipmi:?timeout_ms=60");
    EXPECT_ERROR(kBusy,
                 make_ipmitool_reader(spec, machine.environment["FINEWATT_IPMITOOL"])->read(),
                 "no answer within 60 ms");
}

}  // namespace
}  // namespace finewatt
