// Sums over rows, transposes and conversions of whole arrays.
#include "finewatt/engine/kernels/lanes_internal.h"
#include "finewatt/engine/kernels/parts_internal.h"
#include "finewatt/engine/kernels/tiles_internal.h"

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

/// Four rows at a time, so that the sums are read and written a quarter as often. The order of
/// addition is that of the rows.
template <class T>
void column_sums(std::int64_t rows, std::int64_t columns, const T* x, float* sums) {
    constexpr std::int64_t kTogether = 4;
    std::int64_t r = 0;
    for (; r + kTogether <= rows; r += kTogether) {
        const T* from = x + r * columns;
        for_lanes(columns, [&](auto at) {
            Lanes sum = load(sums, at);
            sum += load(from, at);
            sum += load(from + columns, at);
            sum += load(from + 2 * columns, at);
            sum += load(from + 3 * columns, at);
            store(sums, at, sum);
        });
    }
    for (; r < rows; ++r) {
        for_lanes(columns,
                  [&](auto at) { store(sums, at, load(sums, at) + load(x + r * columns, at)); });
    }
}

/// In strips of columns, square by square: rows are often a multiple of 4 KiB apart, and what is
/// read of them is used before others drive it out of the cache.
void transpose(std::int64_t rows, std::int64_t columns, std::int64_t begin, std::int64_t end,
               const float* from, float* to) {
    constexpr std::int64_t kStrip = 64;
    for (std::int64_t strip = begin; strip < end; strip += kStrip) {
        for_lanes(rows, [&](auto row) {
            for_lanes(smaller(kStrip, end - strip), [&](auto column) {
                const std::int64_t first = strip + column.first;
                Lanes square[kLanes];
                for (std::int64_t r = 0; r < kLanes; ++r) {
                    square[r] = row.first + r < rows
                                    ? load(from + (row.first + r) * columns + strip, column)
                                    : Lanes{};
                }
                turn(square);
                for (std::int64_t c = 0; c < kLanes && first + c < end; ++c) {
                    store(to + (first + c) * rows, row, square[c]);
                }
            });
        });
    }
}

void scatter_rows(const ScatterRows& rows, float* table) {
    for (std::int64_t r = 0; r < rows.rows; ++r) {
        const float* from = rows.from + r * rows.size + rows.begin;
        float* to = table + rows.ids[r] * rows.size + rows.begin;
        for_lanes(rows.end - rows.begin,
                  [&](auto at) { store(to, at, load(to, at) + load(from, at)); });
    }
}

void add(std::int64_t size, const float* x, float* y) {
    for_lanes(size, [&](auto at) { store(y, at, load(y, at) + load(x, at)); });
}

void to_bfloat16(std::int64_t size, const float* from, Bfloat16* to) {
    for_lanes(size, [&](auto at) { store(to, at, load(from, at)); });
}

void to_float(std::int64_t size, const Bfloat16* from, float* to) {
    for_lanes(size, [&](auto at) { store(to, at, load(from, at)); });
}

}  // namespace

void add_sums(CpuKernels& set) {
    set.f32.column_sums = column_sums<float>;
    set.bf16.column_sums = column_sums<Bfloat16>;
    set.transpose = transpose;
    set.add_partials = column_sums<float>;
    set.scatter_rows = scatter_rows;
    set.add = add;
    set.to_bfloat16 = to_bfloat16;
    set.to_float = to_float;
}

}  // namespace finewatt::FINEWATT_KERNELS_NAME
