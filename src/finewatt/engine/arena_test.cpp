#include "finewatt/engine/arena_internal.h"

#include <gtest/gtest.h>

#include <utility>

namespace finewatt {
namespace {

TEST(ArenaPlan, CountsWithoutMemoryWhatItHandsOutWithMemory) {
    Arena arena;
    ArenaPlan counting(nullptr);
    EXPECT_EQ(counting.take<float>(3), nullptr);
    counting.take<double>(100);
    ArenaPlan plan(arena.reserve(counting.bytes()));
    float* first = plan.take<float>(3);
    double* second = plan.take<double>(100);
    EXPECT_EQ(plan.bytes(), counting.bytes());
    // Three floats fill one cache line of 64 bytes.
    EXPECT_EQ(reinterpret_cast<std::byte*>(second) - reinterpret_cast<std::byte*>(first), 64);
}

TEST(ArenaPlan, PartsAfterRewindLieWhereTheDeadOnesWere) {
    Arena arena;
    ArenaPlan plan(arena.reserve(4096));
    plan.take<float>(16);
    const std::size_t mark = plan.mark();
    float* dead = plan.take<float>(512);
    plan.rewind(mark);
    EXPECT_EQ(plan.take<float>(16), dead);
    EXPECT_EQ(plan.bytes(), 64U + 2048U);
}

TEST(Arena, KeepsItsBlockUntilMoreIsNeeded) {
    Arena arena;
    std::byte* block = arena.reserve(1000);
    block[999] = std::byte{7};
    EXPECT_EQ(arena.reserve(500), block);
    EXPECT_EQ(block[999], std::byte{7});
    const std::size_t before = arena.size();
    arena.reserve(before + 1);
    EXPECT_GT(arena.size(), before);
    Arena moved = std::move(arena);
    EXPECT_GT(moved.size(), before);
}

}  // namespace
}  // namespace finewatt
