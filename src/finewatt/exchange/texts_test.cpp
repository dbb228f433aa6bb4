#include "finewatt/base/utf8.h"
#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/exchange/texts_internal.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace finewatt::exchange {
namespace {

TEST(SafeText, KeepsPlainTextAndOtherAlphabets) {
    EXPECT_EQ(safe_text("BERT größe 電力 🔋"), "BERT größe 電力 🔋");
}

TEST(SafeText, LeavesNothingThatSteersATerminalOrEndsALine) {
    for (const std::string_view text : kHostileTexts) {
        const std::string line = safe_text(text);
        EXPECT_FALSE(find_invalid_utf8(line).has_value()) << line;
        EXPECT_EQ(line.find_first_of("\n\r\t\x1b\x07"), std::string::npos) << line;
    }
    EXPECT_EQ(safe_text("a\r\nb"), "a  b");
    EXPECT_EQ(safe_text("right\xe2\x80\xaeto left"), "right\xEF\xBF\xBDto left");
}

TEST(LatexText, EscapesAllTenSpecialCharacters) {
    EXPECT_EQ(latex_text("a_b & 5% $x$ #1 {y} ~ ^ \\z"),
              "a\\_b \\& 5\\% \\$x\\$ \\#1 \\{y\\} \\textasciitilde{} \\textasciicircum{} "
              "\\textbackslash{}z");
}

TEST(LatexText, BracketDoesNotBecomeAnArgumentOfTheRowEnd) {
    EXPECT_EQ(latex_text("[5cm]"), "{[}5cm]");
}

TEST(MarkdownCell, EscapesWhatSplitsACellOrMarksUp) {
    EXPECT_EQ(markdown_cell("a|b"), "a\\|b");
    EXPECT_EQ(markdown_cell("\\|"), "\\\\\\|");
    EXPECT_EQ(markdown_cell("<b> *x* _y_ [z]"), "&lt;b&gt; \\*x\\* \\_y\\_ \\[z\\]");
}

TEST(YamlText, QuotesAndBackslashesAreEscaped) {
    EXPECT_EQ(yaml_text("a\"b\\c: #d\ne"), "\"a\\\"b\\\\c: #d e\"");
}

TEST(PrometheusLabel, KeepsALineEndAsAnEscape) {
    EXPECT_EQ(prometheus_label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
}

TEST(NumberText, ReadsBackAsTheSameDouble) {
    std::mt19937_64 random(7);
    int tried = 0;
    while (tried < 2000) {
        const auto value = std::bit_cast<double>(random());
        if (!std::isfinite(value)) {
            continue;
        }
        ++tried;
        EXPECT_EQ(parse_number(number_text(value)), value);
        const std::string fixed = fixed_number_text(value);
        EXPECT_EQ(fixed.find('e'), std::string::npos);
        EXPECT_EQ(parse_number(fixed), value);
    }
}

TEST(ParseNumber, TakesWholeFiniteNumbersOnly) {
    EXPECT_EQ(parse_number("1e-5"), 1e-5);
    EXPECT_EQ(parse_number("-2"), -2);
    for (const std::string_view text :
         {"", " 1", "1 ", "1,5", "nan", "inf", "0x10", "1e999", "+1"}) {
        EXPECT_FALSE(parse_number(text).has_value()) << text;
    }
}

TEST(FigureText, RangeDecidesTheDigits) {
    EXPECT_EQ(figure_text(1234.5678, 1200, 1269), "1235");
    EXPECT_EQ(range_text(1234.5678, 1200, 1269), "1200 to 1269");
    EXPECT_EQ(figure_text(0.0123456, 0.0113, 0.0134), "0.0123");
    EXPECT_EQ(range_text(0.0123456, 0.0113, 0.0134), "0.0113 to 0.0134");
}

TEST(FigureText, WithoutARangeFourDigits) {
    EXPECT_EQ(figure_text(1234.5678, {}, {}), "1235");
    EXPECT_EQ(figure_text(0.000123456, {}, {}), "0.0001235");
    EXPECT_EQ(figure_text(0, {}, {}), "0");
    EXPECT_EQ(range_text(5, {}, 6), "");
}

TEST(FigureText, NotFiniteIsUnknown) {
    const double infinity = std::numeric_limits<double>::infinity();
    EXPECT_EQ(figure_text(infinity, {}, {}), "unknown");
    EXPECT_EQ(range_text(std::nan(""), 1, 2), "");
    EXPECT_EQ(figure_text(12, 10, infinity), "12.00");
    EXPECT_EQ(range_text(12, 10, infinity), "");
}

TEST(FigureText, NarrowRangeShowsAtMostSixDigits) {
    EXPECT_EQ(figure_text(123456.789, 123456.788, 123456.790), "123457");
}

}  // namespace
}  // namespace finewatt::exchange
