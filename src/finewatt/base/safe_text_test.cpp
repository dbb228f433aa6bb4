#include "finewatt/base/safe_text.h"

#include <gtest/gtest.h>

#include <string>

namespace finewatt {
namespace {

TEST(SafeText, ReplacesWhatCouldSteerATerminal) {
    EXPECT_EQ(safe_text("a\x1b[31mb"), "a\uFFFD[31mb");
    EXPECT_EQ(safe_text("bell\a del\x7f"), "bell\uFFFD del\uFFFD");
    EXPECT_EQ(safe_text("c1 \u009b31m"), "c1 \uFFFD31m");
    EXPECT_EQ(safe_text("flip \u202Eabc"), "flip \uFFFDabc");
    EXPECT_EQ(safe_text("hidden\u200Bspace"), "hidden\uFFFDspace");
    EXPECT_EQ(safe_text(std::string("zero\0byte", 9)), "zero\uFFFDbyte");
    EXPECT_EQ(safe_text("bad \xff\xc3"), "bad \uFFFD\uFFFD");
}

TEST(SafeText, IsOneLine) {
    EXPECT_EQ(safe_text("a\nb\tc\rd"), "a b c d");
}

TEST(SafeText, KeepsOrdinaryText) {
    EXPECT_EQ(safe_text("Zürich µJ 日本 🙂"), "Zürich µJ 日本 🙂");
}

TEST(SafeLines, KeepsLineFeedsAndNothingElse) {
    EXPECT_EQ(safe_lines("a\nb\x1b[2J\n\tc\r\n"), "a\nb\uFFFD[2J\n c \n");
    EXPECT_EQ(safe_lines(""), "");
}

}  // namespace
}  // namespace finewatt
