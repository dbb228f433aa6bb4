// The edge where LibTorch's exceptions become errors.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/engine/torch_internal.h"

#include <exception>
#include <new>
#include <string_view>

namespace finewatt {

/// Call `work`, which returns Result<T>, and turn an exception into an error: io when memory ran
/// out, internal for everything else.
template <class T, class Work>
Result<T> without_exceptions(std::string_view what, Work work) {
    try {
        return work();
    } catch (const c10::OutOfMemoryError& e) {
        return FINEWATT_ERROR(kIo, "{}: {}; use a smaller --batch or --max-length", what,
                              e.what_without_backtrace());
    } catch (const c10::Error& e) {
        const std::string_view message = e.what_without_backtrace();
        if (message.find("not enough memory") != std::string_view::npos) {
            return FINEWATT_ERROR(kIo, "{}: {}; use a smaller --batch or --max-length", what,
                                  message);
        }
        return FINEWATT_ERROR(kInternal, "{}: LibTorch failed: {}", what, message);
    } catch (const std::bad_alloc&) {
        return FINEWATT_ERROR(kIo, "{}: out of memory; use a smaller --batch or --max-length",
                              what);
    } catch (const std::exception& e) {
        return FINEWATT_ERROR(kInternal, "{}: {}", what, e.what());
    }
}

}  // namespace finewatt
