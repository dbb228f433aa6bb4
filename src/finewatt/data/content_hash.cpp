#include "finewatt/data/content_hash.h"

#include "finewatt/base/file.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace finewatt {
namespace {

std::string digits(const void* bytes, std::size_t size) {
    const XXH128_hash_t hash = XXH3_128bits(bytes, size);
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace

std::string content_hash(std::string_view bytes) {
    return digits(bytes.data(), bytes.size());
}

Result<std::string> file_hash(const std::filesystem::path& file) {
    FINEWATT_ASSIGN(const MappedFile mapped, MappedFile::open(file));
    return digits(mapped.bytes().data(), mapped.bytes().size());
}

}  // namespace finewatt
