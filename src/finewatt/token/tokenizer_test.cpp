#include "finewatt/token/tokenizer.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"
#include "finewatt/token/token_test_support_internal.h"

#include <random>

namespace finewatt {
namespace {

using token::encoded;
using token::lines;
using token::make_tokenizer;
using token::plain;
using token::shown;
using token::with_specials;

EncodeOptions limit(std::int32_t max_length, bool add_special_tokens = true) {
    EncodeOptions options;
    options.max_length = max_length;
    options.add_special_tokens = add_special_tokens;
    return options;
}

std::string encoded_pair(const WordPieceTokenizer& tokenizer, std::string_view text,
                         std::string_view pair, const EncodeOptions& options) {
    const auto encoding = tokenizer.encode_pair(text, pair, options);
    if (!encoding) {
        return encoding.error().describe();
    }
    std::string out;
    for (const std::int32_t id : encoding->ids) {
        out += std::string(tokenizer.id_to_token(id)) + " ";
    }
    return out;
}

Result<WordPieceTokenizer> from_text(std::string_view vocabulary) {
    const testing::TempTree tree;
    return WordPieceTokenizer::from_vocab_file(tree.write("vocab.txt", vocabulary), {});
}

TEST(WordPiece, CutsAWordIntoItsLongestPieces) {
    const auto tokenizer = make_tokenizer({"un", "una", "##aff", "##ff", "##able", "##a"});
    EXPECT_EQ(encoded(tokenizer, "unaffable"), "una[0,3) ##ff[3,5) ##able[5,9)");
}

TEST(WordPiece, OnePartWithoutAPieceMakesTheWholeWordUnknown) {
    const auto tokenizer = make_tokenizer({"un", "##able", "x"});
    EXPECT_EQ(encoded(tokenizer, "x unqable x"), "x[0,1) [UNK][2,9) x[10,11)");
    EXPECT_EQ(encoded(tokenizer, "able"), "[UNK][0,4)") << "a piece of the inside cannot begin";
}

TEST(WordPiece, MoreThanAHundredCodePointsAreUnknown) {
    const auto tokenizer = make_tokenizer({"a", "##a", "é", "##é"}, {true, false, true});
    ASSERT_OK_AND_ASSIGN(const Encoding longest, tokenizer.encode(std::string(100, 'a'), plain()));
    EXPECT_EQ(longest.ids.size(), 100U);
    EXPECT_EQ(encoded(tokenizer, std::string(101, 'a')), "[UNK][0,101)");
    std::string accents;
    for (int i = 0; i < 100; ++i) {
        accents += "é";
    }
    ASSERT_OK_AND_ASSIGN(const Encoding wide, tokenizer.encode(accents, plain()));
    EXPECT_EQ(wide.ids.size(), 100U) << "code points count, not bytes";
}

TEST(Encode, OffsetsAreOfTheOriginalText) {
    const auto tokenizer = make_tokenizer({"a", "##b", "cafe", "\u1112", "##\u1161", "##\u11ab"});
    EXPECT_EQ(encoded(tokenizer, "a\u200bb"), "a[0,1) ##b[2,3)");
    EXPECT_EQ(encoded(tokenizer, "  Café"), "cafe[2,6)");
    EXPECT_EQ(encoded(tokenizer, "cafe\u0301"), "cafe[0,4)") << "a dropped mark at the end";
    EXPECT_EQ(encoded(tokenizer, "c\u200bafe"), "cafe[0,5)") << "dropped inside";
    EXPECT_EQ(encoded(tokenizer, "한"), "\u1112[0,1) ##\u1161[0,1) ##\u11ab[0,1)");
}

TEST(Encode, SpecialTokensAreFoundInTheRawText) {
    const auto tokenizer = make_tokenizer({"hello", "x", "é"});
    EXPECT_EQ(encoded(tokenizer, "Hello[MASK]x"), "hello[0,5) [MASK][5,11) x[11,12)");
    EXPECT_EQ(encoded(tokenizer, "\u200b[SEP]"), "[SEP][1,6)");
    EXPECT_EQ(encoded(tokenizer, "[mask]"), "[UNK][0,1) [UNK][1,5) [UNK][5,6)");
}

TEST(Encode, SpecialTokensAreAddedAroundOneTextAndTwo) {
    const auto tokenizer = make_tokenizer({"a", "b"});
    ASSERT_OK_AND_ASSIGN(const Encoding one, tokenizer.encode("a b", {}));
    EXPECT_EQ(shown(tokenizer, one), "[CLS][0,0) a[0,1) b[2,3) [SEP][0,0)");
    EXPECT_EQ(one.type_ids, (std::vector<std::int32_t>{0, 0, 0, 0}));
    ASSERT_OK_AND_ASSIGN(const Encoding two, tokenizer.encode_pair("a", "b a", {}));
    EXPECT_EQ(shown(tokenizer, two), "[CLS][0,0) a[0,1) [SEP][0,0) b[0,1) a[2,3) [SEP][0,0)");
    EXPECT_EQ(two.type_ids, (std::vector<std::int32_t>{0, 0, 0, 1, 1, 1}));
}

TEST(Encode, AnEmptyTextHasOnlySpecialTokens) {
    const auto tokenizer = make_tokenizer({"a"});
    EXPECT_EQ(encoded(tokenizer, ""), "");
    EXPECT_EQ(encoded(tokenizer, " \t\x01 "), "");
    ASSERT_OK_AND_ASSIGN(const Encoding encoding, tokenizer.encode("", {}));
    EXPECT_EQ(encoding.ids, (std::vector<std::int32_t>{tokenizer.cls_id(), tokenizer.sep_id()}));
}

TEST(Truncation, CutsTheEndOfOneText) {
    const auto tokenizer = make_tokenizer({"a", "b", "c"});
    ASSERT_OK_AND_ASSIGN(const Encoding cut, tokenizer.encode("a b c", limit(4)));
    EXPECT_EQ(shown(tokenizer, cut), "[CLS][0,0) a[0,1) b[2,3) [SEP][0,0)");
    ASSERT_OK_AND_ASSIGN(const Encoding none, tokenizer.encode("a b c", limit(0, false)));
    EXPECT_TRUE(none.ids.empty());
}

TEST(Truncation, LongestFirstSparesTheShorterText) {
    const auto tokenizer = make_tokenizer({"a", "b"});

    const struct {
        const char* text;
        const char* pair;
        std::int32_t max_length;
        const char* want;
    } rows[] = {
        {"a", "b b b b", 7, "[CLS] a [SEP] b b b [SEP] "},
        {"a a a a", "b", 7, "[CLS] a a a [SEP] b [SEP] "},
        {"a a a a", "b b b", 7, "[CLS] a a [SEP] b b [SEP] "},
        {"a a a", "b b b", 8, "[CLS] a a [SEP] b b b [SEP] "},
        {"a a a a", "b b b", 8, "[CLS] a a a [SEP] b b [SEP] "},
        {"a a", "b b", 4, "[CLS] [SEP] b [SEP] "},
        {"a a", "b b", 3, "[CLS] [SEP] [SEP] "},
        {"a a", "b b", 7, "[CLS] a a [SEP] b b [SEP] "},
    };

    for (const auto& row : rows) {
        EXPECT_EQ(encoded_pair(tokenizer, row.text, row.pair, limit(row.max_length)), row.want)
            << row.text << " + " << row.pair << " in " << row.max_length;
    }
}

TEST(Truncation, ALimitBelowTheSpecialTokensIsRefused) {
    const auto tokenizer = make_tokenizer({"a"});
    EXPECT_ERROR(kInvalidArgument, tokenizer.encode("a", limit(1)), "at least 2");
    EXPECT_ERROR(kInvalidArgument, tokenizer.encode_pair("a", "a", limit(2)), "at least 3");
    EXPECT_ERROR(kInvalidArgument, tokenizer.encode("a", limit(-1, false)), "found -1");
}

TEST(Encode, TextThatIsNotUtf8IsRefusedAtItsByte) {
    const auto tokenizer = make_tokenizer({"a"});
    EXPECT_ERROR(kCorrupt, tokenizer.encode("ab\xff", {}), "0xff at byte 2");
    EXPECT_ERROR(kCorrupt, tokenizer.encode_pair("a", "\xed\xa0\x80", {}), "at byte 0");
}

TEST(AppendEncoded, TextsStandBehindEachOther) {
    const auto tokenizer = make_tokenizer({"a", "b", "c"});
    Encoding flat;
    ASSERT_OK(tokenizer.append_encoded("a b c", limit(4), flat));
    ASSERT_OK(tokenizer.append_encoded_pair("a b c", "c b a", limit(7), flat));
    ASSERT_OK(tokenizer.append_encoded_pair("a", "b b b b", limit(4, false), flat));
    EXPECT_EQ(shown(tokenizer, flat),
              "[CLS][0,0) a[0,1) b[2,3) [SEP][0,0) "
              "[CLS][0,0) a[0,1) b[2,3) [SEP][0,0) c[0,1) b[2,3) [SEP][0,0) "
              "a[0,1) b[0,1) b[2,3) b[4,5)");
    EXPECT_EQ(flat.type_ids,
              (std::vector<std::int32_t>{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1}));
}

TEST(AppendEncoded, OffsetsAreFoundOnlyWhenAskedFor) {
    const auto tokenizer = make_tokenizer({"a", "b"});
    EncodeOptions options = limit(5);
    options.with_offsets = false;
    ASSERT_OK_AND_ASSIGN(const Encoding encoding, tokenizer.encode_pair("a b", "b", options));
    EXPECT_EQ(encoding.ids, (std::vector<std::int32_t>{2, 5, 3, 6, 3}));
    EXPECT_EQ(encoding.type_ids, (std::vector<std::int32_t>{0, 0, 0, 1, 1}));
    EXPECT_TRUE(encoding.offsets.empty());
}

TEST(AppendEncoded, AnErrorLeavesTheArraysAsTheyWere) {
    const auto tokenizer = make_tokenizer({"a"});
    Encoding flat;
    ASSERT_OK(tokenizer.append_encoded("a", {}, flat));
    EXPECT_ERROR(kCorrupt, tokenizer.append_encoded("a long text \xff", {}, flat), "at byte 12");
    EXPECT_ERROR(kCorrupt, tokenizer.append_encoded_pair("a", "\xff", {}, flat), "at byte 0");
    EXPECT_ERROR(kInvalidArgument, tokenizer.append_encoded("a", limit(1), flat), "at least 2");
    EXPECT_EQ(shown(tokenizer, flat), "[CLS][0,0) a[0,1) [SEP][0,0)");
    EXPECT_EQ(flat.type_ids.size(), 3U);
}

TEST(VocabularyFile, CarriageReturnsAndAMissingLastEndShiftNothing) {
    ASSERT_OK_AND_ASSIGN(const auto tokenizer,
                         from_text("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\r\nb"));
    EXPECT_EQ(tokenizer.vocabulary_size(), 7);
    EXPECT_EQ(tokenizer.token_to_id("a"), 5);
    EXPECT_EQ(tokenizer.id_to_token(6), "b");
    EXPECT_EQ(tokenizer.token_to_id("c"), std::nullopt);
}

TEST(VocabularyFile, WithoutASpecialTokenIsRefused) {
    for (const std::string& missing : with_specials({})) {
        std::vector<std::string> tokens = with_specials({"a"});
        std::erase(tokens, missing);
        EXPECT_ERROR(kCorrupt, from_text(lines(tokens)), missing);
    }
    EXPECT_ERROR(kCorrupt, from_text(""), "[PAD]");
}

TEST(VocabularyFile, ABadLineIsNamed) {
    EXPECT_ERROR(kCorrupt, from_text(lines(with_specials({"a", "b", "a"}))), "lines 6 and 8");
    EXPECT_ERROR(kCorrupt, from_text(lines(with_specials({"a", "", "b"}))), "line 7");
    EXPECT_ERROR(kCorrupt, from_text(lines(with_specials({"a", "b\xff"}))), "line 7, byte 1");
    EXPECT_ERROR(kNotFound, WordPieceTokenizer::from_vocab_file("/nonexistent/vocab.txt", {}),
                 "/nonexistent/vocab.txt");
}

TEST(EncodeProperty, OffsetsRiseInsideTheTextAndALimitIsMet) {
    constexpr unsigned kSeed = 20240608;
    std::mt19937 random(kSeed);
    const std::vector<std::string> atoms = {
        "a",  "B", "é",      "\u0301", "\u302e", "\ua9c0", " ",      "\t", ".",         "中",
        "한", "😀", "[MASK]", "\u200b", "\x01",   "##",     "\u0f73", "İ",  "\U0002b920"};
    const auto tokenizer = make_tokenizer({"a", "##a", "b", "##b", "e", "##e", "中", "."});
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        std::int32_t code_points = 0;
        for (std::size_t n = random() % 12; n > 0; --n) {
            const std::string& atom = atoms[random() % atoms.size()];
            text += atom;
            code_points += atom == "[MASK]" ? 6 : (atom == "##" ? 2 : 1);
        }
        ASSERT_OK_AND_ASSIGN(const Encoding whole, tokenizer.encode(text, plain()));
        std::pair<std::int32_t, std::int32_t> last{0, 0};
        for (const auto& offset : whole.offsets) {
            ASSERT_LE(last.first, offset.first) << text << ", seed " << kSeed;
            ASSERT_LE(last.second, offset.second) << text << ", seed " << kSeed;
            ASSERT_LT(offset.first, offset.second) << text << ", seed " << kSeed;
            ASSERT_LE(offset.second, code_points) << text << ", seed " << kSeed;
            last = offset;
        }
        const auto max_length = static_cast<std::int32_t>(2 + random() % 8);
        ASSERT_OK_AND_ASSIGN(const Encoding cut, tokenizer.encode(text, limit(max_length)));
        ASSERT_EQ(cut.ids.size(), std::min<std::size_t>(whole.ids.size() + 2,
                                                        static_cast<std::size_t>(max_length)));
    }
}

}  // namespace
}  // namespace finewatt
