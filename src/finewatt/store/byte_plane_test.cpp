#include "finewatt/store/byte_plane_internal.h"
#include "finewatt/testing/matchers.h"

#include <random>

namespace finewatt {
namespace {

using Words = std::vector<std::uint64_t>;

Words random_words(std::size_t count, std::uint64_t mask) {
    std::mt19937_64 random(7);
    Words words(count);
    for (std::uint64_t& word : words) {
        word = random() & mask;
    }
    return words;
}

Words there_and_back(const Words& words) {
    std::string bytes;
    append_planes(bytes, words);
    std::string_view rest = bytes;
    const Result<Words> back = read_planes(rest, words.size());
    EXPECT_OK(back);
    EXPECT_TRUE(rest.empty());
    return back.value_or(Words{});
}

TEST(BytePlanes, WordsComeBack) {
    const Words cases[] = {
        {}, {0}, {~0ULL, 1, 2}, Words(1000, 5), random_words(1000, ~0ULL), random_words(1000, 7)};
    for (const Words& words : cases) {
        EXPECT_EQ(there_and_back(words), words);
    }
}

TEST(BytePlanes, NoiseCostsNoMoreThanItself) {
    std::string bytes;
    append_planes(bytes, random_words(10'000, ~0ULL));
    EXPECT_EQ(bytes.size(), 8 * (1 + 10'000U));
}

TEST(BytePlanes, ZerosCostNextToNothing) {
    std::string bytes;
    append_planes(bytes, random_words(10'000, 0xFFFF));
    EXPECT_LT(bytes.size(), 2 * 10'001U + 6 * 60U);
}

TEST(BytePlanes, CutOrForeignBytesAreCorruptAtAnyPlace) {
    std::string bytes;
    append_planes(bytes, random_words(100, 0x0F0FFFFF));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        std::string_view cut = std::string_view(bytes).substr(0, size);
        EXPECT_ERROR(kCorrupt, read_planes(cut, 100), "damaged data") << size;
    }
    std::string_view whole = bytes;
    EXPECT_ERROR(kCorrupt, read_planes(whole, 99), "damaged data");
    bytes[0] = 9;
    whole = bytes;
    EXPECT_ERROR(kCorrupt, read_planes(whole, 100), "no known form");
}

TEST(BytePlanes, PlainPlanesJoinFromTheHighestByte) {
    EXPECT_EQ(join_planes(std::string_view("\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0\x03\x04", 16), 2),
              (Words{0x0100000000000003, 0x0200000000000004}));
}

}  // namespace
}  // namespace finewatt
