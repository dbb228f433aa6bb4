#include "finewatt/token/trie_internal.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace finewatt::token {
namespace {

PieceTrie small_trie() {
    return {{{"a", 0}, {"abc", 1}, {"b", 2}, {"é", 3}}, {{"c", 10}, {"a", 11}}};
}

TEST(PieceTrie, LongestPieceWins) {
    const auto match = small_trie().longest_match("abcd", PiecePlace::kWordBegin);
    ASSERT_TRUE(match.has_value());
    EXPECT_EQ(match->id, 1);
    EXPECT_EQ(match->length, 3U);
}

TEST(PieceTrie, AShorterPieceIsFoundWhenTheLongerBreaksOff) {
    const auto match = small_trie().longest_match("abx", PiecePlace::kWordBegin);
    ASSERT_TRUE(match.has_value());
    EXPECT_EQ(match->id, 0);
}

TEST(PieceTrie, PlacesDoNotMix) {
    EXPECT_EQ(small_trie().longest_match("a", PiecePlace::kWordInside)->id, 11);
    EXPECT_FALSE(small_trie().longest_match("b", PiecePlace::kWordInside));
    EXPECT_FALSE(small_trie().longest_match("c", PiecePlace::kWordBegin));
}

TEST(PieceTrie, NothingIsFoundInAnEmptyTrieOrText) {
    const PieceTrie empty({}, {});
    for (int byte = 0; byte < 256; ++byte) {
        const std::string text(1, static_cast<char>(byte));
        EXPECT_FALSE(empty.longest_match(text, PiecePlace::kWordBegin)) << byte;
        EXPECT_FALSE(empty.longest_match(text, PiecePlace::kWordInside)) << byte;
    }
    EXPECT_FALSE(small_trie().longest_match("", PiecePlace::kWordBegin));
}

TEST(PieceTrie, AgreesWithAMapOnRandomPiecesOfAnyBytes) {
    std::mt19937 random(20240607);  // NOLINT: a fixed seed makes a failure repeatable
    const auto random_text = [&](std::size_t longest) {
        std::string text(1 + random() % longest, '\0');
        for (char& c : text) {
            c = static_cast<char>(random() % 4 == 0 ? random() % 256 : 'a' + random() % 3);
        }
        return text;
    };
    std::map<std::string, std::int32_t> known;
    while (known.size() < 3000) {
        known.emplace(random_text(6), static_cast<std::int32_t>(known.size()));
    }
    std::vector<PieceTrie::Piece> pieces;
    for (const auto& [text, id] : known) {
        pieces.push_back({text, id});
    }
    const PieceTrie trie(pieces, {});
    for (int i = 0; i < 20000; ++i) {
        const std::string text = random_text(8);
        std::size_t want = text.size();
        while (want > 0 && known.count(text.substr(0, want)) == 0) {
            --want;
        }
        const auto got = trie.longest_match(text, PiecePlace::kWordBegin);
        ASSERT_EQ(got.has_value(), want > 0);
        if (got) {
            ASSERT_EQ(got->length, want);
            ASSERT_EQ(got->id, known.at(text.substr(0, want)));
        }
    }
}

}  // namespace
}  // namespace finewatt::token
