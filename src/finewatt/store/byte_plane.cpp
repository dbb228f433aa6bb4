#include "finewatt/store/byte_plane_internal.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>
#include <utility>

namespace finewatt {
namespace {

constexpr std::size_t kPlanes = sizeof(std::uint64_t);
/// What stands before a plane.
constexpr char kAsIs = 0;
constexpr char kDeflated = 1;
/// A plane whose bytes carry more than this many bits each is noise: deflate would save nothing.
constexpr double kNoiseBits = 7.6;
constexpr std::size_t kLengthBytes = 4;

/// Shannon's entropy of single bytes, in bits.
double entropy_bits(std::string_view bytes) {
    std::array<std::size_t, 256> counts{};
    for (const char byte : bytes) {
        ++counts[static_cast<std::uint8_t>(byte)];
    }
    double bits = 0;
    for (const std::size_t count : counts) {
        if (count > 0) {
            const double share = static_cast<double>(count) / static_cast<double>(bytes.size());
            bits -= share * std::log2(share);
        }
    }
    return bits;
}

/// zlib's logarithm of the window for this many bytes. zlib clears memory for the whole window at
/// each start, 256 KB with the largest, which is most of the work for a short plane.
int window_bits(std::size_t bytes) {
    constexpr int kLeast = 9;
    constexpr int kMost = 15;
    return std::clamp(static_cast<int>(std::bit_width(bytes)), kLeast, kMost);
}

/// Run lengths and Huffman codes, without deflate's search for longer repeats, which readings
/// seldom have. Nothing when zlib has no memory.
std::optional<std::string> deflate_runs(std::string_view bytes) {
    z_stream stream{};
    const int window = window_bits(bytes.size());
    const int memory_level = window - 6;  // from 3 to zlib's largest, 9
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window, memory_level, Z_RLE) !=
        Z_OK) {
        return std::nullopt;
    }
    std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
    // zlib reads its input only, though the member is not const.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int code = deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return code == Z_STREAM_END ? std::optional(std::move(out)) : std::nullopt;
}

void append_plane(std::string& out, std::string_view plane) {
    if (entropy_bits(plane) <= kNoiseBits) {
        const std::optional<std::string> packed = deflate_runs(plane);
        if (packed && packed->size() + kLengthBytes < plane.size()) {
            out.push_back(kDeflated);
            for (std::size_t byte = 0; byte < kLengthBytes; ++byte) {
                out.push_back(
                    static_cast<char>(static_cast<std::uint8_t>(packed->size() >> (8U * byte))));
            }
            out.append(*packed);
            return;
        }
    }
    out.push_back(kAsIs);
    out.append(plane);
}

Error damaged(std::string_view what) {
    return FINEWATT_ERROR(kCorrupt, "power series: other or damaged data: {}", what);
}

/// Take one plane of `plane.size()` bytes off the front of `bytes`.
Status read_plane(std::string_view& bytes, std::string& plane) {
    if (bytes.empty()) {
        return damaged("a plane is missing");
    }
    const char kind = bytes.front();
    bytes.remove_prefix(1);
    if (kind == kAsIs) {
        if (bytes.size() < plane.size()) {
            return damaged("a plane is cut");
        }
        plane.assign(bytes.substr(0, plane.size()));
        bytes.remove_prefix(plane.size());
        return {};
    }
    if (kind != kDeflated || bytes.size() < kLengthBytes) {
        return damaged("a plane has no known form");
    }
    std::size_t size = 0;
    for (std::size_t byte = 0; byte < kLengthBytes; ++byte) {
        size |= static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[byte])) << (8U * byte);
    }
    bytes.remove_prefix(kLengthBytes);
    if (bytes.size() < size) {
        return damaged("a plane is cut");
    }
    auto got = static_cast<uLongf>(plane.size());
    const int code =
        uncompress(reinterpret_cast<Bytef*>(plane.data()), &got,
                   reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(size));
    if (code != Z_OK || got != plane.size()) {
        return damaged(fmt::format("zlib code {}, {} of {} bytes", code, got, plane.size()));
    }
    bytes.remove_prefix(size);
    return {};
}

}  // namespace

void append_planes(std::string& out, const std::vector<std::uint64_t>& words) {
    std::string plane(words.size(), '\0');
    for (std::size_t i = 0; i < kPlanes; ++i) {
        const std::size_t shift = 8 * (kPlanes - 1 - i);
        std::transform(words.begin(), words.end(), plane.begin(), [shift](std::uint64_t word) {
            return static_cast<char>(static_cast<std::uint8_t>(word >> shift));
        });
        append_plane(out, plane);
    }
}

Result<std::vector<std::uint64_t>> read_planes(std::string_view& bytes, std::size_t count) {
    std::vector<std::uint64_t> words(count);
    std::string plane(count, '\0');
    for (std::size_t i = 0; i < kPlanes; ++i) {
        FINEWATT_TRY(read_plane(bytes, plane));
        for (std::size_t j = 0; j < count; ++j) {
            words[j] = (words[j] << 8U) | static_cast<std::uint8_t>(plane[j]);
        }
    }
    return words;
}

std::vector<std::uint64_t> join_planes(std::string_view planes, std::size_t count) {
    std::vector<std::uint64_t> words(count);
    for (std::size_t i = 0; i < kPlanes; ++i) {
        for (std::size_t j = 0; j < count; ++j) {
            words[j] = (words[j] << 8U) | static_cast<std::uint8_t>(planes[i * count + j]);
        }
    }
    return words;
}

}  // namespace finewatt
