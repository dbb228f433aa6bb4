#include "finewatt/exchange/foreign_table_internal.h"
#include "finewatt/testing/matchers.h"

#include <array>

namespace finewatt::exchange {
namespace {

constexpr std::array<std::string_view, 2> kRequired{"time", "energy"};
constexpr ForeignLayout kLayout{"Tool", kRequired, "old releases of it shift rows"};

Result<ForeignTable> parse(std::string_view text) {
    return ForeignTable::parse(text, "a.csv", kLayout);
}

TEST(ForeignTable, ReadsByNameWhateverTheOrder) {
    ASSERT_OK_AND_ASSIGN(const ForeignTable table, parse("energy,more,time\n1.5,x,0\n"));
    EXPECT_EQ(table.text(0, "more"), "x");
    ASSERT_OK_AND_ASSIGN(const double energy, table.needed_amount(0, "energy"));
    EXPECT_EQ(energy, 1.5);
    EXPECT_FALSE(table.text(0, "absent").has_value());
}

TEST(ForeignTable, UnderstandsByteOrderMarkCrlfAndQuotes) {
    ASSERT_OK_AND_ASSIGN(const ForeignTable table,
                         parse("\xEF\xBB\xBFtime,energy\r\n\"a, \"\"b\"\"\",2\r\n"));
    EXPECT_EQ(table.text(0, "time"), "a, \"b\"");
    EXPECT_EQ(table.row_count(), 1U);
}

TEST(ForeignTable, ShiftedRowIsRefusedWithItsNumberAndTheReason) {
    EXPECT_ERROR(kCorrupt, parse("time,energy\n1,2\n3\n"),
                 "a.csv: row 3: expected 2 fields as in the header, found 1; old releases");
    EXPECT_ERROR(kCorrupt, parse("time,energy\n1,2,3\n"), "row 2: expected 2 fields");
}

TEST(ForeignTable, MissingColumnIsNamed) {
    EXPECT_ERROR(kCorrupt, parse("time,power\n1,2\n"), "expected a column 'energy' as Tool writes");
    EXPECT_ERROR(kCorrupt, parse("time,power\n1,2\n"), "found: time, power");
}

TEST(ForeignTable, SemicolonsAreRecognised) {
    EXPECT_ERROR(kCorrupt, parse("time;energy\n1;2\n"), "separated by semicolons");
}

TEST(ForeignTable, ColumnThatIsThereTwiceIsRefused) {
    EXPECT_ERROR(kCorrupt, parse("time,energy,time\n1,2,3\n"), "'time' is there twice");
}

TEST(ForeignTable, EmptyFileIsNamed) {
    EXPECT_ERROR(kCorrupt, parse(""), "found an empty file");
}

TEST(ForeignTable, EmptyAndNanAreUnknown) {
    ASSERT_OK_AND_ASSIGN(const ForeignTable table, parse("time,energy\n1,\n2,NaN\n"));
    for (const std::size_t row : {0U, 1U}) {
        ASSERT_OK_AND_ASSIGN(const std::optional<double> energy, table.amount(row, "energy"));
        EXPECT_FALSE(energy.has_value());
        EXPECT_ERROR(kCorrupt, table.needed_amount(row, "energy"), "found nothing");
    }
}

TEST(ForeignTable, NegativeOrStrangeNumberIsRefusedWithItsRow) {
    ASSERT_OK_AND_ASSIGN(const ForeignTable table, parse("time,energy\n1,-3\n2,\x1b[31m\n3,inf\n"));
    EXPECT_ERROR(kCorrupt, table.amount(0, "energy"), "row 2: expected a number of 0 or more");
    EXPECT_ERROR(kCorrupt, table.amount(1, "energy"), "found '\xEF\xBF\xBD[31m'");
    EXPECT_ERROR(kCorrupt, table.amount(2, "energy"), "row 4");
}

}  // namespace
}  // namespace finewatt::exchange
