#include "finewatt/base/csv.h"
#include "finewatt/exchange/rows_internal.h"
#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace finewatt::exchange {
namespace {

/// How many cells a line has: unescaped separators.
std::size_t count_unescaped(std::string_view line, char separator) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\') {
            ++i;
        } else if (line[i] == separator) {
            ++count;
        }
    }
    return count;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1);
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    return lines;
}

TEST(WriteMarkdown, RowHoldsFiguresAndRanges) {
    const std::vector<RunRecord> runs{sample_run(), unknown_run()};
    const auto lines = lines_of(write_markdown(runs, {}).value());
    ASSERT_EQ(lines.size(), 4U);
    EXPECT_EQ(lines[2],
              "| rte-demo | fine-tuning | rte | 100.0 | 0.01000 | 0.00980 to 0.01020 | measured | "
              "0.00522 | 0.00512 to 0.00532 |");
    EXPECT_EQ(lines[3],
              "| 01KAT0A1B2C3D4E5F6G7H8J9K0 | command |  | 2.000 | unknown |  |  | unknown |  |");
}

TEST(WriteMarkdown, HostileTextsKeepTheCells) {
    for (const std::string_view text : kHostileTexts) {
        const std::vector<RunRecord> runs{hostile_run(text)};
        const auto lines = lines_of(write_markdown(runs, {}).value());
        ASSERT_EQ(lines.size(), 3U) << text;
        EXPECT_EQ(count_unescaped(lines[2], '|'), 10U) << lines[2];
        EXPECT_EQ(lines[2].find('<'), std::string::npos) << lines[2];
    }
}

TEST(WriteLatex, RowsAreABooktabsTable) {
    const std::vector<RunRecord> runs{sample_run()};
    const auto lines = lines_of(write_latex(runs, {}).value());
    ASSERT_EQ(lines.size(), 7U);
    EXPECT_EQ(lines[0], "\\begin{tabular}{lllrrllrl}");
    EXPECT_EQ(lines[4],
              "rte-demo & fine-tuning & rte & 100.0 & 0.01000 & 0.00980 to 0.01020 & measured & "
              "0.00522 & 0.00512 to 0.00532 \\\\");
}

TEST(WriteLatex, HostileTextsKeepTheCellsAndCallNoCommand) {
    for (const std::string_view text : kHostileTexts) {
        const std::vector<RunRecord> runs{hostile_run(text)};
        const auto lines = lines_of(write_latex(runs, {}).value());
        ASSERT_EQ(lines.size(), 7U) << text;
        EXPECT_EQ(count_unescaped(lines[4], '&'), 8U) << lines[4];
        EXPECT_EQ(lines[4].find("\\input"), std::string::npos);
        EXPECT_EQ(count_unescaped(lines[4], '%'), 0U) << lines[4];
    }
}

TEST(WriteCsv, FiguresAreThoseOfTheRecord) {
    const std::vector<RunRecord> runs{sample_run()};
    ASSERT_OK_AND_ASSIGN(const CsvTable table, parse_csv(write_csv(runs, {}).value(), "t"));
    ASSERT_OK_AND_ASSIGN(const std::size_t energy, table.column("energy_j"));
    ASSERT_OK_AND_ASSIGN(const std::size_t co2, table.column("co2_kg_low"));
    ASSERT_OK_AND_ASSIGN(const std::size_t domains, table.column("domains"));
    ASSERT_OK_AND_ASSIGN(const std::size_t start, table.column("started_at"));
    EXPECT_EQ(table.rows.at(0)[energy], "36000");
    EXPECT_EQ(table.rows.at(0)[co2], "0.00511511");
    EXPECT_EQ(table.rows.at(0)[domains], "package dram gpu");
    EXPECT_EQ(table.rows.at(0)[start], "2026-11-23T04:28:00.000Z");
}

TEST(ExtendCsv, AddsARowAndRefusesTheSameRunOrOtherColumns) {
    const std::vector<RunRecord> first{sample_run()};
    const std::vector<RunRecord> second{unknown_run()};
    ASSERT_OK_AND_ASSIGN(const std::string one, write_csv(first, {}));
    ASSERT_OK_AND_ASSIGN(const std::string two, extend_csv(one, "a.csv", second));
    EXPECT_EQ(lines_of(two).size(), 3U);
    EXPECT_TRUE(two.starts_with(one));
    EXPECT_ERROR(kInvalidArgument, extend_csv(two, "a.csv", first), "is there already, in row 2");
    EXPECT_ERROR(kCorrupt, extend_csv("run_id,b\nx,2\n", "a.csv", first), "Write to a new file");
    EXPECT_ERROR(kCorrupt, extend_csv(one + "x\n", "a.csv", second), "row 3");
}

}  // namespace
}  // namespace finewatt::exchange
