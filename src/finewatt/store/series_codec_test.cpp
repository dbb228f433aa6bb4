#include "finewatt/store/series_codec_internal.h"
#include "finewatt/testing/matchers.h"

#include <cmath>
#include <limits>

namespace finewatt {
namespace {

TEST(SeriesCodec, EveryBitSurvives) {
    const double infinity = std::numeric_limits<double>::infinity();
    const std::vector<double> t_s{0.1, 0.2, 1e9};
    const std::vector<double> power_w{-0.0, infinity, std::numeric_limits<double>::denorm_min()};
    ASSERT_OK_AND_ASSIGN(const std::string bytes, encode_series(t_s, power_w));
    ASSERT_OK_AND_ASSIGN(const SeriesColumns back, decode_series(bytes, 3));
    EXPECT_EQ(back.t_s, t_s);
    EXPECT_EQ(back.power_w, power_w);
    EXPECT_TRUE(std::signbit(back.power_w[0]));
}

TEST(SeriesCodec, EmptySeriesIsASeries) {
    ASSERT_OK_AND_ASSIGN(const std::string bytes, encode_series({}, {}));
    ASSERT_OK_AND_ASSIGN(const SeriesColumns back, decode_series(bytes, 0));
    EXPECT_TRUE(back.t_s.empty() && back.power_w.empty());
}

TEST(SeriesCodec, RegularSeriesTakesLessThanHalf) {
    std::vector<double> t_s;
    std::vector<double> power_w;
    for (int i = 0; i < 10'000; ++i) {
        t_s.push_back(0.1 * i);
        power_w.push_back(80 + std::floor(20 * std::sin(0.01 * i)));
    }
    ASSERT_OK_AND_ASSIGN(const std::string bytes, encode_series(t_s, power_w));
    EXPECT_LT(bytes.size(), 80'000U);
}

TEST(SeriesCodec, DamagedBytesAreCorrupt) {
    ASSERT_OK_AND_ASSIGN(const std::string bytes, encode_series({1, 2}, {3, 4}));
    std::string flipped = bytes;
    flipped.back() = static_cast<char>(flipped.back() ^ 1);
    EXPECT_ERROR(kCorrupt, decode_series(flipped, 2), "other or damaged data");
    EXPECT_ERROR(kCorrupt, decode_series(bytes.substr(0, bytes.size() - 3), 2), "damaged");
    EXPECT_ERROR(kCorrupt, decode_series(bytes, 1), "expected 1 points");
    EXPECT_ERROR(kCorrupt, decode_series(bytes, 3), "expected 3 points");
    EXPECT_ERROR(kCorrupt, decode_series(bytes, std::size_t{1} << 60U), "cannot hold");
    EXPECT_ERROR(kCorrupt, decode_series("", 0), "found no bytes");
    EXPECT_ERROR(kCorrupt, decode_series("\x07", 0), "expected format 1, found 7");
}

}  // namespace
}  // namespace finewatt
