#include "finewatt/base/check.h"
#include "finewatt/engine/dropout_internal.h"
#include "finewatt/engine/kernels/mask_value.h"

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

/// Fill one row of a mask. The clones give wider vectors to CPUs that have them; all compute the
/// same integers.
__attribute__((target_clones("avx512f", "avx2", "default"))) void fill_row(std::uint64_t key,
                                                                           const MaskRule& rule,
                                                                           std::int64_t columns,
                                                                           float* row) {
    for (std::int64_t column = 0; column < columns; ++column) {
        row[column] =
            mask_value(key, static_cast<std::uint32_t>(column), rule.threshold, rule.kept);
    }
}

}  // namespace

MaskRule mask_rule(double p) {
    FINEWATT_CHECK(p >= 0 && p < 1, "a dropout probability is in [0, 1)");
    return {static_cast<std::uint32_t>(std::lround(std::ldexp(p, 32))),
            static_cast<float>(1 / (1 - p))};
}

std::uint64_t dropout_base(const DropoutPlace& place) {
    std::uint64_t key = mix(place.step.seed);
    key = mix(key ^ static_cast<std::uint64_t>(place.step.step));
    key = mix(key ^ static_cast<std::uint64_t>(place.layer));
    return mix(key ^ static_cast<std::uint64_t>(place.site));
}

std::uint64_t activation_key(std::uint64_t base, std::int32_t row_in_batch, std::int32_t position) {
    const auto row = static_cast<std::uint64_t>(row_in_batch);
    return mix(mix(base ^ row) ^ static_cast<std::uint64_t>(position));
}

std::uint64_t attention_key(std::uint64_t base, std::int32_t row_in_batch, std::int64_t head,
                            std::int64_t query) {
    const auto row = static_cast<std::uint64_t>(row_in_batch);
    const auto place_in_row =
        (static_cast<std::uint64_t>(head) << 32) | static_cast<std::uint64_t>(query);
    return mix(mix(base ^ row) ^ place_in_row);
}

void fill_activation_mask(const DropoutPlace& place, double p,
                          std::span<const std::int32_t> rows_in_batch,
                          std::span<const std::int32_t> positions, std::int64_t columns,
                          std::span<float> mask) {
    const auto rows = static_cast<std::int64_t>(rows_in_batch.size());
    FINEWATT_CHECK(positions.size() == rows_in_batch.size() &&
                       mask.size() == static_cast<std::size_t>(rows * columns),
                   "one row, one position and `columns` values per row of the mask");
    const std::uint64_t base = dropout_base(place);
    const MaskRule rule = mask_rule(p);
#pragma omp parallel for schedule(static)
    for (std::int64_t r = 0; r < rows; ++r) {
        const auto index = static_cast<std::size_t>(r);
        fill_row(activation_key(base, rows_in_batch[index], positions[index]), rule, columns,
                 mask.data() + r * columns);
    }
}

void fill_attention_mask(const DropoutPlace& place, double p,
                         std::span<const std::int32_t> rows_in_batch, std::int64_t heads,
                         std::int64_t length, std::span<float> mask) {
    const std::int64_t rows = static_cast<std::int64_t>(rows_in_batch.size()) * heads * length;
    FINEWATT_CHECK(mask.size() == static_cast<std::size_t>(rows * length),
                   "the mask is [sequences, heads, length, length]");
    const std::uint64_t base = dropout_base(place);
    const MaskRule rule = mask_rule(p);
#pragma omp parallel for schedule(static)
    for (std::int64_t r = 0; r < rows; ++r) {
        const std::int64_t query = r % length;
        const std::int64_t head = (r / length) % heads;
        const std::int64_t sequence = r / (length * heads);
        const std::int32_t row = rows_in_batch[static_cast<std::size_t>(sequence)];
        fill_row(attention_key(base, row, head, query), rule, length, mask.data() + r * length);
    }
}

}  // namespace finewatt
