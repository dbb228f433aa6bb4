#include "finewatt/report/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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

TEST(EscapeHtml, NeutralisesMarkup) {
    EXPECT_EQ(escape_html("<b a=\"x\" c='y'>&\x1b"),
              "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;\uFFFD");
}

TEST(TruncateToWidth, CutsByCodePoints) {
    EXPECT_EQ(truncate_to_width("Zürich", 6), "Zürich");
    EXPECT_EQ(truncate_to_width("Zürich", 3), "Zü…");
    EXPECT_EQ(truncate_to_width("Zürich", 0), "");
}

TEST(WrapText, BreaksAtSpacesAndCutsLongWords) {
    EXPECT_THAT(wrap_text("one two three", 7), ElementsAre("one two", "three"));
    EXPECT_THAT(wrap_text("a verylongword b", 5), ElementsAre("a", "veryl", "ongwo", "rd b"));
    EXPECT_THAT(wrap_text("  spaced   out ", 20), ElementsAre("spaced out"));
    EXPECT_THAT(wrap_text("", 5), IsEmpty());
}

}  // namespace
}  // namespace finewatt
