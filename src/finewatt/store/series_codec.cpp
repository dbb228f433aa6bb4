#include "finewatt/store/series_codec_internal.h"

#include <zlib.h>

#include <bit>
#include <cstdint>

namespace finewatt {
namespace {

constexpr char kFormat = 1;
constexpr std::size_t kBytesPerDouble = sizeof(double);
/// deflate's best ratio (zlib manual, "Maximum Compression Factor"): bounds what a blob can hold.
constexpr std::size_t kLargestRatio = 1032;

/// Append each double's bits xor those of the one before, as eight planes: first the top byte of
/// every value, last the bottom byte. Neighbours are alike, so the upper planes are mostly zero.
void append_planes(std::string& out, const std::vector<double>& values) {
    const std::size_t begin = out.size();
    const std::size_t count = values.size();
    out.resize(begin + count * kBytesPerDouble);
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto bits = std::bit_cast<std::uint64_t>(values[i]);
        const std::uint64_t change = bits ^ before;
        before = bits;
        for (std::size_t plane = 0; plane < kBytesPerDouble; ++plane) {
            const auto byte = static_cast<std::uint8_t>(change >> (56U - 8U * plane));
            out[begin + plane * count + i] = static_cast<char>(byte);
        }
    }
}

std::vector<double> read_planes(std::string_view bytes, std::size_t count) {
    std::vector<double> values(count);
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < count; ++i) {
        std::uint64_t change = 0;
        for (std::size_t plane = 0; plane < kBytesPerDouble; ++plane) {
            change = (change << 8U) | static_cast<std::uint8_t>(bytes[plane * count + i]);
        }
        before ^= change;
        values[i] = std::bit_cast<double>(before);
    }
    return values;
}

}  // namespace

Result<std::string> encode_series(const std::vector<double>& t_s,
                                  const std::vector<double>& power_w) {
    if (t_s.size() != power_w.size()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "power series: expected as many times as powers, found {} and {}",
                              t_s.size(), power_w.size());
    }
    std::string planes;
    append_planes(planes, t_s);
    append_planes(planes, power_w);
    uLongf size = compressBound(static_cast<uLong>(planes.size()));
    std::string bytes(1 + size, kFormat);
    const int code = compress2(reinterpret_cast<Bytef*>(bytes.data() + 1), &size,
                               reinterpret_cast<const Bytef*>(planes.data()),
                               static_cast<uLong>(planes.size()), Z_DEFAULT_COMPRESSION);
    if (code != Z_OK) {
        return FINEWATT_ERROR(kInternal, "power series: zlib failed with code {}", code);
    }
    bytes.resize(1 + size);
    return bytes;
}

Result<SeriesColumns> decode_series(std::string_view bytes, std::size_t points) {
    if (bytes.empty() || bytes.front() != kFormat) {
        return FINEWATT_ERROR(kCorrupt, "power series: expected format {}, found {}",
                              static_cast<int>(kFormat),
                              bytes.empty() ? std::string("no bytes")
                                            : fmt::format("{}", static_cast<int>(bytes.front())));
    }
    const std::size_t column = points * kBytesPerDouble;
    if (points > bytes.size() * kLargestRatio / (2 * kBytesPerDouble)) {
        return FINEWATT_ERROR(kCorrupt, "power series: {} bytes cannot hold {} points",
                              bytes.size(), points);
    }
    std::string planes(2 * column, '\0');
    auto size = static_cast<uLongf>(planes.size());
    const int code = uncompress(reinterpret_cast<Bytef*>(planes.data()), &size,
                                reinterpret_cast<const Bytef*>(bytes.data() + 1),
                                static_cast<uLong>(bytes.size() - 1));
    if (code != Z_OK || size != planes.size()) {
        return FINEWATT_ERROR(kCorrupt,
                              "power series: expected {} points, found other or damaged "
                              "data (zlib code {}, {} bytes)",
                              points, code, size);
    }
    const std::string_view all = planes;
    return SeriesColumns{read_planes(all.substr(0, column), points),
                         read_planes(all.substr(column), points)};
}

}  // namespace finewatt
