#include "finewatt/report/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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
