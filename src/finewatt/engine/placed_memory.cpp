#include "finewatt/engine/placed_memory_internal.h"
#include "finewatt/engine/torch_internal.h"

#include <c10/core/CPUAllocator.h>

namespace finewatt {
namespace {

/// Memory that waits for an allocation of its size, or has got one.
struct Place {
    void* memory = nullptr;
    std::size_t bytes = 0;
    bool is_taken = false;
};

thread_local Place current;
c10::DeleterFnPtr usual_deleter = nullptr;  // set once, before the first placement

/// The one deleter of all allocations, as c10::Allocator::raw_deleter demands.
void release(void* memory) {
    if (memory != current.memory || memory == nullptr) {
        usual_deleter(memory);
    }
}

/// LibTorch's own CPU allocator with the detour of PlacedMemory.
class PlacingAllocator final : public c10::Allocator {
  public:
    explicit PlacingAllocator(c10::Allocator& usual) : usual_(usual) {}

    c10::DataPtr allocate(std::size_t bytes) override {
        void* memory = current.memory;
        if (memory != nullptr && current.bytes == bytes && !current.is_taken) {
            current.is_taken = true;
        } else {
            memory = usual_.allocate(bytes).release_context();
        }
        return {memory, memory, &release, c10::Device(c10::DeviceType::CPU)};
    }

    c10::DeleterFnPtr raw_deleter() const override { return &release; }

    void copy_data(void* to, const void* from, std::size_t count) const override {
        default_copy_data(to, from, count);
    }

  private:
    c10::Allocator& usual_;
};

bool install() {
    static PlacingAllocator allocator(*c10::GetCPUAllocator());
    usual_deleter = c10::GetCPUAllocator()->raw_deleter();
    if (usual_deleter == nullptr) {
        return false;  // a foreign allocator without a plain deleter: results are copied instead
    }
    c10::SetCPUAllocator(&allocator, 1);
    return true;
}

}  // namespace

PlacedMemory::PlacedMemory(void* memory, std::size_t bytes) {
    static const bool is_installed = install();
    if (is_installed) {
        current = {memory, bytes, false};
    }
}

PlacedMemory::~PlacedMemory() {
    current = {};
}

}  // namespace finewatt
