#include "finewatt/base/check.h"
#include "finewatt/base/file.h"
#include "finewatt/data/feature_arrays_internal.h"
#include "finewatt/data/feature_cache_file_internal.h"

#include <fcntl.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <xxhash.h>

namespace finewatt {
namespace {

static_assert(std::endian::native == std::endian::little, "the file's numbers are little-endian");

constexpr std::array<char, 8> kMagic = {'F', 'W', 'F', 'E', 'A', 'T', 'S', '\n'};
/// Changes whenever the layout, or what the arrays mean, changes.
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kKeyDigits = 32;

/// The first bytes of a file.
struct Header {
    std::array<char, 8> magic = kMagic;
    std::uint32_t version = kVersion;
    std::uint32_t kind = 0;
    std::array<char, kKeyDigits> key{};
    std::uint64_t features = 0;
    std::uint64_t tokens = 0;
    std::uint64_t checksum = 0;  ///< XXH3 (64 bits) of everything behind the header
};

static_assert(sizeof(Header) == 72, "the header has no holes");

Error broken(std::string_view expected) {
    return FINEWATT_ERROR(kCorrupt, "expected {}", expected);
}

std::size_t column_values(const FeatureColumn& column, const Header& header) {
    return column.is_per_token ? header.tokens : header.features;
}

/// Arrays begin at multiples of 8 bytes.
constexpr std::size_t padded(std::size_t bytes) {
    return (bytes + 7) / 8 * 8;
}

/// Bytes behind the header, or nothing when they are more than a file can have.
std::optional<std::size_t> payload_size(const Header& header) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 40;
    if (header.features > kMost || header.tokens > kMost) {
        return std::nullopt;
    }
    std::size_t size = (2 * header.features + 1) * sizeof(std::int64_t);
    for (const FeatureColumn& column : kFeatureColumns) {
        if (column.is_of(static_cast<TaskKind>(header.kind))) {
            size += padded(column_values(column, header) * sizeof(std::int32_t));
        }
    }
    return size;
}

/// Cuts the payload into arrays.
class ArrayCutter {
  public:
    explicit ArrayCutter(std::span<const std::byte> bytes) : bytes_(bytes) {}

    /// The mapping begins at a page and every array at a multiple of 8, so the cast is aligned.
    template <class Value>
    std::span<const Value> next(std::size_t count) {
        const auto* begin = reinterpret_cast<const Value*>(bytes_.data());
        bytes_ = bytes_.subspan(padded(count * sizeof(Value)));
        return {begin, count};
    }

  private:
    std::span<const std::byte> bytes_;
};

FeatureArrays cut_arrays(std::span<const std::byte> payload, const Header& header) {
    ArrayCutter cutter(payload);
    FeatureArrays arrays;
    arrays.kind = static_cast<TaskKind>(header.kind);
    arrays.begins = cutter.next<std::int64_t>(header.features + 1);
    arrays.examples = cutter.next<std::int64_t>(header.features);
    for (const FeatureColumn& column : kFeatureColumns) {
        if (column.is_of(arrays.kind)) {
            arrays.*column.array = cutter.next<std::int32_t>(column_values(column, header));
        }
    }
    return arrays;
}

Result<Header> read_header(std::span<const std::byte> bytes, const std::string& key) {
    Header header;
    if (bytes.size() < sizeof(Header)) {
        return broken("a header of 72 bytes");
    }
    std::memcpy(&header, bytes.data(), sizeof(Header));
    if (header.magic != kMagic || header.version != kVersion) {
        return broken("the mark and version of this program's features");
    }
    if (header.kind > static_cast<std::uint32_t>(TaskKind::kQuestionAnswering) ||
        std::string_view(header.key.data(), header.key.size()) != key) {
        return broken("the key that its name says");
    }
    const std::optional<std::size_t> size = payload_size(header);
    if (!size || *size != bytes.size() - sizeof(Header)) {
        return broken("the size that its header says");
    }
    return header;
}

/// Check what reading relies on.
Status check_begins(const FeatureArrays& arrays) {
    std::int64_t last = 0;
    for (const std::int64_t begin : arrays.begins) {
        if (begin < last) {
            return broken("features one behind the other");
        }
        last = begin;
    }
    if (arrays.begins.front() != 0 || last != static_cast<std::int64_t>(arrays.ids.size())) {
        return broken("features that cover all tokens");
    }
    return {};
}

std::string_view bytes_of(const void* data, std::size_t size) {
    return {static_cast<const char*>(data), size};
}

/// Writes pieces and sums them up.
class PayloadWriter {
  public:
    explicit PayloadWriter(int fd) : fd_(fd) { XXH3_64bits_reset(&state_); }

    template <class Value>
    Status write(std::span<const Value> values) {
        FINEWATT_TRY(write_bytes(bytes_of(values.data(), values.size_bytes())));
        constexpr std::array<char, 8> kZeros{};
        return write_bytes({kZeros.data(), padded(values.size_bytes()) - values.size_bytes()});
    }

    std::uint64_t checksum() const { return XXH3_64bits_digest(&state_); }

  private:
    Status write_bytes(std::string_view bytes) {
        XXH3_64bits_update(&state_, bytes.data(), bytes.size());
        return write_all(fd_, bytes);
    }

    int fd_;
    XXH3_state_t state_{};
};

/// A file that is deleted again unless it gets its name.
class TemporaryFile {
  public:
    explicit TemporaryFile(const std::filesystem::path& target)
        : name_(target.string() + ".XXXXXX"),
          fd_(::mkostemp(name_.data(), O_CLOEXEC)) {}

    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    ~TemporaryFile() {
        if (fd_.is_open()) {
            ::unlink(name_.c_str());
        }
    }

    const ScopedFd& fd() const { return fd_; }

    Status rename_to(const std::filesystem::path& target) {
        if (::rename(name_.c_str(), target.c_str()) != 0) {
            return error_from_errno(errno, "rename");
        }
        fd_.reset();
        return {};
    }

  private:
    std::string name_;
    ScopedFd fd_;
};

}  // namespace

Result<FeatureSet> FeatureCacheFile::open(const std::filesystem::path& file,
                                          const std::string& key) {
    FINEWATT_ASSIGN(MappedFile mapped, MappedFile::open(file));
    const std::span<const std::byte> bytes = mapped.bytes();
    FINEWATT_ASSIGN(const Header header, read_header(bytes, key));
    const std::span<const std::byte> payload = bytes.subspan(sizeof(Header));
    if (XXH3_64bits(payload.data(), payload.size()) != header.checksum) {
        return broken("the checksum that its header says");
    }
    auto storage = std::make_unique<FeatureSet::Storage>();
    storage->arrays = cut_arrays(payload, header);
    FINEWATT_TRY(check_begins(storage->arrays));
    storage->file = std::move(mapped);
    return FeatureSet(std::move(storage));
}

Status FeatureCacheFile::write(const std::filesystem::path& file, const std::string& key,
                               const FeatureSet& features) {
    FINEWATT_CHECK(key.size() == kKeyDigits, "a key has 32 digits");
    const FeatureArrays& arrays = features.arrays();
    Header header;
    header.kind = static_cast<std::uint32_t>(arrays.kind);
    std::memcpy(header.key.data(), key.data(), kKeyDigits);
    header.features = features.size();
    header.tokens = arrays.ids.size();

    TemporaryFile temporary(file);
    const int fd = temporary.fd().get();
    if (fd < 0) {
        return error_from_errno(errno, "create a temporary file");
    }
    // The header comes last, when the checksum is known.
    if (::lseek(fd, sizeof(Header), SEEK_SET) < 0) {
        return error_from_errno(errno, "seek");
    }
    PayloadWriter writer(fd);
    FINEWATT_TRY(writer.write(arrays.begins));
    FINEWATT_TRY(writer.write(arrays.examples));
    for (const FeatureColumn& column : kFeatureColumns) {
        if (column.is_of(arrays.kind)) {
            FINEWATT_TRY(writer.write(arrays.*column.array));
        }
    }
    header.checksum = writer.checksum();
    if (::pwrite(fd, &header, sizeof(Header), 0) != static_cast<ssize_t>(sizeof(Header))) {
        return error_from_errno(errno, "write the header");
    }
    return temporary.rename_to(file);
}

}  // namespace finewatt
