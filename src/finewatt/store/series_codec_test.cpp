#include "finewatt/store/series_codec_internal.h"
#include "finewatt/testing/matchers.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

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

TEST(SeriesCodec, TimesThatAreNoWholeNanosecondsSurvive) {
    const std::vector<double> t_s{0.1, 1e-12, -0.0, 1e300, 0.1 + 1e-11, -5, std::nan("")};
    const std::vector<double> power_w(t_s.size(), 1.5);
    ASSERT_OK_AND_ASSIGN(const std::string bytes, encode_series(t_s, power_w));
    ASSERT_OK_AND_ASSIGN(const SeriesColumns back, decode_series(bytes, t_s.size()));
    EXPECT_EQ(std::memcmp(back.t_s.data(), t_s.data(), t_s.size() * sizeof(double)), 0);
}

TEST(SeriesCodec, TimesOfAMeterSurviveAndTakeFewBytes) {
    std::mt19937_64 random(1);
    std::vector<double> t_s;
    std::int64_t time_ns = 0;
    for (int i = 0; i < 10'000; ++i) {
        time_ns += 100'000'000 + static_cast<std::int64_t>(random() % 50'000);
        t_s.push_back(static_cast<double>(time_ns) * 1e-9);
    }
    const std::vector<double> power_w(t_s.size(), 250);
    ASSERT_OK_AND_ASSIGN(const std::string bytes, encode_series(t_s, power_w));
    EXPECT_EQ(decode_series(bytes, t_s.size()).value().t_s, t_s);
    EXPECT_LT(bytes.size(), 3 * t_s.size()) << "17 bits of noise each";
}

TEST(SeriesCodec, NegativeStepsSurvive) {
    const std::vector<double> t_s{3, 1, 2, -7, 1e9};
    ASSERT_OK_AND_ASSIGN(const std::string bytes, encode_series(t_s, t_s));
    EXPECT_EQ(decode_series(bytes, t_s.size()).value().t_s, t_s);
}

TEST(SeriesCodec, BytesOfFormat1AreReadStill) {
    // Made with Python's zlib from the layout in docs/formats/store.md.
    const std::string bytes(
        "\x01\x78\x9c\xb3\x67\x60\xd8\x59\x20\x35\x93\x61\x15\x32\x9a\xc5\xb0\xd2\x81\xc1\x21\x84"
        "\x21\x84\x41\x40\x80\x01\x15\x00\x00\x5c\x19\x0a\x5d",
        35);
    ASSERT_OK_AND_ASSIGN(const SeriesColumns back, decode_series(bytes, 3));
    EXPECT_EQ(back.t_s, (std::vector{0.1, 0.2, 0.3}));
    EXPECT_EQ(back.power_w, (std::vector{80.0, 80.25, 0.0}));
    EXPECT_ERROR(kCorrupt, decode_series(bytes, 2), "expected 2 points");
    EXPECT_ERROR(kCorrupt, decode_series(bytes.substr(0, 30), 3), "damaged");
}

TEST(SeriesCodec, DamagedBytesAreCorrupt) {
    ASSERT_OK_AND_ASSIGN(const std::string bytes, encode_series({1, 2}, {3, 4}));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_ERROR(kCorrupt, decode_series(bytes.substr(0, size), 2), "power series") << size;
    }
    EXPECT_ERROR(kCorrupt, decode_series(bytes + "x", 2), "1 bytes too many");
    EXPECT_ERROR(kCorrupt, decode_series(bytes, 1), "damaged data");
    EXPECT_ERROR(kCorrupt, decode_series(bytes, 3), "damaged data");
    std::string unknown = bytes;
    unknown[1] = 7;
    EXPECT_ERROR(kCorrupt, decode_series(unknown, 2), "expected coding 0 or 1, found 7");
    EXPECT_ERROR(kCorrupt, decode_series(bytes, std::size_t{1} << 60U), "cannot hold");
    EXPECT_ERROR(kCorrupt, decode_series("", 0), "found no bytes");
    EXPECT_ERROR(kCorrupt, decode_series("\x07", 0), "expected format 1 or 2, found 7");
}

}  // namespace
}  // namespace finewatt
