// Listing through the calls of vendors' libraries that fill an array after its size was asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace finewatt {

/// Return the handles that `call(count, handles)` gives; it takes a null array to ask for the count
/// and returns 0 on success, as AMD SMI's and Level Zero's calls do. Empty after a failure.
template <class Call>
std::vector<void*> list_handles(const Call& call) {
    constexpr std::uint32_t kMost = 4096;
    std::uint32_t count = 0;
    if (call(&count, nullptr) != 0 || count == 0 || count > kMost) {
        return {};
    }
    std::vector<void*> handles(count);
    if (call(&count, handles.data()) != 0) {
        return {};
    }
    handles.resize(std::min<std::size_t>(count, handles.size()));
    return handles;
}

}  // namespace finewatt
