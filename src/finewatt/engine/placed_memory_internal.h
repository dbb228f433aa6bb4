// PlacedMemory: makes an operator of LibTorch write its result into given memory. Some operators
// (oneDNN's linear) only return fresh tensors; this hands them the memory as if it were fresh, so
// that an arena serves them too. Main type: PlacedMemory. Torch-free header.
#pragma once

#include <cstddef>

namespace finewatt {

/// While it lives, the first allocation of exactly `bytes` by this thread through LibTorch's CPU
/// allocator gets `memory`, which stays the caller's. All other allocations go their usual way. The
/// caller checks whether the result lies there, and lets go of it before this object ends. One at a
/// time per thread.
class PlacedMemory {
  public:
    PlacedMemory(void* memory, std::size_t bytes);
    PlacedMemory(const PlacedMemory&) = delete;
    PlacedMemory& operator=(const PlacedMemory&) = delete;
    PlacedMemory(PlacedMemory&&) = delete;
    PlacedMemory& operator=(PlacedMemory&&) = delete;
    ~PlacedMemory();
};

}  // namespace finewatt
