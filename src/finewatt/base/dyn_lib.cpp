#include "finewatt/base/dyn_lib.h"

#include <dlfcn.h>

namespace finewatt {

Result<DynLib> DynLib::open(const std::string& name) {
    void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const char* why = ::dlerror();  // per thread in glibc
        return FINEWATT_ERROR(kNotFound, "{}: cannot be opened: {}", name,
                              why != nullptr ? why : "no reason given");
    }
    return DynLib(handle);
}

void DynLib::Close::operator()(void* handle) const {
    ::dlclose(handle);
}

void* DynLib::find(const char* name) const {
    return ::dlsym(handle_.get(), name);
}

}  // namespace finewatt
