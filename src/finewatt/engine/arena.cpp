#include "finewatt/engine/arena_internal.h"

#include <sys/mman.h>

#include <new>
#include <utility>

namespace finewatt {
namespace {

// The size of a huge page on x86-64 and on most others.
constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

Arena::Arena(Arena&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Arena& Arena::operator=(Arena&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    return *this;
}

Arena::~Arena() {
    release();
}

void Arena::release() {
    if (memory_ != nullptr) {
        ::munmap(memory_, size_);
    }
    memory_ = nullptr;
    size_ = 0;
}

std::byte* Arena::reserve(std::size_t bytes) {
    if (bytes <= size_) {
        return memory_;
    }
    release();  // first, so that old and new block never exist together
    // Room for a slightly larger batch: pages that are not touched cost nothing.
    const std::size_t wanted = bytes + bytes / 8;
    const std::size_t size = (wanted + kHugePage - 1) / kHugePage * kHugePage;
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::bad_alloc();
    }
    ::madvise(memory, size, MADV_HUGEPAGE);  // a wish: kernels without huge pages refuse it
    memory_ = static_cast<std::byte*>(memory);
    size_ = size;
    return memory_;
}

}  // namespace finewatt
