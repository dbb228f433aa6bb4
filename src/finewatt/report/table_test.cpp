#include "finewatt/report/table.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(TextTable, AlignsColumnsWithoutTrailingSpaces) {
    TextTable table({{"phase"}, {"time", Align::kRight}, {"note"}});
    table.add_row({"train", "1 min 52 s", ""});
    table.add_row({"Lädt", "2 s", "cold"});
    EXPECT_EQ(table.render(),
              "phase        time  note\n"
              "train  1 min 52 s\n"
              "Lädt          2 s  cold\n");
}

TEST(TextTable, ShrinksOnlyWhatMayShrink) {
    TextTable table({{"name", Align::kLeft, true}, {"value", Align::kRight}});
    table.add_row({"a long name that does not fit", "12,345,678"});
    EXPECT_EQ(table.render({.max_width = 22, .indent = 1}),
              " name            value\n"
              " a long n…  12,345,678\n");
}

TEST(TextTable, GivesUpShrinkingAtSixColumns) {
    TextTable table({{"name", Align::kLeft, true}, {"value"}});
    table.add_row({"a long name", "12,345,678"});
    EXPECT_EQ(table.render({.max_width = 3, .has_header = false}), "a lon…  12,345,678\n");
}

TEST(TextTable, ShortRowsAreFilled) {
    TextTable table({{"a"}, {"b"}});
    table.add_row({"1"});
    EXPECT_EQ(table.render({.has_header = false}), "1\n");
}

TEST(TextTable, EscapesInCellsAreReplaced) {
    TextTable table({{"name"}});
    table.add_row({"\x1b]0;owned\a"});
    EXPECT_EQ(table.render({.has_header = false}), "\uFFFD]0;owned\uFFFD\n");
}

}  // namespace
}  // namespace finewatt
