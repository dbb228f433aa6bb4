#include "finewatt/record/ulid.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace finewatt {
namespace {

/// Crockford's base 32: digits and capital letters without I, L, O and U.
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kIdLength = 26;
constexpr std::size_t kTimeLength = 10;
constexpr std::uint64_t kLargestTimeMs = (std::uint64_t{1} << 48) - 1;

Status fill_random(std::array<std::uint8_t, 10>& bytes) {
    std::size_t filled = 0;
    while (filled < bytes.size()) {
        const ssize_t n = ::getrandom(bytes.data() + filled, bytes.size() - filled, 0);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return error_from_errno(errno, "random bytes for a run id");
        }
        filled += static_cast<std::size_t>(n);
    }
    return {};
}

/// Add one to the 80-bit number, most significant byte first. Return false on overflow.
bool increment(std::array<std::uint8_t, 10>& bytes) {
    for (auto it = bytes.rbegin(); it != bytes.rend(); ++it) {
        if (++*it != 0) {
            return true;
        }
    }
    return false;
}

std::string encode_id(std::uint64_t time_ms, const std::array<std::uint8_t, 10>& random) {
    std::string id(kIdLength, '0');
    for (std::size_t i = kTimeLength; i-- > 0; time_ms >>= 5U) {
        id[i] = kAlphabet[time_ms & 31U];
    }
    // 80 bits are 16 characters of 5 bits, taken from the left.
    std::uint32_t pending = 0;
    unsigned pending_bits = 0;
    std::size_t next = kTimeLength;
    for (const std::uint8_t byte : random) {
        pending = (pending << 8U) | byte;
        pending_bits += 8;
        while (pending_bits >= 5) {
            pending_bits -= 5;
            id[next++] = kAlphabet[(pending >> pending_bits) & 31U];
        }
    }
    return id;
}

}  // namespace

Result<std::string> UlidGenerator::next() {
    const std::lock_guard lock(mutex_);
    const std::int64_t now_ns = clock_.wall_now().as_unix_ns();
    const std::uint64_t now_ms = std::min(
        static_cast<std::uint64_t>(std::max<std::int64_t>(now_ns, 0)) / 1'000'000, kLargestTimeMs);
    if (owner_ != ::getpid() || now_ms > last_ms_) {
        FINEWATT_TRY(fill_random(random_));
        // In a forked child the time may not fall behind the parent's last id.
        last_ms_ = std::max(now_ms, last_ms_);
        owner_ = ::getpid();
    } else if (!increment(random_)) {
        return FINEWATT_ERROR(kInternal, "run id: no id is left in this millisecond; try again");
    }
    return encode_id(last_ms_, random_);
}

bool is_ulid(std::string_view text) {
    // 48 bits of time in 10 characters leave the first one at 7 or below.
    return text.size() == kIdLength && text.front() <= '7' &&
           text.find_first_not_of(kAlphabet) == std::string_view::npos;
}

Result<WallTime> ulid_time(std::string_view id) {
    if (!is_ulid(id)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "run id: expected a ULID (26 characters of base 32), found '{}'", id);
    }
    std::uint64_t time_ms = 0;
    for (const char c : id.substr(0, kTimeLength)) {
        time_ms = (time_ms << 5U) | kAlphabet.find(c);
    }
    constexpr std::uint64_t kLargestNs = std::uint64_t{1} << 63U;
    if (time_ms >= kLargestNs / 1'000'000) {
        return FINEWATT_ERROR(kInvalidArgument, "run id: '{}' lies after the year 2262", id);
    }
    return WallTime::from_unix_ns(static_cast<std::int64_t>(time_ms * 1'000'000));
}

}  // namespace finewatt
