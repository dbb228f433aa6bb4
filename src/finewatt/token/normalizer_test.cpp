#include "finewatt/token/char_table_internal.h"
#include "finewatt/token/normalizer_internal.h"

#include <gtest/gtest.h>

namespace finewatt::token {
namespace {

struct NormalCase {
    const char* what;
    TokenizerOptions options;
    std::string text;
    std::string want;
};

const TokenizerOptions kUncased{};
const TokenizerOptions kCased{false, std::nullopt, true};

std::string normal_form(const TokenizerOptions& options, std::string_view text) {
    NormalizedText out;
    Normalizer(options).append(text, 0, out);
    return out.bytes;
}

std::vector<std::uint32_t> sources(const TokenizerOptions& options, std::string_view text) {
    NormalizedText out;
    Normalizer(options).append(text, 0, out);
    return out.source;
}

std::vector<std::string> words(std::string_view text) {
    std::vector<ByteSpan> spans;
    split_words(text, {0, text.size()}, spans);
    std::vector<std::string> out;
    for (const ByteSpan& span : spans) {
        out.emplace_back(text.substr(span.begin, span.end - span.begin));
    }
    return out;
}

TEST(Normalizer, EachRuleGivesTheReferencesText) {
    const std::vector<NormalCase> cases = {
        {"controls are dropped and join words", kCased,
         "a\x01"
         "b\x7f"
         "c",
         "abc"},
        {"line tabulation, form feed and next line too", kCased,
         "a\x0b"
         "b\x0c"
         "c\u0085d",
         "abcd"},
        {"format characters and the replacement too", kCased, "a\u200bb\ufeffc\ufffdd", "abcd"},
        {"private use too", kCased, "a\ue000b", "ab"},
        {"white space becomes a space", kCased, "a\tb\nc\rd\u00a0e\u3000f", "a b c d e f"},
        {"unassigned characters stay", kCased, "a\u0378b", "a\u0378b"},
        {"Chinese characters get spaces", kCased, "a中文b", "a 中  文 b"},
        {"unless told not to", {false, std::nullopt, false}, "a中b", "a中b"},
        {"the gap before U+2B920 is the reference's", kCased, "\U0002b820a\U0002b920",
         "\U0002b820a \U0002b920 "},
        {"accents go with case by default", kUncased, "ÉÅ", "ea"},
        {"cased keeps them", kCased, "ÉÅ", "ÉÅ"},
        {"lower case can keep them", {true, false, true}, "ÉÅ", "éå"},
        {"upper case can lose them", {false, true, true}, "ÉÅ", "EA"},
        {"one letter can become two", {true, false, true}, "İ", "i\u0307"},
        {"sigma has no final form", kUncased, "ΑΣ ΑΣ", "ασ ασ"},
        {"Hangul falls into jamo", kUncased, "한가", "\u1112\u1161\u11ab\u1100\u1161"},
        {"and stays whole without stripping", kCased, "한", "한"},
        {"decomposition is canonical only", kUncased, "ﬁ", "ﬁ"},
        {"spacing marks stay", kUncased, "\u0915\u093e", "\u0915\u093e"},
    };
    for (const NormalCase& row : cases) {
        EXPECT_EQ(normal_form(row.options, row.text), row.want) << row.what;
    }
}

TEST(Normalizer, SourceIsTheCodePointOfEachByte) {
    EXPECT_EQ(sources(kUncased, "aÉb"), (std::vector<std::uint32_t>{0, 1, 2}));
    EXPECT_EQ(sources(kCased, "aÉb"), (std::vector<std::uint32_t>{0, 1, 1, 2}));
    EXPECT_EQ(sources(kUncased, "a\u200bb"), (std::vector<std::uint32_t>{0, 2}));
    // Three jamo of three bytes each.
    EXPECT_EQ(sources(kUncased, "x한"), (std::vector<std::uint32_t>{0, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST(Normalizer, CountingGoesOnWhereACallBegan) {
    NormalizedText out;
    EXPECT_EQ(Normalizer(kCased).append("é\u200b", 7, out), 9U);
    EXPECT_EQ(out.source, (std::vector<std::uint32_t>{7, 7}));
}

TEST(Normalizer, MarksAreOrderedEvenAroundADroppedCharacter) {
    // U+A9C0 (class 9) is no non-spacing mark and stays; U+302E (class 224) also stays.
    const std::string ordered = "a\ua9c0\u302e";
    EXPECT_EQ(normal_form(kUncased, "a\u302e\ua9c0"), ordered);
    EXPECT_EQ(normal_form(kUncased, "a\u302e\x01\ua9c0"), ordered);
    EXPECT_EQ(normal_form(kCased, "a\u302e\ua9c0"), "a\u302e\ua9c0") << "no stripping, no order";
    EXPECT_EQ(normal_form(kUncased, "a\u302e \ua9c0"), "a\u302e \ua9c0") << "not across a space";
}

TEST(Normalizer, SourceNeverDecreasesThoughMarksMove) {
    EXPECT_EQ(sources(kUncased, "a\u302e\ua9c0"),
              (std::vector<std::uint32_t>{0, 1, 1, 1, 2, 2, 2}));
}

TEST(SplitWords, SpacesPartAndPunctuationStandsAlone) {
    EXPECT_EQ(words("  ab, c--d "), (std::vector<std::string>{"ab", ",", "c", "-", "-", "d"}));
    EXPECT_EQ(words("“a”…"), (std::vector<std::string>{"“", "a", "”", "…"}));
    EXPECT_EQ(words("a$b^c`d~e"),
              (std::vector<std::string>{"a", "$", "b", "^", "c", "`", "d", "~", "e"}));
    EXPECT_EQ(words("a€b"), (std::vector<std::string>{"a€b"})) << "a symbol is no punctuation";
    EXPECT_TRUE(words("   ").empty());
}

TEST(SplitWords, OnlyTheRangeIsSplitButSpansCountFromTheText) {
    std::vector<ByteSpan> spans;
    split_words("ab cd ef", {3, 6}, spans);
    ASSERT_EQ(spans.size(), 1U);
    EXPECT_EQ(spans[0].begin, 3U);
    EXPECT_EQ(spans[0].end, 5U);
}

TEST(WhiteSpace, RawTextCountsTheControlsThatCleaningDrops) {
    for (const char32_t c : std::u32string_view(U"\t\n\x0b\x0c\r \x85\u00a0\u2003\u3000")) {
        EXPECT_TRUE(is_white_space(c)) << static_cast<unsigned>(c);
    }
    EXPECT_FALSE(is_white_space(0x200B));
    EXPECT_FALSE(is_white_space(U'a'));
}

TEST(CharTable, TablesMatchFactsOfTheReference) {
    // Facts that tell this table from one of a current Unicode version: a change here means the
    // generator ran against another wheel. To make the tables anew, see generate/make_tables.py.
    EXPECT_NE(char_properties(0x166D).flags & kCharPunctuation, 0) << "a symbol since Unicode 12";
    EXPECT_EQ(char_properties(0x2E43).flags & kCharPunctuation, 0) << "newer than its tables";
    EXPECT_NE(char_properties(0x0301).flags & kCharMark, 0);
    EXPECT_LT(char_properties(0x0334).combining_rank, char_properties(0x0323).combining_rank);
    EXPECT_LT(char_properties(0x0323).combining_rank, char_properties(0x0301).combining_rank);
    EXPECT_EQ(char_properties(U'a').combining_rank, 0);
    EXPECT_EQ(char_properties(0x10FFFF).flags & kCharRemoved, 0) << "unassigned characters stay";
}

}  // namespace
}  // namespace finewatt::token
