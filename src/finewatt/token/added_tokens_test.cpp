#include "finewatt/token/added_tokens_internal.h"

#include <gtest/gtest.h>

namespace finewatt::token {
namespace {

AddedToken added(std::int32_t id, std::string content, bool lstrip = false, bool rstrip = false) {
    AddedToken token;
    token.id = id;
    token.content = std::move(content);
    token.lstrip = lstrip;
    token.rstrip = rstrip;
    return token;
}

/// The pieces of a text as "plain|<id:token>|...".
std::string cut(const std::vector<AddedToken>& tokens, std::string_view text) {
    std::vector<AddedTokens::Pattern> patterns;
    for (const AddedToken& token : tokens) {
        patterns.push_back({token.content, token});
    }
    std::vector<TextPiece> pieces;
    AddedTokens(std::move(patterns)).cut(text, pieces);
    std::string out;
    for (const TextPiece& piece : pieces) {
        const std::string part(text.substr(piece.span.begin, piece.span.end - piece.span.begin));
        out += piece.id ? "<" + std::to_string(*piece.id) + ":" + part + ">|" : part + "|";
    }
    return out;
}

TEST(AddedTokens, AreFoundInsideWordsAndSideBySide) {
    EXPECT_EQ(cut({added(4, "[MASK]")}, "hello[MASK]x"), "hello|<4:[MASK]>|x|");
    EXPECT_EQ(cut({added(4, "[MASK]")}, "[MASK][MASK]"), "<4:[MASK]>|<4:[MASK]>|");
    EXPECT_EQ(cut({added(4, "[MASK]")}, "[mask] [MASK"), "[mask] [MASK|");
    EXPECT_EQ(cut({added(4, "[MASK]")}, ""), "");
}

TEST(AddedTokens, TheLeftmostThenTheLongestWins) {
    const std::vector<AddedToken> tokens = {added(1, "ab"), added(2, "abcd"), added(3, "bcdef")};
    EXPECT_EQ(cut(tokens, "xabcdef"), "x|<2:abcd>|ef|");
    EXPECT_EQ(cut(tokens, "abce"), "<1:ab>|ce|");
}

TEST(AddedTokens, AQuickLookNeverMissesOne) {
    const AddedTokens one({{"[MASK]", added(4, "[MASK]")}, {"[SEP]", added(3, "[SEP]")}});
    EXPECT_TRUE(one.may_be_in("a[MASK]"));
    EXPECT_FALSE(one.may_be_in("a ]"));
    const AddedTokens two({{"[MASK]", added(4, "[MASK]")}, {"<s>", added(5, "<s>")}});
    EXPECT_TRUE(two.may_be_in("a[MASK]"));
    EXPECT_TRUE(two.may_be_in("<s>"));
    EXPECT_FALSE(two.may_be_in("a >"));
    EXPECT_FALSE(AddedTokens({}).may_be_in("a"));
}

TEST(AddedTokens, StrippingTakesWhiteSpaceOfAnyKind) {
    EXPECT_EQ(cut({added(1, "X", true)}, "a \u3000\tX b"), "a|<1: \u3000\tX>| b|");
    EXPECT_EQ(cut({added(1, "X", false, true)}, "a X\u00a0\nb"), "a |<1:X\u00a0\n>|b|");
    EXPECT_EQ(cut({added(1, "X", true, true)}, "X X é"), "<1:X >|<1:X >|é|");
}

}  // namespace
}  // namespace finewatt::token
