// LaunchShape: how many blocks of how many threads a kernel runs in. Plain arithmetic, so that it
// is tested without a GPU; the limits are those of every GPU since compute capability 5.0.
#pragma once

#include <algorithm>
#include <cstdint>

namespace finewatt {

struct LaunchShape {
    unsigned blocks_x = 1;
    unsigned blocks_y = 1;
    unsigned threads = 32;  ///< of a block; a multiple of 32 up to 1,024
};

/// Blocks that fill a GPU a few times over: 132 multiprocessors of an H100, 8 blocks each.
constexpr std::int64_t kFillingBlocks = 132 * 8;

/// The same where every block ends with sums that all blocks add to the same place: fewer of them,
/// so that the adding does not take longer than the work.
constexpr std::int64_t kSummingBlocks = 132 * 2;

constexpr unsigned threads_for(std::int64_t wanted, std::int64_t most) {
    return static_cast<unsigned>(std::clamp<std::int64_t>((wanted + 31) / 32 * 32, 32, most));
}

/// A block per row, four columns per thread; `columns` is at most 4,096.
constexpr LaunchShape row_blocks(std::int64_t rows, std::int64_t columns) {
    return {static_cast<unsigned>(std::min(rows, 8 * kFillingBlocks)), 1,
            threads_for((columns + 3) / 4, 1024)};
}

/// The same for kernels that sum over the rows: each block goes through several.
constexpr LaunchShape summing_row_blocks(std::int64_t rows, std::int64_t columns) {
    return {static_cast<unsigned>(std::min(rows, kSummingBlocks)), 1,
            threads_for((columns + 3) / 4, 1024)};
}

/// x over the columns, `each` per thread; y over the rows.
constexpr LaunchShape column_blocks_of(std::int64_t rows, std::int64_t columns, std::int64_t each,
                                       std::int64_t most_blocks) {
    const std::int64_t wanted = (columns + each - 1) / each;
    const unsigned threads = threads_for(wanted, 256);
    const std::int64_t across = (wanted + threads - 1) / threads;
    const std::int64_t down =
        std::min(rows, std::max<std::int64_t>(1, most_blocks / std::max<std::int64_t>(1, across)));
    return {static_cast<unsigned>(across), static_cast<unsigned>(down), threads};
}

constexpr LaunchShape column_blocks(std::int64_t rows, std::int64_t columns, std::int64_t each) {
    return column_blocks_of(rows, columns, each, 8 * kFillingBlocks);
}

constexpr LaunchShape summing_column_blocks(std::int64_t rows, std::int64_t columns,
                                            std::int64_t each) {
    return column_blocks_of(rows, columns, each, kFillingBlocks);
}

/// A warp for each of `warps` pieces of work, four in a block.
constexpr LaunchShape warp_blocks(std::int64_t warps) {
    return {static_cast<unsigned>((warps + 3) / 4), 1, 128};
}

/// Four values per thread and turn over an array of `size`, a multiple of 4.
constexpr LaunchShape flat_blocks(std::int64_t size) {
    return {
        static_cast<unsigned>(std::clamp<std::int64_t>((size + 1023) / 1024, 1, kFillingBlocks)), 1,
        256};
}

}  // namespace finewatt
