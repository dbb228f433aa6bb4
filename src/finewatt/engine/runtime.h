// The machine side of LibTorch: threads, version, and what the process should set up once. Free of
// LibTorch headers, so that programs can include it.
#pragma once

#include <cstdint>
#include <string>

namespace finewatt {

/// Set the number of threads for all computing and switch denormal numbers off. 0 = one per core
/// that this process may use. Returns the number set. Call once, first, from the main thread.
int start_runtime(std::int64_t threads);

/// Return LibTorch's version, e.g. "2.13.0".
std::string torch_version();

}  // namespace finewatt
