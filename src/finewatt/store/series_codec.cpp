#include "finewatt/store/byte_plane_internal.h"
#include "finewatt/store/series_codec_internal.h"

#include <zlib.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>

namespace finewatt {
namespace {

constexpr char kFormat1 = 1;
constexpr char kFormat2 = 2;
/// deflate's best ratio (zlib manual, "Maximum Compression Factor"): bounds what a blob can hold.
constexpr std::size_t kLargestRatio = 1032;

/// How the words of a column came from its values.
enum class Coding : char {
    kXor = 0,         ///< IEEE 754 bits, exclusive or with those of the value before
    kNanoseconds = 1  ///< whole nanoseconds, second differences, sign in the lowest bit
};

using Words = std::vector<std::uint64_t>;

// ---- Values as words whose upper bytes are mostly zero, and back

Words xor_words(const std::vector<double>& values) {
    Words words(values.size());
    std::uint64_t before = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto bits = std::bit_cast<std::uint64_t>(values[i]);
        words[i] = bits ^ before;
        before = bits;
    }
    return words;
}

std::vector<double> values_of_xor(const Words& words) {
    std::vector<double> values(words.size());
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
        bits ^= words[i];
        values[i] = std::bit_cast<double>(bits);
    }
    return values;
}

double seconds_of(std::uint64_t nanoseconds) {
    return static_cast<double>(static_cast<std::int64_t>(nanoseconds)) * 1e-9;
}

/// Second differences of the times in nanoseconds; nothing when that would change a bit of one.
std::optional<Words> nanosecond_words(const std::vector<double>& t_s) {
    constexpr double kLargest_s = 4e9;  // 127 years; their nanoseconds fit 63 bits
    Words words(t_s.size());
    std::uint64_t before = 0;
    std::uint64_t step_before = 0;
    for (std::size_t i = 0; i < t_s.size(); ++i) {
        if (!(std::abs(t_s[i]) < kLargest_s)) {
            return std::nullopt;
        }
        const auto time = static_cast<std::uint64_t>(std::llround(t_s[i] * 1e9));
        if (std::bit_cast<std::uint64_t>(seconds_of(time)) !=
            std::bit_cast<std::uint64_t>(t_s[i])) {
            return std::nullopt;
        }
        const std::uint64_t step = time - before;
        const auto change = static_cast<std::int64_t>(step - step_before);
        words[i] =
            (static_cast<std::uint64_t>(change) << 1U) ^ static_cast<std::uint64_t>(change >> 63);
        before = time;
        step_before = step;
    }
    return words;
}

std::vector<double> values_of_nanoseconds(const Words& words) {
    std::vector<double> t_s(words.size());
    std::uint64_t time = 0;
    std::uint64_t step = 0;
    for (std::size_t i = 0; i < words.size(); ++i) {
        step += (words[i] >> 1U) ^ (0U - (words[i] & 1U));
        time += step;
        t_s[i] = seconds_of(time);
    }
    return t_s;
}

void append_column(std::string& out, const Words& words, Coding coding) {
    out.push_back(static_cast<char>(coding));
    append_planes(out, words);
}

Result<std::vector<double>> read_column(std::string_view& bytes, std::size_t count) {
    if (bytes.empty()) {
        return FINEWATT_ERROR(kCorrupt, "power series: other or damaged data: a column is missing");
    }
    const auto coding = static_cast<Coding>(bytes.front());
    bytes.remove_prefix(1);
    FINEWATT_ASSIGN(const Words words, read_planes(bytes, count));
    switch (coding) {
        case Coding::kXor:
            return values_of_xor(words);
        case Coding::kNanoseconds:
            return values_of_nanoseconds(words);
    }
    return FINEWATT_ERROR(kCorrupt,
                          "power series: other or damaged data: expected coding 0 or 1, found {}",
                          static_cast<int>(coding));
}

Result<SeriesColumns> decode_format_2(std::string_view bytes, std::size_t points) {
    FINEWATT_ASSIGN(std::vector<double> t_s, read_column(bytes, points));
    FINEWATT_ASSIGN(std::vector<double> power_w, read_column(bytes, points));
    if (!bytes.empty()) {
        return FINEWATT_ERROR(kCorrupt,
                              "power series: expected {} points, found other or damaged data "
                              "({} bytes too many)",
                              points, bytes.size());
    }
    return SeriesColumns{std::move(t_s), std::move(power_w)};
}

/// Format 1: both columns as planes of xor words, in one zlib stream.
Result<SeriesColumns> decode_format_1(std::string_view bytes, std::size_t points) {
    const std::size_t column = points * sizeof(double);
    std::string planes(2 * column, '\0');
    auto size = static_cast<uLongf>(planes.size());
    const int code =
        uncompress(reinterpret_cast<Bytef*>(planes.data()), &size,
                   reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()));
    if (code != Z_OK || size != planes.size()) {
        return FINEWATT_ERROR(kCorrupt,
                              "power series: expected {} points, found other or damaged "
                              "data (zlib code {}, {} bytes)",
                              points, code, size);
    }
    const std::string_view all = planes;
    return SeriesColumns{values_of_xor(join_planes(all.substr(0, column), points)),
                         values_of_xor(join_planes(all.substr(column), points))};
}

}  // namespace

Result<std::string> encode_series(const std::vector<double>& t_s,
                                  const std::vector<double>& power_w) {
    if (t_s.size() != power_w.size()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "power series: expected as many times as powers, found {} and {}",
                              t_s.size(), power_w.size());
    }
    std::string bytes(1, kFormat2);
    if (const std::optional<Words> times = nanosecond_words(t_s)) {
        append_column(bytes, *times, Coding::kNanoseconds);
    } else {
        append_column(bytes, xor_words(t_s), Coding::kXor);
    }
    append_column(bytes, xor_words(power_w), Coding::kXor);
    return bytes;
}

Result<SeriesColumns> decode_series(std::string_view bytes, std::size_t points) {
    if (bytes.empty() || (bytes.front() != kFormat1 && bytes.front() != kFormat2)) {
        return FINEWATT_ERROR(kCorrupt, "power series: expected format {} or {}, found {}",
                              static_cast<int>(kFormat1), static_cast<int>(kFormat2),
                              bytes.empty() ? std::string("no bytes")
                                            : fmt::format("{}", static_cast<int>(bytes.front())));
    }
    if (points > bytes.size() * kLargestRatio / (2 * sizeof(double))) {
        return FINEWATT_ERROR(kCorrupt, "power series: {} bytes cannot hold {} points",
                              bytes.size(), points);
    }
    const std::string_view content = bytes.substr(1);
    return bytes.front() == kFormat1 ? decode_format_1(content, points)
                                     : decode_format_2(content, points);
}

}  // namespace finewatt
