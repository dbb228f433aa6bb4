// StubLibrary: a stub of a vendor's library, opened in the test beside the code under test, which
// opens the same file. Both see one state; each test starts from a fresh one. Test-only.
#pragma once

#include "finewatt/base/check.h"
#include "finewatt/base/dyn_lib.h"

#include <optional>
#include <string>

namespace finewatt {

/// Gives a test the state that the stub answers from.
template <class State>
class StubLibrary {
  public:
    StubLibrary(const std::string& path, const char* state_function) {
        Result<DynLib> library = DynLib::open(path);
        FINEWATT_CHECK(library.has_value(), "the stub library must be built beside the test");
        library_.emplace(std::move(*library));
        const auto get = library_->symbol<State* (*)()>(state_function);
        FINEWATT_CHECK(get != nullptr, "the stub library must export its state");
        state_ = get();
        *state_ = State{};
    }

    State* operator->() { return state_; }

    State& operator*() { return *state_; }

  private:
    std::optional<DynLib> library_;
    State* state_ = nullptr;
};

}  // namespace finewatt
