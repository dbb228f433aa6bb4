#include "finewatt/meter/trace_fast_line_internal.h"
#include "finewatt/meter/trace_line_internal.h"

#include <cstring>
#include <utility>

namespace finewatt {
namespace {

/// Skip `expected` and one space after it; null when something else is there.
template <std::size_t kSize>
const char* skip(const char* at, const char (&expected)[kSize]) {
    static_assert(kSize <= kTraceLinePadding, "must be readable behind the last line");
    if (std::memcmp(at, expected, kSize - 1) != 0) {
        return nullptr;
    }
    at += kSize - 1;
    return *at == ' ' ? at + 1 : at;
}

/// Read an integer of at most `kMostDigits` digits, as JSON writes it.
template <int kMostDigits>
const char* read_digits(const char* at, std::uint64_t& value) {
    const char* const begin = at;
    std::uint64_t number = 0;
    while (*at >= '0' && *at <= '9') {
        number = number * 10 + static_cast<std::uint64_t>(*at - '0');
        ++at;
        if (at - begin > kMostDigits) {
            return nullptr;
        }
    }
    if (at == begin || (*begin == '0' && at - begin > 1)) {
        return nullptr;
    }
    value = number;
    return at;
}

}  // namespace

FastLineParser::FastLineParser(std::vector<std::string> ids)
    : ids_(std::move(ids)),
      next_after_(ids_.size(), 0) {
    for (std::size_t i = 0; i < ids_.size(); ++i) {
        index_.emplace(ids_[i], i);
    }
}

const char* FastLineParser::parse(const char* text, FastReading& reading) {
    if (ids_.empty()) {
        return nullptr;
    }
    std::uint64_t t_ns = 0;
    const char* at = skip(text, "{\"t_ns\":");
    at = at == nullptr ? nullptr : read_digits<18>(at, t_ns);
    at = at == nullptr ? nullptr : skip(at, ",");
    at = at == nullptr ? nullptr : skip(at, "\"id\":");
    at = at == nullptr ? nullptr : parse_id(at, reading.channel);
    at = at == nullptr ? nullptr : skip(at, ",");
    at = at == nullptr ? nullptr : skip(at, "\"raw\":");
    at = at == nullptr ? nullptr : read_digits<19>(at, reading.raw);
    if (at == nullptr || at[0] != '}' || at[1] != '\n') {
        return nullptr;
    }
    reading.t_ns = static_cast<std::int64_t>(t_ns);
    return at + 2;
}

const char* FastLineParser::parse_id(const char* at, std::size_t& channel) {
    if (*at != '"') {
        return nullptr;
    }
    ++at;
    // Channels come in the same order round after round.
    const std::size_t guess = next_after_[last_];
    const std::string& expected = ids_[guess];
    if (expected.size() < kTraceLinePadding &&
        std::memcmp(at, expected.data(), expected.size()) == 0 && at[expected.size()] == '"') {
        channel = guess;
        last_ = guess;
        return at + expected.size() + 1;
    }
    const char* end = at;
    while (*end != '"' && *end != '\\' && *end != '\n' && *end != '\0') {
        ++end;
    }
    const auto found = index_.find(std::string_view(at, static_cast<std::size_t>(end - at)));
    if (*end != '"' || found == index_.end()) {
        return nullptr;
    }
    channel = found->second;
    next_after_[last_] = channel;
    last_ = channel;
    return end + 1;
}

}  // namespace finewatt
