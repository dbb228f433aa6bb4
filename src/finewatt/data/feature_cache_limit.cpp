#include "finewatt/base/log.h"
#include "finewatt/data/feature_cache_limit_internal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>
#include <string>
#include <vector>

namespace finewatt {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kKeyDigits = 32;
/// mkostemp puts a point and six characters behind the key.
constexpr std::size_t kTemporaryDigits = kKeyDigits + 7;
constexpr std::chrono::hours kOldestTemporary{24};

/// Features of one data set in the folder.
struct CachedFile {
    fs::path path;
    fs::file_time_type used{};
    std::int64_t size_bytes = 0;
};

bool begins_with_a_key(std::string_view name) {
    return name.size() >= kKeyDigits &&
           std::all_of(name.begin(), name.begin() + kKeyDigits,
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_cached_file(std::string_view name) {
    return name.size() == kKeyDigits && begins_with_a_key(name);
}

bool is_temporary_file(std::string_view name) {
    return name.size() == kTemporaryDigits && name[kKeyDigits] == '.' && begins_with_a_key(name);
}

/// Return the features in the folder; temporary files of writers that died are deleted on the way.
std::vector<CachedFile> look_through(const fs::path& folder) {
    std::vector<CachedFile> files;
    std::error_code error;
    const auto now = fs::file_time_type::clock::now();
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
        const std::string name = it->path().filename().string();
        std::error_code gone;  // another process may delete a file at any moment
        if (!it->is_regular_file(gone) || gone) {
            continue;
        }
        const auto used = it->last_write_time(gone);
        const auto size = it->file_size(gone);
        if (gone) {
            continue;
        }
        if (is_cached_file(name)) {
            files.push_back({it->path(), used, static_cast<std::int64_t>(size)});
        } else if (is_temporary_file(name) && now - used > kOldestTemporary) {
            fs::remove(it->path(), gone);
        }
    }
    return files;
}

/// Return by how many bits K, M, G or T shifts; nothing for another letter.
int shift_of(std::string_view unit) {
    constexpr std::string_view kLetters = "KMGT";
    if (unit.empty()) {
        return 0;
    }
    const std::size_t place = kLetters.find(unit.front());
    const std::string_view rest = unit.substr(1);
    if (place == std::string_view::npos || !(rest.empty() || rest == "iB")) {
        return -1;
    }
    return 10 * (static_cast<int>(place) + 1);
}

}  // namespace

Result<std::int64_t> parse_cache_limit(std::string_view text) {
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, number);
    const int shift = shift_of({rest, static_cast<std::size_t>(end - rest)});
    if (error != std::errc() || number < 0 || shift < 0 ||
        number > std::numeric_limits<std::int64_t>::max() >> shift) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected a size in bytes or with K, M, G or T, such as 4G, found "
                              "'{}'",
                              text);
    }
    return number << shift;
}

void mark_as_used(const fs::path& file) {
    static_cast<void>(::utimensat(AT_FDCWD, file.c_str(), nullptr, 0));
}

void keep_below_limit(const fs::path& folder, std::int64_t limit_bytes) {
    std::vector<CachedFile> files = look_through(folder);
    std::sort(files.begin(), files.end(), [](const CachedFile& a, const CachedFile& b) {
        return a.used != b.used ? a.used > b.used : a.path < b.path;
    });
    std::int64_t sum_bytes = 0;
    for (const CachedFile& file : files) {  // the last used first; each stays that still fits
        if (file.size_bytes <= limit_bytes - sum_bytes) {
            sum_bytes += file.size_bytes;
            continue;
        }
        std::error_code ignored;
        fs::remove(file.path, ignored);
        log_debug(
            fmt::format("cached features {} were deleted: the cache is full", file.path.string()));
    }
}

}  // namespace finewatt
