// y = x W^T + b for a few rows, with W packed into panels of kSkinnyPanel outputs.
#include "finewatt/engine/kernels/parts_internal.h"
#include "finewatt/engine/kernels/tiles_internal.h"

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

constexpr std::int64_t kPanelVectors = kSkinnyPanel / kLanes;

std::int64_t packed_size(std::int64_t inputs, std::int64_t outputs) {
    return inputs * round_up(outputs, kSkinnyPanel);
}

void pack_weights(std::int64_t inputs, std::int64_t outputs, const float* weights, float* packed) {
    for (std::int64_t first = 0; first < outputs; first += kSkinnyPanel) {
        float* panel = packed + first * inputs;
        for (std::int64_t o = 0; o < kSkinnyPanel; ++o) {
            for (std::int64_t i = 0; i < inputs; ++i) {
                panel[i * kSkinnyPanel + o] =
                    first + o < outputs ? weights[(first + o) * inputs + i] : 0.0F;
            }
        }
    }
}

/// Rows x one panel for a part of the depth, added to sums [Rows, kSkinnyPanel].
template <int Rows>
FINEWATT_INLINE void add_rows(const SkinnyLinear& linear, std::int64_t row, const float* panel,
                              std::int64_t depth_begin, std::int64_t depth, float* sums) {
    const Left left{linear.x + row * linear.inputs + depth_begin, linear.inputs, 1};
    for (std::int64_t v = 0; v < kPanelVectors; v += kTileVectors) {
        multiply_tile<Rows, kTileVectors, true>(
            left, {panel + depth_begin * kSkinnyPanel + v * kLanes, kSkinnyPanel}, depth,
            sums + row * kSkinnyPanel + v * kLanes, kSkinnyPanel);
    }
}

/// The same with the number of rows, 1 to 4, known only now.
FINEWATT_INLINE void add_some_rows(std::int64_t rows, const SkinnyLinear& linear, std::int64_t row,
                                   const float* panel, std::int64_t depth_begin, std::int64_t depth,
                                   float* sums) {
    switch (rows) {
        case 1:
            return add_rows<1>(linear, row, panel, depth_begin, depth, sums);
        case 2:
            return add_rows<2>(linear, row, panel, depth_begin, depth, sums);
        case 3:
            return add_rows<3>(linear, row, panel, depth_begin, depth, sums);
        default:
            return add_rows<4>(linear, row, panel, depth_begin, depth, sums);
    }
}

/// All rows x one panel. A part of the depth at a time stays in the nearest cache for all rows;
/// while they pass, the next part is asked for.
void skinny_panel(const SkinnyLinear& linear, const float* panel, float* sums) {
    constexpr std::int64_t kPart = 32;
    const std::int64_t groups = (linear.rows + kTileRows - 1) / kTileRows;
    const std::int64_t ahead = round_up(kPart * kSkinnyPanel / groups, kLanes);
    for (std::int64_t d = 0; d < linear.inputs; d += kPart) {
        const std::int64_t depth = smaller(kPart, linear.inputs - d);
        const float* next = panel + (d + kPart) * kSkinnyPanel;
        for (std::int64_t row = 0; row < linear.rows; row += kTileRows) {
            for (std::int64_t i = 0; i < ahead; i += kLanes) {
                __builtin_prefetch(next + i);
            }
            next += ahead;
            add_some_rows(smaller(kTileRows, linear.rows - row), linear, row, panel, d, depth,
                          sums);
        }
    }
}

void skinny_linear(const SkinnyLinear& linear, std::int64_t begin, std::int64_t end) {
    constexpr std::int64_t kMostRows = 32;
    alignas(64) float sums[kMostRows * kSkinnyPanel];
    for (std::int64_t first = begin; first < end; first += kSkinnyPanel) {
        const std::int64_t columns = smaller(kSkinnyPanel, end - first);
        for (std::int64_t r = 0; r < linear.rows; ++r) {
            for (std::int64_t c = 0; c < kSkinnyPanel; ++c) {
                const bool has_bias = linear.bias != nullptr && c < columns;
                sums[r * kSkinnyPanel + c] = has_bias ? linear.bias[first + c] : 0.0F;
            }
        }
        skinny_panel(linear, linear.packed + first * linear.inputs, sums);
        for (std::int64_t r = 0; r < linear.rows; ++r) {
            float* to = linear.y + r * linear.outputs + first;
            for_lanes(columns,
                      [&](auto at) { store(to, at, load(sums + r * kSkinnyPanel + at.first)); });
        }
    }
}

}  // namespace

void add_skinny_linear(CpuKernels& set) {
    set.packed_size = packed_size;
    set.pack_weights = pack_weights;
    set.skinny_linear = skinny_linear;
}

}  // namespace finewatt::FINEWATT_KERNELS_NAME
