#include "finewatt/base/csv.h"

#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(Csv, QuotedFieldsMayHoldCommasQuotesAndLineEnds) {
    ASSERT_OK_AND_ASSIGN(const CsvTable table,
                         parse_csv("a,b\n\"1,\"\"x\"\"\",\"two\nlines\"\n", "t"));
    ASSERT_EQ(table.rows.size(), 1U);
    EXPECT_EQ(table.rows[0][0], "1,\"x\"");
    EXPECT_EQ(table.rows[0][1], "two\nlines");
}

TEST(Csv, WrittenRowsReadBackEqual) {
    const std::vector<std::string> fields{"plain",     " spaced ",   "a,b",
                                          "say \"x\"", "two\nlines", ""};
    std::string text = "1,2,3,4,5,6\n";
    append_csv_row(text, fields);
    ASSERT_OK_AND_ASSIGN(const CsvTable table, parse_csv(text, "t"));
    EXPECT_EQ(table.rows.at(0), fields);
}

TEST(Csv, RaggedRowIsNamedByNumber) {
    const auto table = parse_csv("a,b\n1,2\n3\n", "facts.csv");
    EXPECT_ERROR(kCorrupt, table, "facts.csv: row 3: expected 2 fields");
}

TEST(Csv, OpenQuoteAtTheEndIsCorrupt) {
    EXPECT_ERROR(kCorrupt, parse_csv("a\n\"open", "t"), "row 2");
}

TEST(Csv, MissingColumnListsTheColumnsThereAre) {
    ASSERT_OK_AND_ASSIGN(const CsvTable table, parse_csv("\xEF\xBB\xBF"
                                                         "a,b\n",
                                                         "t"));
    EXPECT_ERROR(kNotFound, table.column("c"), "a, b");
}

}  // namespace
}  // namespace finewatt
