#include "finewatt/base/utf8.h"

#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(Utf8, EveryCodePointReadsBackAsItWasWritten) {
    for (char32_t c = 0; c <= 0x10FFFF; ++c) {
        if (c == 0xD800) {
            c = 0xE000;
        }
        std::string text;
        append_utf8(text, c);
        const DecodedCodePoint step = decode_utf8_front(text);
        ASSERT_EQ(step.code_point, c);
        ASSERT_EQ(step.length, text.size());
    }
}

TEST(Utf8, InvalidBytesAreFoundWhereTheyLie) {
    EXPECT_EQ(find_invalid_utf8("ab\xFFz"), 2U);
    EXPECT_EQ(find_invalid_utf8("\xC0\x80"), 0U) << "overlong";
    EXPECT_EQ(find_invalid_utf8("\xED\xA0\x80"), 0U) << "surrogate";
    EXPECT_EQ(find_invalid_utf8("\xF4\x90\x80\x80"), 0U) << "above U+10FFFF";
    EXPECT_EQ(find_invalid_utf8("a\xE2\x82"), 1U) << "cut off";
    EXPECT_EQ(find_invalid_utf8("\xE2\x82\xAC"), std::nullopt);
}

TEST(Utf8, DecodingABadTextNamesTheByte) {
    EXPECT_ERROR(kCorrupt, decode_utf8("ok\xFE"), "at byte 2");
}

}  // namespace
}  // namespace finewatt
