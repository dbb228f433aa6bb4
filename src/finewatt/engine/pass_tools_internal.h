// Tools of the hand-written passes: the loops over rows with their threads, around the
// single-threaded kernels, and the time that each part takes. Main type: PassTools. Torch-free.
//
// All results are the same for any number of threads: work is cut by rules that know nothing of
// threads, and partial sums are joined in order.
#pragma once

#include "finewatt/engine/arena_internal.h"
#include "finewatt/engine/dropout_internal.h"
#include "finewatt/engine/gemm_internal.h"
#include "finewatt/engine/kernels/cpu_kernels.h"
#include "finewatt/engine/part_timer_internal.h"

#include <algorithm>
#include <cstdint>
#include <span>

namespace finewatt {

/// Wall time of the parts of a pass, seconds; sums until cleared. Products are counted by Gemm.
struct PassTimes {
    double attention_s = 0;
    double norm_s = 0;
    double activation_s = 0;
    double embedding_s = 0;
    double bias_sums_s = 0;
    double head_s = 0;  ///< with its products
};

/// What the passes share.
struct PassTools {
    const CpuKernels& kernels;
    Gemm& gemm;
    PassTimes times{};
    float* partials = nullptr;                ///< [kernel_pieces(rows), widest sum]
    float* attention_scratch = nullptr;       ///< [threads, attention_floats]
    std::uint64_t* attention_keys = nullptr;  ///< [threads, longest]
    std::int64_t attention_floats = 0;
    std::int64_t longest = 0;  ///< the longest sequence
};

/// Run work(begin, count) on pieces of `rows` rows, on all threads.
template <class Work>
void for_row_pieces(std::int64_t rows, const Work& work) {
    constexpr std::int64_t kLeastRows = 8;
    constexpr std::int64_t kMost = 64;
    const std::int64_t pieces = std::clamp(rows / kLeastRows, std::int64_t{1}, kMost);
#pragma omp parallel for schedule(static) if (pieces > 1)
    for (std::int64_t p = 0; p < pieces; ++p) {
        const std::int64_t begin = rows * p / pieces;
        work(begin, rows * (p + 1) / pieces - begin);
    }
}

/// Sums over rows that are gathered per piece of the rows. `part(i)` is the array of `width` floats
/// for the i-th sum.
struct PieceSums {
    float* first = nullptr;
    std::int64_t stride = 0;

    float* part(std::int64_t i) const { return first + i * stride; }
};

/// Run work(begin, count, PieceSums) on pieces of `rows` rows, each with zeroed sums of its own,
/// one of `width` floats per target; then add them to the targets in order.
template <class Work>
void sum_row_pieces(const PassTools& tools, std::int64_t rows, std::int64_t width,
                    std::span<float* const> targets, const Work& work) {
    const std::int64_t pieces = kernel_pieces(rows);
    const auto parts = static_cast<std::int64_t>(targets.size());
    const std::int64_t stride = pieces * width;  // the pieces of one sum lie together
#pragma omp parallel for schedule(static) if (pieces > 1)
    for (std::int64_t p = 0; p < pieces; ++p) {
        const PieceSums sums{tools.partials + p * width, stride};
        for (std::int64_t i = 0; i < parts; ++i) {
            std::fill_n(sums.part(i), width, 0.0F);
        }
        const std::int64_t begin = rows * p / pieces;
        work(begin, rows * (p + 1) / pieces - begin, sums);
    }
    for (std::int64_t i = 0; i < parts; ++i) {
        tools.kernels.add_partials(pieces, width, tools.partials + i * stride,
                                   targets[static_cast<std::size_t>(i)]);
    }
}

/// Write the keys of dropout masks for rows whose places are [rows, 2]: row in the batch, position.
inline void fill_row_keys(const DropoutPlace& place, std::int64_t rows, const std::int32_t* places,
                          std::uint64_t* keys) {
    const std::uint64_t base = dropout_base(place);
    for (std::int64_t r = 0; r < rows; ++r) {
        keys[r] = activation_key(base, places[2 * r], places[2 * r + 1]);
    }
}

/// Return the rows of an array of `width` columns from row `begin` on; null stays null.
template <class T>
T* rows_from(T* array, std::int64_t begin, std::int64_t width) {
    return array == nullptr ? nullptr : array + begin * width;
}

}  // namespace finewatt
