#include "finewatt/sensor/wall_meter.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"

#include <filesystem>

namespace finewatt {
namespace {

WallMeterSpec parse(const std::string& text) {
    const Result<WallMeterSpec> spec = parse_wall_meter(text);
    EXPECT_OK(spec);
    return spec ? *spec : WallMeterSpec{};
}

void expect_refused(const std::string& text, const std::string& message) {
    EXPECT_ERROR(kInvalidArgument, parse_wall_meter(text), message) << text;
}

TEST(WallMeterSpec, FormsGiveKindHostAndName) {
    const WallMeterSpec shelly = parse("shelly://192.168.1.20?id=1");
    EXPECT_EQ(shelly.kind, WallMeterKind::kShelly);
    EXPECT_EQ(shelly.host, "192.168.1.20");
    EXPECT_EQ(shelly.options.at("id"), "1");
    EXPECT_EQ(shelly.name, "wall:shelly:192.168.1.20/1");
    EXPECT_EQ(shelly.scope, WallScope::kOutlet);
    EXPECT_EQ(parse("shelly1://plug.lan/1").name, "wall:shelly1:plug.lan/1");
    const WallMeterSpec kasa = parse("kasa://[fe80::1]:9998");
    EXPECT_EQ(kasa.host, "fe80::1");
    EXPECT_EQ(kasa.port, 9998);
    const WallMeterSpec bmc = parse("redfish+https://bmc/1U?insecure=1&timeout_ms=5000");
    EXPECT_EQ(bmc.kind, WallMeterKind::kRedfish);
    EXPECT_EQ(bmc.scope, WallScope::kNode);
    EXPECT_TRUE(bmc.is_tls);
    EXPECT_TRUE(bmc.is_insecure);
    EXPECT_EQ(bmc.timeout, std::chrono::milliseconds(5000));
    EXPECT_EQ(parse("csv:/var/log/plug.csv").path, "/var/log/plug.csv");
    EXPECT_EQ(parse("ipmi:").name, "wall:ipmi");
    EXPECT_EQ(parse("tasmota://plug").kind, WallMeterKind::kTasmota);
}

TEST(WallMeterSpec, CommonOptionsAreRead) {
    const WallMeterSpec spec = parse(
        "tasmota://plug?name=left&covers=node&read=power&max_power_w=2300&accuracy_percent=2"
        "&window_ms=1000&update_ms=500&energy_update_ms=10000");
    EXPECT_EQ(spec.name, "wall:left");
    EXPECT_EQ(spec.scope, WallScope::kNode);
    EXPECT_EQ(spec.channels, WallChannels::kPower);
    EXPECT_EQ(spec.max_power_w, 2300);
    EXPECT_EQ(spec.accuracy_percent, 2);
    EXPECT_EQ(spec.window_ms, 1000);
    EXPECT_EQ(spec.update_ms, 500);
    EXPECT_EQ(spec.energy_update_ms, 10000);
    EXPECT_TRUE(spec.options.empty());
}

TEST(WallMeterSpec, PercentSignsAreDecoded) {
    const WallMeterSpec spec = parse("json+http://h:8080/x?power=/a%26b&power_unit=%2Funit");
    EXPECT_EQ(spec.options.at("power"), "/a&b");
    EXPECT_EQ(spec.options.at("power_unit"), "/unit");
    EXPECT_EQ(spec.path, "/x");
    EXPECT_EQ(spec.port, 8080);
    EXPECT_EQ(parse("json+http://h/x?power=/100%").options.at("power"), "/100%");
}

TEST(WallMeterSpec, CredentialsAreRefusedAndNotRepeated) {
    for (const std::string text :
         {"shelly://admin:hush@plug", "json+http://plug/?power=/p&query=password%3Dhush",
          "json+http://plug/?power=/p&query=api_key=hush", "redfish+https://root:hush@bmc/1U"}) {
        const Result<WallMeterSpec> spec = parse_wall_meter(text);
        ASSERT_FALSE(spec) << text;
        EXPECT_EQ(spec.error().describe().find("hush"), std::string::npos);
        EXPECT_NE(spec.error().describe().find("FINEWATT_WALL_PASSWORD"), std::string::npos);
    }
}

TEST(WallMeterSpec, AtSignAfterTheHostIsNoCredential) {
    EXPECT_EQ(parse("csv:/home/a@b/plug.csv").path, "/home/a@b/plug.csv");
    EXPECT_EQ(parse("json+http://h/a@b?power=/p").path, "/a@b");
}

TEST(WallMeterSpec, WrongTextsAreRefusedWithTheForm) {
    expect_refused("", "expected one of these forms");
    expect_refused("plug", "shelly1://HOST");
    expect_refused("http://plug", "expected one of these forms");
    expect_refused("shelly:plug", "expected shelly://HOST");
    expect_refused("shelly://", "expected a host name");
    expect_refused("shelly://a b", "expected a host name");
    expect_refused("shelly://plug:0", "expected a port");
    expect_refused("shelly://plug:70000", "expected a port");
    expect_refused("shelly://plug:80x", "expected a port");
    expect_refused("shelly://plug/1", "expected nothing after the host");
    expect_refused("shelly1://plug/one", "expected the number of the meter");
    expect_refused("shelly://plug?child=1", "the option 'child' is not known for shelly");
    expect_refused("shelly://plug?id=", "id: expected one value");
    expect_refused("shelly://plug?id=1&id=2", "id: expected one value");
    expect_refused("shelly://plug?read=all", "expected power or energy");
    expect_refused("shelly://plug?covers=rack", "expected outlet, node or other");
    expect_refused("shelly://plug?max_power_w=-1", "expected a number above 0");
    expect_refused("shelly://plug?timeout_ms=0.5", "expected 1 to 60000");
    expect_refused("shelly://plug?insecure=1", "with an https form");
    expect_refused("shelly://plug?name=a/b", "expected letters");
    expect_refused("json+http://plug/x", "expected power=/POINTER");
    expect_refused("csv:", "expected csv:FILE");
    expect_refused("ipmi:1", "expected ipmi: alone");
}

TEST(WallMeterSpec, ExamplesOfThePageAreValid) {
    const std::filesystem::path file =
        std::filesystem::path(testing::source_dir()) / "docs" / "wall-meters.md";
    ASSERT_OK_AND_ASSIGN(const std::string page, read_file(file));
    const std::string flag = "--wall ";
    std::size_t examples = 0;
    for (std::size_t at = page.find(flag); at != std::string::npos; at = page.find(flag, at)) {
        at += flag.size();
        const bool is_quoted = page[at] == '\'';
        const std::size_t begin = is_quoted ? at + 1 : at;
        const std::size_t end = page.find_first_of(is_quoted ? "'" : " \n`", begin);
        const std::string text = page.substr(begin, end - begin);
        if (text.find(':') != std::string::npos) {
            EXPECT_TRUE(parse_wall_meter(text)) << text;
            ++examples;
        }
    }
    EXPECT_GE(examples, 4U);
}

TEST(WallMeterSpec, OneMeterNamedTwiceIsRefused) {
    const std::vector<std::string> twice{"shelly://plug", "shelly://plug?name=other"};
    EXPECT_ERROR(kInvalidArgument, parse_wall_meters(twice), "would be counted twice");
    const std::vector<std::string> two{"shelly://plug?id=0", "shelly://plug?id=1"};
    ASSERT_OK_AND_ASSIGN(const std::vector<WallMeterSpec> specs, parse_wall_meters(two));
    EXPECT_EQ(specs.size(), 2U);
}

TEST(WallMeterSpec, TwoMetersOfOneNameAreRefused) {
    const std::vector<std::string> texts{"json+http://h/x?power=/a", "json+http://h/x?power=/b"};
    EXPECT_ERROR(kInvalidArgument, parse_wall_meters(texts), "name=");
    const std::vector<std::string> named{"json+http://h/x?power=/a",
                                         "json+http://h/x?power=/b&name=b"};
    EXPECT_OK(parse_wall_meters(named));
}

}  // namespace
}  // namespace finewatt
