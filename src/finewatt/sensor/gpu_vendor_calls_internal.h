// What the adapters of vendors' libraries do alike: open the library under one of its names, and
// list through calls that fill an array after its size was asked for.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/sensor/probe.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

namespace finewatt {

/// Open the library that `variable` names, else the first of `names` that is there. A package
/// without development files has the name with the major version only. Errors: those of
/// Library::open; where none is there, the first name's.
template <class Library>
Result<std::shared_ptr<const Library>> open_library(const EnvLookup& env, const char* variable,
                                                    std::initializer_list<const char*> names) {
    if (const auto name = env(variable)) {
        return Library::open(*name);
    }
    Result<std::shared_ptr<const Library>> first = Library::open(*names.begin());
    for (const char* name : names) {
        if (first || first.error().code() != ErrorCode::kNotFound) {
            break;
        }
        Result<std::shared_ptr<const Library>> next = Library::open(name);
        if (next || next.error().code() != ErrorCode::kNotFound) {
            return next;
        }
    }
    return first;
}

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
