#include "finewatt/carbon/intensity_series.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <limits>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

WallTime at(const char* text) {
    const Result<WallTime> time = WallTime::parse_iso8601(text);
    EXPECT_OK(time);
    return time ? *time : WallTime();
}

IntensitySeries two_hours() {
    IntensitySeries series;
    series.zone = "DE";
    series.source = "test";
    series.intervals = {
        {at("2026-11-23T00:00:00Z"), at("2026-11-23T01:00:00Z"), grams_per_kwh(300)},
        {at("2026-11-23T01:00:00Z"), at("2026-11-23T02:00:00Z"), grams_per_kwh(100)}};
    return series;
}

Result<IntensitySeries> parse(const std::string& text, const IntensityCsvOptions& options = {}) {
    return parse_intensity_csv(text, "hours.csv", options);
}

TEST(IntensitySeries, UnsoundSeriesAreErrorsThatNameTheInterval) {
    EXPECT_OK(check_series(two_hours()));
    EXPECT_ERROR(kCorrupt, check_series(IntensitySeries{}), "at least one interval");
    IntensitySeries series = two_hours();
    series.intervals[1].begin = at("2026-11-23T00:30:00Z");
    EXPECT_ERROR(kCorrupt, check_series(series), "interval 2: expected a begin at 2026-11-23T01");
    for (const double bad : {-1.0, 5001.0, std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity()}) {
        series = two_hours();
        series.intervals[1].intensity = grams_per_kwh(bad);
        EXPECT_ERROR(kCorrupt, check_series(series), "interval 2 from 2026-11-23T01") << bad;
    }
    series = two_hours();
    series.intervals[0].low = grams_per_kwh(301);
    EXPECT_ERROR(kCorrupt, check_series(series), "expected low <= intensity <= high");
    series = two_hours();
    series.intervals[0].end = series.intervals[0].begin;
    EXPECT_ERROR(kCorrupt, check_series(series), "expected an end after its begin");
}

TEST(IntensityCsv, ColumnsAreReadByNameInAnyOrder) {
    ASSERT_OK_AND_ASSIGN(const IntensitySeries series,
                         parse("zone,intensity_g_per_kwh,note,datetime,basis,is_estimated\n"
                               "DE,300.5,\"a,b\",2026-11-23T00:00:00Z,CO2e,false\n"
                               "\n"
                               "DE,100,,2026-11-23T02:00:00+01:00,co2e,TRUE\n"));
    ASSERT_EQ(series.intervals.size(), 2U);
    EXPECT_EQ(series.zone, "DE");
    EXPECT_EQ(series.basis, "co2e");
    EXPECT_EQ(series.kind, IntensityKind::kAverage);
    EXPECT_EQ(series.source, "time series of hours.csv");
    EXPECT_EQ(series.intervals[0].intensity.as_grams_per_kwh(), 300.5);
    EXPECT_EQ(series.intervals[0].end, at("2026-11-23T01:00:00Z"));
    EXPECT_EQ(series.intervals[1].begin, at("2026-11-23T01:00:00Z"));
    EXPECT_EQ(series.intervals[1].end, at("2026-11-23T02:00:00Z"));
    EXPECT_FALSE(series.intervals[0].is_estimated);
    EXPECT_TRUE(series.intervals[1].is_estimated);
}

TEST(IntensityCsv, RangesAndEndsAreTakenWhereGiven) {
    ASSERT_OK_AND_ASSIGN(const IntensitySeries series,
                         parse("datetime,datetime_end,intensity_g_per_kwh,intensity_g_per_kwh_low,"
                               "intensity_g_per_kwh_high,intensity_kind,source\n"
                               "2026-01-01T00:00Z,2026-02-01T00:00Z,300,250,400,marginal,operator\n"
                               "2026-02-01T00:00Z,2026-03-01T00:00Z,200,,,Marginal,operator\n"));
    EXPECT_EQ(series.intervals[0].end, at("2026-02-01T00:00:00Z"));
    EXPECT_EQ(series.intervals[0].low, grams_per_kwh(250));
    EXPECT_EQ(series.intervals[0].high, grams_per_kwh(400));
    EXPECT_EQ(series.intervals[1].low, std::nullopt);
    EXPECT_EQ(series.kind, IntensityKind::kMarginal);
    EXPECT_EQ(series.source, "operator");
}

TEST(IntensityCsv, ElectricityMapsExportIsReadAsLifeCycleInUtc) {
    ASSERT_OK_AND_ASSIGN(
        const IntensitySeries series,
        parse("\xEF\xBB\xBF"
              "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),"
              "Carbon intensity gCO₂eq/kWh (Life cycle),Data source,Data estimated\n"
              "2024-01-01 00:00:00,Germany,Germany,DE,200.1,250.2,x,false\n"
              "2024-01-01 01:00:00,Germany,Germany,DE,210.1,260.2,x,true\n"));
    EXPECT_EQ(series.zone, "DE");
    EXPECT_EQ(series.basis, "co2e");
    EXPECT_EQ(series.intervals[1].begin, at("2024-01-01T01:00:00Z"));
    EXPECT_EQ(series.intervals[1].intensity.as_grams_per_kwh(), 260.2);
    EXPECT_TRUE(series.intervals[1].is_estimated);
    EXPECT_THAT(series.source, HasSubstr("life cycle"));
    ASSERT_OK_AND_ASSIGN(const IntensitySeries old,
                         parse("Datetime (UTC),Country,Zone Name,Zone Id,"
                               "Carbon Intensity gCO₂eq/kWh (direct),"
                               "Carbon Intensity gCO₂eq/kWh (LCA)\n"
                               "2022-01-01 00:00:00,France,France,FR,50,80\n"));
    EXPECT_EQ(old.intervals[0].intensity.as_grams_per_kwh(), 80);
    ASSERT_OK_AND_ASSIGN(const IntensitySeries direct,
                         parse("Datetime (UTC),Zone id,Carbon intensity gCO₂eq/kWh (direct)\n"
                               "2022-01-01 00:00:00,FR,50\n"));
    EXPECT_THAT(direct.source, HasSubstr("direct"));
}

TEST(IntensityCsv, TimeWithoutZoneNeedsTheOption) {
    const std::string text = "datetime,intensity_g_per_kwh\n2026-11-23T00:00:00,300\n";
    EXPECT_ERROR(kCorrupt, parse(text), "hours.csv: line 2: expected a time with its zone");
    IntensityCsvOptions options;
    options.is_naive_utc = true;
    ASSERT_OK_AND_ASSIGN(const IntensitySeries series, parse(text, options));
    EXPECT_EQ(series.intervals[0].begin, at("2026-11-23T00:00:00Z"));
    EXPECT_EQ(series.intervals[0].end, at("2026-11-23T01:00:00Z"));
}

TEST(IntensityCsv, BadRowsAreErrorsThatNameTheLine) {
    const std::string head = "datetime,intensity_g_per_kwh,zone\n2026-11-23T00:00:00Z,300,DE\n";
    const auto expect_line_3 = [&](const std::string& row, const std::string& message) {
        EXPECT_ERROR(kCorrupt, parse(head + row), "hours.csv: line 3: expected " + message) << row;
    };
    expect_line_3("2026-11-23T01:00:00Z,-1,DE\n", "an intensity from 0 to 5000 g/kWh, found -1");
    expect_line_3("2026-11-23T01:00:00Z,90000,DE\n", "an intensity from 0 to 5000");
    expect_line_3("2026-11-23T01:00:00Z,nan,DE\n", "an intensity in g/kWh, found 'nan'");
    expect_line_3("2026-11-23T01:00:00Z,1e999,DE\n", "an intensity in g/kWh");
    expect_line_3("2026-11-23T01:00:00Z,3x,DE\n", "an intensity in g/kWh, found '3x'");
    expect_line_3("2026-11-23T01:00:00Z,,DE\n", "an intensity in g/kWh, found an empty field");
    expect_line_3("2026-11-23T01:00:00Z,200,FR\n", "the zone of the rows before, 'DE', found 'FR'");
    expect_line_3("2026-11-22T23:00:00Z,200,DE\n", "rows in order of time without overlap");
    expect_line_3("2026-11-23T00:00:00Z,200,DE\n", "rows in order of time without overlap");
    expect_line_3("23.11.2026,200,DE\n", "a time like 2026-11-23T04:00:00Z, found '23.11.2026'");
    EXPECT_ERROR(kCorrupt, parse(head + "\n\n2026-11-23T01:00:00Z,-1,DE\n"), "line 5");
    EXPECT_ERROR(kCorrupt,
                 parse("note,datetime,intensity_g_per_kwh\n\"two\nlines\",2026-11-23T00:00Z,1\n"
                       ",2026-11-23T01:00Z,-1\n"),
                 "line 4");
    EXPECT_ERROR(kCorrupt,
                 parse("datetime,datetime_end,intensity_g_per_kwh\n"
                       "2026-11-23T00:00Z,2026-11-23T02:00Z,1\n2026-11-23T01:00Z,"
                       "2026-11-23T03:00Z,1\n"),
                 "line 3: expected rows in order of time without overlap");
}

TEST(IntensityCsv, BasesAndKindsAreNeverMixed) {
    const std::string head = "datetime,intensity_g_per_kwh,basis,intensity_kind\n";
    const std::string first = "2026-11-23T00:00Z,1,co2,average\n";
    EXPECT_OK(parse(head + first + "2026-11-23T01:00Z,1,co2,average\n"));
    EXPECT_ERROR(kCorrupt, parse(head + first + "2026-11-23T01:00Z,1,co2e,average\n"),
                 "never mixed");
    EXPECT_ERROR(kCorrupt, parse(head + first + "2026-11-23T01:00Z,1,co2,marginal\n"),
                 "never mixed");
    EXPECT_ERROR(kCorrupt, parse(head + "2026-11-23T01:00Z,1,co2,typical\n"),
                 "expected average or marginal, found 'typical'");
    EXPECT_ERROR(kInvalidArgument, parse(head + "2026-11-23T01:00Z,1,coal,average\n"), "'coal'");
}

TEST(IntensityCsv, FilesThatAreNoSeriesAreErrors) {
    EXPECT_ERROR(kCorrupt, parse("datetime,intensity_g_per_kwh\n"),
                 "expected rows under the header");
    EXPECT_ERROR(kCorrupt, parse("when,how_much\n1,2\n"), "found: when, how_much");
    EXPECT_FALSE(parse(""));
    EXPECT_FALSE(parse("datetime,intensity_g_per_kwh\n2026-11-23T00:00Z\n"));
    EXPECT_ERROR(kNotFound, read_intensity_csv("/nowhere/hours.csv"), "hours.csv");
}

TEST(IntensityCsv, AnotherZoneIsRefused) {
    IntensityCsvOptions options;
    options.zone = "fr";
    const std::string text = "datetime,intensity_g_per_kwh,zone\n2026-11-23T00:00Z,1,DE\n";
    EXPECT_ERROR(kNotFound, parse(text, options), "expected intensities of zone 'fr', found 'DE'");
    options.zone = "de";
    EXPECT_OK(parse(text, options));
    EXPECT_ERROR(kNotFound, parse("datetime,intensity_g_per_kwh\n2026-11-23T00:00Z,1\n", options),
                 "found no zone");
}

TEST(IntensityCsv, BasisOfTheOptionFillsWhatTheFileLeavesOpen) {
    IntensityCsvOptions options;
    options.basis = "CO2";
    const std::string text = "datetime,intensity_g_per_kwh\n2026-11-23T00:00Z,1\n";
    ASSERT_OK_AND_ASSIGN(const IntensitySeries series, parse(text, options));
    EXPECT_EQ(series.basis, "co2");
    ASSERT_OK_AND_ASSIGN(const IntensitySeries open, parse(text));
    EXPECT_EQ(open.basis, std::nullopt);
    options.basis = "soot";
    EXPECT_ERROR(kInvalidArgument, parse(text, options), "'soot'");
}

TEST(IntensityCsv, ARowThatFollowsLateLeavesAHole) {
    ASSERT_OK_AND_ASSIGN(const IntensitySeries series,
                         parse("datetime,intensity_g_per_kwh\n2026-11-23T00:00Z,1\n"
                               "2026-11-23T01:00Z,2\n2026-11-23T05:00Z,3\n"));
    EXPECT_EQ(series.intervals[1].end, at("2026-11-23T02:00:00Z"));
    EXPECT_EQ(series.intervals[2].begin, at("2026-11-23T05:00:00Z"));
}

TEST(IntensityCsv, HostileTextsStayData) {
    const std::string zone = "<script>\"\"; DROP TABLE runs; --\\x1b[31m";
    ASSERT_OK_AND_ASSIGN(
        const IntensitySeries series,
        parse("datetime,intensity_g_per_kwh,zone\n2026-11-23T00:00Z,1,\"" + zone + "\"\n"));
    EXPECT_EQ(series.zone, "<script>\"; DROP TABLE runs; --\\x1b[31m");
}

TEST(IntensityCsv, FileIsReadFromDisk) {
    const testing::TempTree tree;
    ASSERT_OK(write_file_atomically(tree.path() / "h.csv",
                                    "datetime,intensity_g_per_kwh\n2026-11-23T00:00Z,7\n"));
    ASSERT_OK_AND_ASSIGN(const IntensitySeries series, read_intensity_csv(tree.path() / "h.csv"));
    EXPECT_EQ(series.intervals[0].intensity.as_grams_per_kwh(), 7);
}

}  // namespace
}  // namespace finewatt
