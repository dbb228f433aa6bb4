// DynLib: a shared library opened at run time (vendor libraries such as NVML), so that the program
// starts without them.
#pragma once

#include "finewatt/base/result.h"

#include <memory>
#include <string>

namespace finewatt {

/// Owns one dlopen handle. Symbols are valid as long as the object lives. Not thread-safe.
class DynLib {
  public:
    /// Open by soname or path. Error: not found, with dlerror's text.
    static Result<DynLib> open(const std::string& name);

    /// Return the symbol as a function pointer of type F, or nullptr when it is absent.
    template <class F>
    F symbol(const char* name) const {
        return reinterpret_cast<F>(find(name));
    }

  private:
    struct Close {
        void operator()(void* handle) const;
    };

    explicit DynLib(void* handle) : handle_(handle) {}

    void* find(const char* name) const;

    std::unique_ptr<void, Close> handle_;
};

}  // namespace finewatt
