// Small matrix products for attention: a tile of a few rows by a few vectors stays in registers
// while the depth runs. For the *_body.cpp files only; see lanes_internal.h.
//
// The right-hand matrix lies in panels: the columns are cut into panels of a few vectors, and each
// panel is [depth, width] on its own, so that a tile reads memory in order.
#pragma once

#include "finewatt/engine/kernels/lanes_internal.h"

#include <cstddef>

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

/// Rows of a tile.
constexpr int kTileRows = 4;
/// Vectors of a tile at most. Of 32 registers 16 hold sums, of 16 registers 8; the rest is for what
/// is loaded.
#if defined(__AVX512F__)
constexpr int kTileVectors = 4;
#else
constexpr int kTileVectors = 2;
#endif

/// The left-hand matrix: element (r, d) is at from[r * row_step + d * depth_step].
struct Left {
    const float* from;
    std::int64_t row_step;
    std::int64_t depth_step;
};

/// The right-hand matrix: row d is at from[d * step].
struct Right {
    const float* from;
    std::int64_t step;
};

/// out[Rows][Vectors] (+)= left x right; rows of `out` are `out_step` apart.
template <int Rows, int Vectors, bool Adds>
FINEWATT_INLINE void multiply_tile(const Left& left, const Right& right, std::int64_t depth,
                                   float* out, std::int64_t out_step) {
    constexpr auto kTall = static_cast<std::size_t>(Rows);
    constexpr auto kWide = static_cast<std::size_t>(Vectors);
    Lanes sums[kTall][kWide];
    for (int r = 0; r < Rows; ++r) {
        for (int v = 0; v < Vectors; ++v) {
            sums[r][v] = Adds ? load(out + r * out_step + v * kLanes) : Lanes{};
        }
    }
    const float* a = left.from;
    const float* b = right.from;
    for (std::int64_t d = 0; d < depth; ++d) {
        Lanes columns[kWide];
        for (int v = 0; v < Vectors; ++v) {
            columns[v] = load(b + v * kLanes);
        }
        for (int r = 0; r < Rows; ++r) {
            const float value = a[r * left.row_step];
            for (int v = 0; v < Vectors; ++v) {
                sums[r][v] += value * columns[v];
            }
        }
        a += left.depth_step;
        b += right.step;
    }
    for (int r = 0; r < Rows; ++r) {
        for (int v = 0; v < Vectors; ++v) {
            store(out + r * out_step + v * kLanes, sums[r][v]);
        }
    }
}

/// out[rows][Vectors] (+)= left x right for a multiple of kTileRows rows.
template <int Vectors, bool Adds>
FINEWATT_INLINE void multiply_rows(const Left& left, const Right& right, std::int64_t rows,
                                   std::int64_t depth, float* out, std::int64_t out_step) {
    for (std::int64_t r = 0; r < rows; r += kTileRows) {
        multiply_tile<kTileRows, Vectors, Adds>(
            {left.from + r * left.row_step, left.row_step, left.depth_step}, right, depth,
            out + r * out_step, out_step);
    }
}

/// The same with the number of vectors known only now.
template <bool Adds>
void multiply_panel(const Left& left, const Right& right, std::int64_t rows, std::int64_t vectors,
                    std::int64_t depth, float* out, std::int64_t out_step) {
    switch (vectors) {
        case 1:
            return multiply_rows<1, Adds>(left, right, rows, depth, out, out_step);
        case 2:
            return multiply_rows<2, Adds>(left, right, rows, depth, out, out_step);
#if defined(__AVX512F__)
        case 3:
            return multiply_rows<3, Adds>(left, right, rows, depth, out, out_step);
        case 4:
            return multiply_rows<4, Adds>(left, right, rows, depth, out, out_step);
#endif
        default:
            __builtin_unreachable();
    }
}

/// How columns are cut into panels of nearly equal width.
struct Panels {
    std::int64_t vectors;  ///< in all
    std::int64_t width;    ///< vectors of a panel; the last one may be narrower

    explicit Panels(std::int64_t columns) : vectors((columns + kLanes - 1) / kLanes), width(1) {
        const std::int64_t count = (vectors + kTileVectors - 1) / kTileVectors;
        width = (vectors + count - 1) / count;
    }

    /// Columns, with those that fill the last vector.
    std::int64_t columns() const { return vectors * kLanes; }
};

/// Call work(first column, vectors) for each panel.
template <class Work>
FINEWATT_INLINE void for_panels(const Panels& panels, const Work& work) {
    for (std::int64_t first = 0; first < panels.vectors; first += panels.width) {
        work(first * kLanes, smaller(panels.width, panels.vectors - first));
    }
}

/// out[rows][columns] = left x panels [depth].
FINEWATT_INLINE void multiply(const Left& left, const float* right, const Panels& panels,
                              std::int64_t rows, std::int64_t depth, float* out,
                              std::int64_t out_step) {
    for_panels(panels, [&](std::int64_t first, std::int64_t vectors) {
        multiply_panel<false>(left, {right + first * depth, vectors * kLanes}, rows, vectors, depth,
                              out + first, out_step);
    });
}

/// The same for a large depth: parts of it, whose piece of the panel stays in the nearest cache
/// while all rows pass.
FINEWATT_INLINE void multiply_deep(const Left& left, const float* right, const Panels& panels,
                                   std::int64_t rows, std::int64_t depth, float* out,
                                   std::int64_t out_step) {
    constexpr std::int64_t kPart = 64;
    for_panels(panels, [&](std::int64_t first, std::int64_t vectors) {
        const std::int64_t step = vectors * kLanes;
        const float* panel = right + first * depth;
        multiply_panel<false>(left, {panel, step}, rows, vectors, smaller(kPart, depth),
                              out + first, out_step);
        for (std::int64_t d = kPart; d < depth; d += kPart) {
            multiply_panel<true>({left.from + d * left.depth_step, left.row_step, left.depth_step},
                                 {panel + d * step, step}, rows, vectors, smaller(kPart, depth - d),
                                 out + first, out_step);
        }
    });
}

/// out[rows][columns] += left x right, with right [depth, columns] in plain rows `right_step`
/// apart.
FINEWATT_INLINE void add_product(const Left& left, const float* right, std::int64_t right_step,
                                 const Panels& panels, std::int64_t rows, std::int64_t depth,
                                 float* out, std::int64_t out_step) {
    for_panels(panels, [&](std::int64_t first, std::int64_t vectors) {
        multiply_panel<true>(left, {right + first, right_step}, rows, vectors, depth, out + first,
                             out_step);
    });
}

/// Copy `rows` rows of `size` elements, times `scale`, to rows of `step` floats, a multiple of
/// kLanes; up to `all_rows` and to the row's end there are zeros.
template <class T>
void pack_rows(const T* from, std::int64_t stride, std::int64_t rows, std::int64_t size,
               std::int64_t all_rows, float scale, float* to, std::int64_t step) {
    for (std::int64_t r = 0; r < all_rows; ++r) {
        for (std::int64_t i = 0; i < step; i += kLanes) {
            store(to + r * step + i, Lanes{});
        }
        if (r < rows) {
            for_lanes(size, [&](auto at) {
                store(to + r * step, at, load(from + r * stride, at) * scale);
            });
        }
    }
}

/// Copy rows to panels over their `size` columns: the depth is the rows.
template <class T>
void pack_panels(const T* from, std::int64_t stride, std::int64_t rows, std::int64_t size,
                 const Panels& panels, float* to) {
    for_panels(panels, [&](std::int64_t first, std::int64_t vectors) {
        pack_rows(from + first, stride, rows, smaller(size - first, vectors * kLanes), rows, 1,
                  to + first * rows, vectors * kLanes);
    });
}

/// The lanes 0 to kLanes - 1 as template arguments.
template <int... Lane>
struct LaneList {};

#if defined(__AVX512F__)
using AllLanes = LaneList<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15>;
#elif defined(__AVX2__)
using AllLanes = LaneList<0, 1, 2, 3, 4, 5, 6, 7>;
#else
using AllLanes = LaneList<0, 1, 2, 3>;
#endif

/// One stage of turning a square: exchange the blocks of Size x Size off the diagonal.
template <int Size, int... Lane>
FINEWATT_INLINE void exchange(Lanes& upper, Lanes& lower, LaneList<Lane...>) {
    const Lanes a = upper;
    const Lanes b = lower;
    upper = __builtin_shufflevector(a, b, ((Lane & Size) == 0 ? Lane : kLanes + Lane - Size)...);
    lower = __builtin_shufflevector(a, b, ((Lane & Size) == 0 ? Lane + Size : kLanes + Lane)...);
}

/// Transpose kLanes vectors.
template <int Size = kLanes / 2>
FINEWATT_INLINE void turn(Lanes (&square)[kLanes]) {
    for (int r = 0; r < kLanes; ++r) {
        if ((r & Size) == 0) {
            exchange<Size>(square[r], square[r + Size], AllLanes{});
        }
    }
    if constexpr (Size > 1) {
        turn<Size / 2>(square);
    }
}

/// Copy rows to panels over the rows: the depth is the `size` columns. The last vector is filled
/// with zeros.
template <class T>
void pack_panels_turned(const T* from, std::int64_t stride, std::int64_t rows, std::int64_t size,
                        const Panels& panels, float* to) {
    for_panels(panels, [&](std::int64_t first, std::int64_t vectors) {
        for (std::int64_t v = 0; v < vectors; ++v) {
            const std::int64_t row = first + v * kLanes;
            float* column = to + first * size + v * kLanes;
            for_lanes(size, [&](auto at) {
                Lanes square[kLanes];
                for (std::int64_t r = 0; r < kLanes; ++r) {
                    square[r] = row + r < rows ? load(from + (row + r) * stride, at) : Lanes{};
                }
                turn(square);
                for (std::int64_t i = 0; i < kLanes && at.first + i < size; ++i) {
                    store(column + (at.first + i) * vectors * kLanes, square[i]);
                }
            });
        }
    });
}

}  // namespace
}  // namespace finewatt::FINEWATT_KERNELS_NAME
