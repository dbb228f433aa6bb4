#include "peaks.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <omp.h>
#include <vector>

namespace finewatt {
namespace {

using Clock = std::chrono::steady_clock;
using Lanes = float __attribute__((vector_size(64)));

// Enough independent sums to hide the latency of a multiply-add on the CPUs at hand (4 cycles, two
// per cycle where vectors are 256 bits wide).
constexpr std::size_t kSums = 12;
constexpr std::int64_t kRounds = 4096;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// kRounds x kSums multiply-adds of 16 lanes. Compiled for several instruction sets.
__attribute__((target_clones("avx512f", "arch=haswell", "default"))) float multiply_add() {
    float start = 0.999F;
    asm volatile("" : "+x"(start));  // unknown to the compiler
    const Lanes factor = start - Lanes{};
    std::array<Lanes, kSums> sums{};
    for (std::size_t i = 0; i < kSums; ++i) {
        sums[i] += static_cast<float>(i);  // unlike each other, so that all are computed
    }
    for (std::int64_t i = 0; i < kRounds; ++i) {
        for (Lanes& sum : sums) {
            sum = sum * factor + factor;
        }
    }
    Lanes total{};
    for (const Lanes& sum : sums) {
        total += sum;
    }
    float result = 0;
    for (int lane = 0; lane < 16; ++lane) {
        result += total[lane];
    }
    return result;
}

}  // namespace

double measure_fma_peak(int threads) {
    constexpr double kTime_s = 0.2;
    double rounds = 0;
    float sink = 0;
    const Clock::time_point begin = Clock::now();
#pragma omp parallel num_threads(threads) reduction(+ : rounds, sink)
    {
        while (seconds_since(begin) < kTime_s) {
            for (int i = 0; i < 16; ++i) {
                sink += multiply_add();
                rounds += 1;
            }
        }
    }
    const double time_s = seconds_since(begin);
    asm volatile("" : : "x"(sink));
    return rounds * static_cast<double>(kRounds) * kSums * 16 * 2 / time_s;
}

double measure_read_rate(std::size_t bytes, int threads) {
    std::vector<std::uint64_t> memory(bytes / sizeof(std::uint64_t), 1);
    const auto size = static_cast<std::int64_t>(memory.size());
    double best_s = 1e9;
    for (int repeat = 0; repeat < 5; ++repeat) {
        std::uint64_t sum = 0;
        const Clock::time_point begin = Clock::now();
#pragma omp parallel for num_threads(threads) reduction(+ : sum) schedule(static)
        for (std::int64_t i = 0; i < size; ++i) {
            sum += memory[static_cast<std::size_t>(i)];
        }
        asm volatile("" : : "r"(sum));
        best_s = std::min(best_s, seconds_since(begin));
    }
    return static_cast<double>(bytes) / best_s;
}

}  // namespace finewatt
