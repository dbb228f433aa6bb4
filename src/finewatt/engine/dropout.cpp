#include "finewatt/base/check.h"
#include "finewatt/engine/dropout_internal.h"

#include <cmath>
#include <cstddef>

namespace finewatt {
namespace {

/// SplitMix64's output function: every bit of `x` reaches every bit of the result.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

std::uint64_t key_of(const DropoutPlace& place) {
    std::uint64_t key = mix(place.step.seed);
    key = mix(key ^ static_cast<std::uint64_t>(place.step.step));
    key = mix(key ^ static_cast<std::uint64_t>(place.layer));
    return mix(key ^ static_cast<std::uint64_t>(place.site));
}

/// Fill one row of a mask. Plain 32-bit arithmetic, so that the compiler vectorises it; the clones
/// give wider vectors to CPUs that have them. All clones compute the same integers.
__attribute__((target_clones("avx512f", "avx2", "default"))) void fill_row(
    std::uint64_t key, std::uint32_t threshold, float kept, std::int32_t columns, float* row) {
    const auto low = static_cast<std::uint32_t>(key);
    const auto high = static_cast<std::uint32_t>(key >> 32);
    for (std::int32_t column = 0; column < columns; ++column) {
        std::uint32_t x = static_cast<std::uint32_t>(column) * 0x9E3779B1U + low;
        x = (x ^ (x >> 16)) * 0x85EBCA6BU + high;
        x = (x ^ (x >> 13)) * 0xC2B2AE35U;
        x ^= x >> 16;
        row[column] = x < threshold ? 0.0F : kept;
    }
}

std::uint32_t threshold_of(double p) {
    FINEWATT_CHECK(p >= 0 && p < 1, "a dropout probability is in [0, 1)");
    return static_cast<std::uint32_t>(std::lround(std::ldexp(p, 32)));
}

float kept_value(double p) {
    return static_cast<float>(1 / (1 - p));
}

}  // namespace

void fill_activation_mask(const DropoutPlace& place, double p,
                          std::span<const std::int32_t> rows_in_batch,
                          std::span<const std::int32_t> positions, std::int64_t columns,
                          std::span<float> mask) {
    const auto rows = static_cast<std::int64_t>(rows_in_batch.size());
    FINEWATT_CHECK(positions.size() == rows_in_batch.size() &&
                       mask.size() == static_cast<std::size_t>(rows * columns),
                   "one row, one position and `columns` values per row of the mask");
    const std::uint64_t base = key_of(place);
    const std::uint32_t threshold = threshold_of(p);
    const float kept = kept_value(p);
#pragma omp parallel for schedule(static)
    for (std::int64_t r = 0; r < rows; ++r) {
        const auto index = static_cast<std::size_t>(r);
        const auto row = static_cast<std::uint64_t>(rows_in_batch[index]);
        const auto position = static_cast<std::uint64_t>(positions[index]);
        fill_row(mix(mix(base ^ row) ^ position), threshold, kept,
                 static_cast<std::int32_t>(columns), mask.data() + r * columns);
    }
}

void fill_attention_mask(const DropoutPlace& place, double p,
                         std::span<const std::int32_t> rows_in_batch, std::int64_t heads,
                         std::int64_t length, std::span<float> mask) {
    const std::int64_t rows = static_cast<std::int64_t>(rows_in_batch.size()) * heads * length;
    FINEWATT_CHECK(mask.size() == static_cast<std::size_t>(rows * length),
                   "the mask is [sequences, heads, length, length]");
    const std::uint64_t base = key_of(place);
    const std::uint32_t threshold = threshold_of(p);
    const float kept = kept_value(p);
#pragma omp parallel for schedule(static)
    for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t query = r % length;
        const std::int64_t head = (r / length) % heads;
        const std::int64_t sequence = r / (length * heads);
        const auto row =
            static_cast<std::uint64_t>(rows_in_batch[static_cast<std::size_t>(sequence)]);
        const auto place_in_row =
            (static_cast<std::uint64_t>(head) << 32) | static_cast<std::uint64_t>(query);
        fill_row(mix(mix(base ^ row) ^ place_in_row), threshold, kept,
                 static_cast<std::int32_t>(length), mask.data() + r * length);
    }
}

}  // namespace finewatt
