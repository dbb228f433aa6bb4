// Arena: one block of memory for all activations of a step, kept from step to step. Main types:
// Arena, ArenaPlan. A plan is a walk over the same code twice: first with no memory to learn the
// size, then with the block to get the pointers. Not for parameters, which live in Model.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace finewatt {

/// Hands out parts of a block, one behind the other, each on a cache line of its own. What is no
/// longer needed is given back with rewind(), so that later parts lie where dead ones were.
class ArenaPlan {
  public:
    /// Plan over `memory`, or only count with null.
    explicit ArenaPlan(std::byte* memory) : memory_(memory) {}

    /// Return room for `count` elements of T, not initialised; null while only counting.
    template <class T>
    T* take(std::int64_t count) {
        std::byte* begin = memory_ == nullptr ? nullptr : memory_ + used_;
        const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
        used_ += (bytes + kLine - 1) / kLine * kLine;
        most_ = std::max(most_, used_);
        return reinterpret_cast<T*>(begin);
    }

    /// Return where the next part would begin.
    std::size_t mark() const { return used_; }

    /// Give back everything taken since mark().
    void rewind(std::size_t mark) { used_ = mark; }

    /// Return the bytes that the plan needs in all.
    std::size_t bytes() const { return most_; }

  private:
    static constexpr std::size_t kLine = 64;

    std::byte* memory_;
    std::size_t used_ = 0;
    std::size_t most_ = 0;
};

/// Owns the block. It grows when a plan needs more, and loses its content then. One thread.
class Arena {
  public:
    Arena() = default;
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    Arena(Arena&& other) noexcept;
    Arena& operator=(Arena&& other) noexcept;
    ~Arena();

    /// Return at least `bytes` bytes on a page border; throws std::bad_alloc when there are none.
    /// Large blocks ask for huge pages.
    std::byte* reserve(std::size_t bytes);

    std::size_t size() const { return size_; }

  private:
    void release();

    std::byte* memory_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace finewatt
