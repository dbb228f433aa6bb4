// Dense layers of few rows: reading the weights is most of the work, so they are read once, from
// panels in the order of use, and brought into the nearest cache ahead of it.
#include "finewatt/engine/kernels/lanes_internal.h"
#include "finewatt/engine/kernels/parts_internal.h"
#include "finewatt/engine/kernels/tiles_internal.h"

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

/// Vectors of a panel, and rows of a tile at most: their sums leave registers for what is loaded.
constexpr int kVectors = 2;
#if defined(__AVX512F__)
constexpr int kMostRows = 12;
#else
constexpr int kMostRows = 6;
#endif
constexpr std::int64_t kPanel = kVectors * std::int64_t{kLanes};
/// Rows whose sums are worked on together.
constexpr std::int64_t kBlockRows = 60;
/// Depth of the piece of a panel, at most 8 KiB, that stays in the nearest cache while tiles pass.
constexpr std::int64_t kDepth = 64;
static_assert(kDepth * kPanel <= kDenseSlack);
constexpr std::int64_t kLineFloats = 16;

/// A piece of a panel: the depth [first, last).
struct Piece {
    const float* panel;
    std::int64_t first;
    std::int64_t last;
};

/// Add the products of a tile of x, [in, Rows], with the piece to sums [Rows, kPanel], and bring
/// near what comes kDepth later.
template <int Rows>
FINEWATT_INLINE void add_tile(const float* x, const Piece& piece, float* sums) {
    constexpr auto kTall = static_cast<std::size_t>(Rows);
    Lanes tile[kTall][kVectors];
    for (int r = 0; r < Rows; ++r) {
        for (int v = 0; v < kVectors; ++v) {
            tile[r][v] = load(sums + r * kPanel + v * kLanes);
        }
    }
    const float* weights = piece.panel + piece.first * kPanel;
    for (std::int64_t d = piece.first; d < piece.last; ++d) {
        for (std::int64_t line = 0; line < kPanel; line += kLineFloats) {
            __builtin_prefetch(weights + kDepth * kPanel + line);
        }
        Lanes columns[kVectors];
        for (int v = 0; v < kVectors; ++v) {
            columns[v] = load(weights + v * kLanes);
        }
        for (int r = 0; r < Rows; ++r) {
            const float value = x[d * Rows + r];
            for (int v = 0; v < kVectors; ++v) {
                tile[r][v] += value * columns[v];
            }
        }
        weights += kPanel;
    }
    for (int r = 0; r < Rows; ++r) {
        for (int v = 0; v < kVectors; ++v) {
            store(sums + r * kPanel + v * kLanes, tile[r][v]);
        }
    }
}

/// The same for a number of rows that is known only now.
template <int Rows = kMostRows>
void add_rows(std::int64_t rows, const float* x, const Piece& piece, float* sums) {
    if (rows == Rows) {
        add_tile<Rows>(x, piece, sums);
    } else if constexpr (Rows > 1) {
        add_rows<Rows - 1>(rows, x, piece, sums);
    }
}

/// Call work(first row, rows) for tiles of nearly equal height.
template <class Work>
FINEWATT_INLINE void for_tiles(std::int64_t rows, const Work& work) {
    const std::int64_t tiles = (rows + kMostRows - 1) / kMostRows;
    for (std::int64_t t = 0; t < tiles; ++t) {
        const std::int64_t begin = rows * t / tiles;
        work(begin, rows * (t + 1) / tiles - begin);
    }
}

/// Columns of y from `first` on, of rows that are a block. Their sums lie together: rows of y are
/// often a multiple of 4 KiB apart and would drive each other out of the cache.
void add_block(const DenseRows& rows, std::int64_t first, const float* x, std::int64_t count,
               float* y) {
    const std::int64_t columns = smaller(kPanel, rows.out - first);
    float sums[kBlockRows * kPanel] = {};
    if (rows.bias != nullptr) {
        for_lanes(columns, [&](auto at) {
            const Lanes bias = load(rows.bias + first, at);
            for (std::int64_t r = 0; r < count; ++r) {
                store(sums + r * kPanel, at, bias);
            }
        });
    }
    const float* panel = rows.panels + first * rows.in;
    const std::int64_t depth = count <= kMostRows ? rows.in : kDepth;
    for (std::int64_t d = 0; d < rows.in; d += depth) {
        const Piece piece{panel, d, smaller(d + depth, rows.in)};
        for_tiles(count, [&](std::int64_t begin, std::int64_t height) {
            add_rows(height, x + begin * rows.in, piece, sums + begin * kPanel);
        });
    }
    for_lanes(columns, [&](auto at) {
        for (std::int64_t r = 0; r < count; ++r) {
            store(y + r * rows.out + first, at, load(sums + r * kPanel, at));
        }
    });
}

void dense_forward(const DenseRows& rows, std::int64_t p) {
    for (std::int64_t r = 0; r < rows.rows; r += kBlockRows) {
        add_block(rows, p * kPanel, rows.x + r * rows.in, smaller(kBlockRows, rows.rows - r),
                  rows.y + r * rows.out);
    }
}

void pack_dense_rows(const DenseRows& rows, const float* x, float* packed) {
    for (std::int64_t first = 0; first < rows.rows; first += kBlockRows) {
        for_tiles(smaller(kBlockRows, rows.rows - first),
                  [&](std::int64_t begin, std::int64_t count) {
                      const float* from = x + (first + begin) * rows.in;
                      float* to = packed + (first + begin) * rows.in;
                      for (std::int64_t d = 0; d < rows.in; ++d) {
                          for (std::int64_t r = 0; r < count; ++r) {
                              to[d * count + r] = from[r * rows.in + d];
                          }
                      }
                  });
    }
}

void pack_dense_panel(const DenseRows& rows, const float* weight, std::int64_t p, float* panels) {
    const std::int64_t first = p * kPanel;
    Panels one(kPanel);
    one.width = kVectors;
    pack_panels_turned(weight + first * rows.in, rows.in, smaller(kPanel, rows.out - first),
                       rows.in, one, panels + first * rows.in);
}

}  // namespace

void add_dense(CpuKernels& set) {
    set.dense_panel = kPanel;
    set.dense_forward = dense_forward;
    set.pack_dense_rows = pack_dense_rows;
    set.pack_dense_panel = pack_dense_panel;
}

}  // namespace finewatt::FINEWATT_KERNELS_NAME
