#include "finewatt/sensor/wall_readings.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <string>

namespace finewatt {
namespace {

WallTime at(const std::string& time) {
    return *WallTime::parse_iso8601("2026-11-23T" + time + "Z");
}

WallReadings parse(const std::string& text) {
    const Result<WallReadings> readings = parse_wall_readings(text, "plug.csv");
    EXPECT_OK(readings);
    return readings ? *readings : WallReadings{};
}

void expect_refused(const std::string& text, const std::string& message) {
    EXPECT_ERROR(kCorrupt, parse_wall_readings(text, "plug.csv"), message) << text;
}

TEST(WallReadings, TableGivesOneSeriesPerOutlet) {
    const WallReadings readings = parse(
        "time,outlet,power_w,who\n"
        "2026-11-23T10:00:00Z,left,100.5,ann\n"
        "2026-11-23T10:00:00Z,right,7,ann\n"
        "2026-11-23T10:01:00Z,left,101,bob\n");
    ASSERT_EQ(readings.outlets.size(), 2U);
    EXPECT_EQ(readings.outlets[0].outlet, "left");
    EXPECT_EQ(readings.outlets[0].readings.size(), 2U);
    EXPECT_DOUBLE_EQ(readings.outlets[0].readings[0].value, 100.5);
    EXPECT_DOUBLE_EQ(readings.outlets[0].step, 0.1);
    EXPECT_DOUBLE_EQ(readings.outlets[1].step, 1);
    EXPECT_EQ(readings.first_time(), at("10:00:00"));
    EXPECT_EQ(readings.last_time(), at("10:01:00"));
}

TEST(WallReadings, TimesMayHaveOffsetsSpacesOrBeUnixSeconds) {
    const WallReadings readings = parse(
        "\xEF\xBB\xBFpower_w, time\r\n"
        "# read at the rack\r\n"
        "1, 2026-11-23T11:00:00+01:00\r\n"
        "\r\n"
        "2, 2026-11-23 04:30:01.5-0530\r\n"
        "3, 1795428002\r\n");
    ASSERT_EQ(readings.outlets.size(), 1U);
    EXPECT_EQ(readings.outlets[0].outlet, "wall");
    ASSERT_EQ(readings.outlets[0].readings.size(), 3U);
    EXPECT_EQ(readings.outlets[0].readings[0].time, at("10:00:00"));
    EXPECT_EQ(readings.outlets[0].readings[1].time, at("10:00:01.5"));
    EXPECT_EQ(readings.outlets[0].readings[2].time, at("10:00:02"));
}

TEST(WallReadings, StopwatchSecondsNeedTheirStart) {
    const std::string text = "time,watts\n0,10\n2.5,20\n";
    expect_refused(text, "plug.csv:2: the time '0' is seconds from an unknown start");
    WallReadingsOptions options;
    options.second_zero = at("10:00:00");
    ASSERT_OK_AND_ASSIGN(const WallReadings readings,
                         parse_wall_readings(text, "plug.csv", options));
    EXPECT_EQ(readings.outlets[0].readings[1].time, at("10:00:02.5"));
}

TEST(WallReadings, WrongLinesAreRefusedWithTheirNumber) {
    const std::string head = "time,outlet,power_w\n2026-11-23T10:00:00Z,a,5\n";
    expect_refused(head + "2026-11-23T10:00:01Z,a\n", "plug.csv:3: expected 3 fields");
    expect_refused(head + "\n2026-11-23T10:00:01Z,a,five\n", "plug.csv:4: power_w: expected a num");
    expect_refused(head + "2026-11-23T10:00:01Z,a,\n", "found ''");
    expect_refused(head + "2026-11-23T10:00:01Z,a,nan\n", "found 'nan'");
    expect_refused(head + "2026-11-23T10:00:01Z,a,-1\n", "found '-1'");
    expect_refused(head + "2026-11-23T10:00:00Z,a,5\n", "plug.csv:3: outlet a: expected a time af");
    expect_refused(head + "2026-11-23T09:59:59Z,a,5\n", "sort the lines");
    expect_refused(head + "2026-11-23T10:00:01,a,5\n", "names no zone");
    expect_refused(head + "2026-13-23T10:00:01Z,a,5\n", "expected a time like");
    expect_refused(head + "2026-11-23T10:00:01+25:00,a,5\n", "expected a time like");
    expect_refused(head + "9999-11-23T10:00:01Z,a,5\n", "expected a time like");
    expect_refused(head + "1e300,a,5\n", "expected a time like");
    expect_refused(head + "yesterday,a,5\n", "found 'yesterday'");
    expect_refused(head + "2026-11-23T10:00:01Z,\"a,5\n", "broken quote");
}

TEST(WallReadings, WrongHeadersAreRefused) {
    expect_refused("", "plug.csv:1: expected a header");
    expect_refused("time,power_w\n", "expected at least one reading");
    expect_refused("time,volt\n1795428000,1\n", "plug.csv:1: expected the columns time and");
    expect_refused("time,watts,kwh\n", "found 'kwh' beside 'watts'");
    expect_refused("time,time,watts\n", "found 'time' beside 'time'");
}

TEST(WallReadings, EnergyThatDecreasesIsRefused) {
    expect_refused("time,energy_kwh\n1795428000,2.50\n1795428060,2.49\n", "plug.csv:3");
}

TEST(WallReadings, MissingFileIsNamed) {
    EXPECT_ERROR(kNotFound, read_wall_readings("/nowhere/plug.csv"), "/nowhere/plug.csv");
}

TEST(WallReadings, FileIsRead) {
    const testing::TempTree tree;
    const auto path = tree.write("plug.csv", "time,watts\n1795428000,2\n");
    EXPECT_OK(read_wall_readings(path));
}

TEST(WallEnergy, ConstantPowerIsExactButForItsStep) {
    const WallReadings readings = parse(
        "time,power_w\n2026-11-23T10:00:00Z,100\n2026-11-23T10:00:10Z,100\n"
        "2026-11-23T10:00:20Z,100\n");
    const WallEnergy energy = wall_energy_between(readings, at("10:00:00"), at("10:00:20"));
    ASSERT_TRUE(energy.energy);
    EXPECT_DOUBLE_EQ(energy.energy->as_joules(), 2000);
    EXPECT_DOUBLE_EQ(energy.energy_low->as_joules(), 1990);  // half a watt over 20 s
    EXPECT_DOUBLE_EQ(energy.energy_high->as_joules(), 2010);
    EXPECT_DOUBLE_EQ(energy.coverage, 1);
    EXPECT_EQ(energy.readings, 2U);  // the window is half-open
    EXPECT_TRUE(energy.notes.empty());
}

TEST(WallEnergy, EdgesBetweenReadingsAreInterpolatedAndWidenTheRange) {
    const WallReadings readings = parse(
        "time,power_w\n2026-11-23T10:00:00Z,0.0\n2026-11-23T10:00:10Z,100.0\n"
        "2026-11-23T10:00:20Z,100.0\n");
    const WallEnergy energy = wall_energy_between(readings, at("10:00:05"), at("10:00:20"));
    ASSERT_TRUE(energy.energy);
    // 50 to 100 W over 5 s, then 100 W over 10 s.
    EXPECT_DOUBLE_EQ(energy.energy->as_joules(), 1375);
    // One spacing (10 s) times 100 W at the first edge, and 0.05 W over 15 s.
    EXPECT_DOUBLE_EQ(energy.energy_high->as_joules(), 1375 + 1000 + 0.75);
    EXPECT_DOUBLE_EQ(energy.energy_low->as_joules(), 1375 - 1000 - 0.75);
}

TEST(WallEnergy, NothingIsAddedOutsideTheReadings) {
    const WallReadings readings =
        parse("time,power_w\n2026-11-23T10:00:10Z,100\n2026-11-23T10:00:20Z,100\n");
    const WallEnergy energy = wall_energy_between(readings, at("10:00:00"), at("10:00:40"));
    ASSERT_TRUE(energy.energy);
    EXPECT_DOUBLE_EQ(energy.energy->as_joules(), 1000);
    EXPECT_DOUBLE_EQ(energy.coverage, 0.25);
    const WallEnergy before = wall_energy_between(readings, at("09:00:00"), at("10:00:10"));
    EXPECT_FALSE(before.energy);
    EXPECT_NE(before.reason->find("the window from"), std::string::npos);
}

TEST(WallEnergy, GapMayHoldAnythingUpToTheLargestPower) {
    std::string text = "time,power_w\n";
    for (int i = 0; i < 10; ++i) {
        text += "2026-11-23T10:00:0" + std::to_string(i) + "Z," + (i == 5 ? "300" : "100") + "\n";
    }
    text += "2026-11-23T10:01:09Z,100\n";
    const WallEnergy energy = wall_energy_between(parse(text), at("10:00:09"), at("10:01:09"));
    ASSERT_TRUE(energy.energy);
    EXPECT_DOUBLE_EQ(energy.energy->as_joules(), 6000);
    EXPECT_DOUBLE_EQ(energy.energy_low->as_joules(), 0);
    EXPECT_DOUBLE_EQ(energy.energy_high->as_joules(), 300 * 60 + 30);
    ASSERT_EQ(energy.notes.size(), 1U);
    EXPECT_NE(energy.notes[0].find("1 gap in"), std::string::npos);
}

TEST(WallEnergy, CounterIsADifferenceWithItsStepAndTheStepsAtTheEdges) {
    const WallReadings readings = parse(
        "time,energy_wh\n2026-11-23T10:00:00Z,10\n2026-11-23T10:00:10Z,11\n"
        "2026-11-23T10:00:20Z,13\n");
    const WallEnergy whole = wall_energy_between(readings, at("10:00:00"), at("10:00:20"));
    ASSERT_TRUE(whole.energy);
    EXPECT_DOUBLE_EQ(whole.energy->as_joules(), 3 * 3600);
    EXPECT_DOUBLE_EQ(whole.energy_low->as_joules(), 2 * 3600);
    EXPECT_DOUBLE_EQ(whole.energy_high->as_joules(), 4 * 3600);
    const WallEnergy part = wall_energy_between(readings, at("10:00:05"), at("10:00:15"));
    EXPECT_DOUBLE_EQ(part.energy->as_joules(), 1.5 * 3600);
    EXPECT_DOUBLE_EQ(part.energy_low->as_joules(), 0);
    EXPECT_DOUBLE_EQ(part.energy_high->as_joules(), 4 * 3600);
}

TEST(WallEnergy, OutletsOfAMachineAddUp) {
    const WallReadings readings = parse(
        "time,outlet,power_w\n2026-11-23T10:00:00Z,a,100\n2026-11-23T10:00:00Z,b,50\n"
        "2026-11-23T10:00:10Z,a,100\n2026-11-23T10:00:05Z,b,50\n");
    const WallEnergy energy = wall_energy_between(readings, at("10:00:00"), at("10:00:10"));
    ASSERT_TRUE(energy.energy);
    EXPECT_DOUBLE_EQ(energy.energy->as_joules(), 1000 + 250);
    EXPECT_DOUBLE_EQ(energy.coverage, 0.5);
}

TEST(WallEnergy, OneUnknownOutletMakesTheSumUnknown) {
    const WallReadings readings = parse(
        "time,outlet,power_w\n2026-11-23T10:00:00Z,a,100\n2026-11-23T10:00:00Z,b,50\n"
        "2026-11-23T10:00:10Z,a,100\n");
    const WallEnergy energy = wall_energy_between(readings, at("10:00:00"), at("10:00:10"));
    EXPECT_FALSE(energy.energy);
    EXPECT_EQ(energy.reason, "outlet b: fewer than two readings");
}

}  // namespace
}  // namespace finewatt
