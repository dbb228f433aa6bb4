// Self-attention of one head, forward and backward. A block of queries at a time: its scores
// against all keys lie in a strip that fits the second cache, and K and V lie in panels.
#include "finewatt/engine/kernels/lanes_math_internal.h"
#include "finewatt/engine/kernels/parts_internal.h"
#include "finewatt/engine/kernels/tiles_internal.h"

namespace finewatt::FINEWATT_KERNELS_NAME {
namespace {

/// Queries that are worked on together.
constexpr std::int64_t kBlock = 32;
/// Floats beyond the keys between the rows of a strip: rows that lie a power of two apart would
/// fall into the same few lines of the cache.
constexpr std::int64_t kStripGap = 16;
/// Floats of a cache line.
constexpr std::uintptr_t kLine = 16;

/// The scratch memory of one head, cut into its parts.
struct Scratch {
    Panels keys;              ///< panels over the real keys
    Panels depth;             ///< panels over the head's values
    std::int64_t strip_step;  ///< floats between rows of a strip
    std::int64_t row_step;    ///< floats between rows of what follows
    float* key_columns;       ///< [D, keys] in panels
    float* value_columns;     ///< [D, keys] in panels; backward
    float* straight;          ///< [keys, D] in panels: values; keys in backward
    float* key_sums;          ///< [keys, D] gradients; backward
    float* value_sums;        ///< [keys, D] gradients; backward
    float* queries;           ///< [kBlock, D], scaled
    float* context;           ///< [kBlock, D]
    float* context_gradient;  ///< [kBlock, D]; backward
    float* strip;             ///< [kBlock, keys] scores, then probabilities
    float* other_strip;       ///< [kBlock, keys] gradients of the scores; backward

    Scratch(std::int64_t key_length, std::int64_t head_size, float* memory)
        : keys(key_length),
          depth(head_size),
          strip_step(keys.columns() + kStripGap),
          row_step(depth.columns()) {
        // Whole cache lines: no vector then lies across two of them.
        const auto floats = reinterpret_cast<std::uintptr_t>(memory) / sizeof(float);
        memory += (kLine - floats % kLine) % kLine;
        const auto take = [&memory](std::int64_t size) {
            float* part = memory;
            memory += size;
            return part;
        };
        const std::int64_t key_rows = round_up(key_length, kTileRows);
        key_columns = take(head_size * keys.columns());
        value_columns = take(head_size * keys.columns());
        straight = take(key_length * row_step);
        key_sums = take(key_rows * row_step);
        value_sums = take(key_rows * row_step);
        queries = take(kBlock * row_step);
        context = take(kBlock * row_step);
        context_gradient = take(kBlock * row_step);
        strip = take(kBlock * strip_step);
        other_strip = take(kBlock * strip_step);
    }
};

std::int64_t attention_scratch(std::int64_t length, std::int64_t head_size) {
    const std::int64_t keys = Panels(length).columns();
    const std::int64_t depth = Panels(head_size).columns();
    return 2 * head_size * keys + 3 * keys * depth + 3 * kBlock * depth +
           2 * kBlock * (keys + kStripGap) + static_cast<std::int64_t>(kLine);
}

/// The queries [first, first + rows) of a head.
struct Block {
    std::int64_t first;
    std::int64_t rows;
    std::int64_t tile_rows;  ///< rows, with those that fill the last tile
};

template <class T, class Work>
FINEWATT_INLINE void for_blocks(const AttentionHead<T>& head, const Work& work) {
    for (std::int64_t first = 0; first < head.query_length; first += kBlock) {
        const std::int64_t rows = smaller(kBlock, head.query_length - first);
        work(Block{first, rows, round_up(rows, kTileRows)});
    }
}

/// Scaled scores of a block into the strip.
template <class T>
void scores_of(const AttentionHead<T>& head, const Block& block, const Scratch& scratch) {
    pack_rows(head.query + block.first * head.stride, head.stride, block.rows, head.head_size,
              block.tile_rows, head.scale, scratch.queries, scratch.row_step);
    multiply({scratch.queries, scratch.row_step, 1}, scratch.key_columns, scratch.keys,
             block.tile_rows, head.head_size, scratch.strip, scratch.strip_step);
}

/// What one row's softmax leaves behind.
struct RowSoftmax {
    float largest;
    float sum;
};

/// scores -> e^(score - largest), times the dropout factor; 0 beyond the real keys.
template <bool Drops>
RowSoftmax exponentials(float* scores, std::int64_t keys, std::uint64_t key, const MaskRule& mask) {
    constexpr float kLowest = -3.0e38F;
    Lanes best = all(kLowest);
    for_lanes(keys,
              [&](auto at) { best = larger(best, inside(at, load(scores + at.first), kLowest)); });
    const float largest = max_of(best);
    Lanes sums{};
    for_lanes(keys, [&](auto at) {
        const Lanes power = inside(at, exp_of(load(scores + at.first) - largest), 0);
        sums += power;
        store(scores + at.first, Drops ? power * mask_of(key, at.first, mask) : power);
    });
    return {largest, sum_of(sums)};
}

template <class T>
RowSoftmax exponentials_of(const AttentionHead<T>& head, std::int64_t query, float* scores) {
    if (head.mask_keys == nullptr) {
        return exponentials<false>(scores, head.key_length, 0, {});
    }
    return exponentials<true>(scores, head.key_length, head.mask_keys[query], head.mask);
}

/// Write rows times a factor each.
template <class T>
void write_row(const float* from, std::int64_t size, float scale, T* to) {
    for_lanes(size, [&](auto at) { store(to, at, load(from + at.first) * scale); });
}

template <class T>
void attention_forward(const AttentionHead<T>& head, T* context, std::int64_t context_stride,
                       float* logsumexp, float* memory) {
    const Scratch scratch(head.key_length, head.head_size, memory);
    pack_panels_turned(head.key, head.stride, head.key_length, head.head_size, scratch.keys,
                       scratch.key_columns);
    pack_panels(head.value, head.stride, head.key_length, head.head_size, scratch.depth,
                scratch.straight);
    for_blocks(head, [&](const Block& block) {
        scores_of(head, block, scratch);
        float factors[kBlock];
        for (std::int64_t r = 0; r < block.rows; ++r) {
            const std::int64_t query = block.first + r;
            const RowSoftmax row =
                exponentials_of(head, query, scratch.strip + r * scratch.strip_step);
            factors[r] = 1.0F / row.sum;
            if (logsumexp != nullptr) {
                logsumexp[query] = row.largest + __builtin_logf(row.sum);
            }
        }
        multiply_deep({scratch.strip, scratch.strip_step, 1}, scratch.straight, scratch.depth,
                      block.tile_rows, head.key_length, scratch.context, scratch.row_step);
        for (std::int64_t r = 0; r < block.rows; ++r) {
            write_row(scratch.context + r * scratch.row_step, head.head_size, factors[r],
                      context + (block.first + r) * context_stride);
        }
    });
}

/// From the scores s and the gradient dp of the dropped-out probabilities of one row: the dropped-
/// out probabilities over s, and the gradient of the scores, p (mask dp - mean), over dp.
template <bool Drops>
void score_gradients(float* scores, float* gradients, std::int64_t keys, float logsumexp,
                     float mean, std::uint64_t key, const MaskRule& mask) {
    for_lanes(keys, [&](auto at) {
        const Lanes p = inside(at, exp_of(load(scores + at.first) - logsumexp), 0);
        const Lanes factors = Drops ? mask_of(key, at.first, mask) : all(1);
        store(gradients + at.first, p * (factors * load(gradients + at.first) - mean));
        store(scores + at.first, Drops ? p * factors : p);
    });
}

FINEWATT_INLINE float dot(const float* a, const float* b, std::int64_t size) {
    Lanes sums{};
    for (std::int64_t i = 0; i < size; i += kLanes) {
        sums += load(a + i) * load(b + i);
    }
    return sum_of(sums);
}

/// Both strips of a block: dropped-out probabilities, and gradients of the scores.
template <class T>
void strips_of(const AttentionHead<T>& head, const Block& block, const float* logsumexp,
               const Scratch& scratch) {
    scores_of(head, block, scratch);
    multiply({scratch.context_gradient, scratch.row_step, 1}, scratch.value_columns, scratch.keys,
             block.tile_rows, head.head_size, scratch.other_strip, scratch.strip_step);
    for (std::int64_t r = 0; r < block.rows; ++r) {
        const std::int64_t query = block.first + r;
        const float mean = dot(scratch.context + r * scratch.row_step,
                               scratch.context_gradient + r * scratch.row_step, scratch.row_step);
        float* scores = scratch.strip + r * scratch.strip_step;
        float* gradients = scratch.other_strip + r * scratch.strip_step;
        if (head.mask_keys == nullptr) {
            score_gradients<false>(scores, gradients, head.key_length, logsumexp[query], mean, 0,
                                   {});
        } else {
            score_gradients<true>(scores, gradients, head.key_length, logsumexp[query], mean,
                                  head.mask_keys[query], head.mask);
        }
    }
}

/// Write the sums over the queries; keys that are padding have none.
template <class T>
void write_key_gradients(const AttentionHead<T>& head, const float* sums, std::int64_t step,
                         T* to) {
    for (std::int64_t r = 0; r < head.length; ++r) {
        T* row = to + r * head.stride;
        if (r < head.key_length) {
            write_row(sums + r * step, head.head_size, 1, row);
        } else {
            for_lanes(head.head_size, [&](auto at) { store(row, at, Lanes{}); });
        }
    }
}

template <class T>
void attention_backward(const AttentionHead<T>& head, const T* context, const T* context_gradient,
                        std::int64_t context_stride, const float* logsumexp,
                        const AttentionGradients<T>& gradients, float* memory) {
    const Scratch scratch(head.key_length, head.head_size, memory);
    const std::int64_t step = scratch.row_step;
    const std::int64_t key_rows = round_up(head.key_length, kTileRows);
    pack_panels_turned(head.key, head.stride, head.key_length, head.head_size, scratch.keys,
                       scratch.key_columns);
    pack_panels_turned(head.value, head.stride, head.key_length, head.head_size, scratch.keys,
                       scratch.value_columns);
    pack_panels(head.key, head.stride, head.key_length, head.head_size, scratch.depth,
                scratch.straight);
    for (std::int64_t i = 0; i < key_rows * step; i += kLanes) {
        store(scratch.key_sums + i, Lanes{});
        store(scratch.value_sums + i, Lanes{});
    }
    for_blocks(head, [&](const Block& block) {
        const std::int64_t first = block.first * context_stride;
        pack_rows(context + first, context_stride, block.rows, head.head_size, block.tile_rows, 1,
                  scratch.context, step);
        pack_rows(context_gradient + first, context_stride, block.rows, head.head_size,
                  block.tile_rows, 1, scratch.context_gradient, step);
        strips_of(head, block, logsumexp, scratch);
        add_product({scratch.strip, 1, scratch.strip_step}, scratch.context_gradient, step,
                    scratch.depth, key_rows, block.rows, scratch.value_sums, step);
        // The scaled queries carry the factor of the keys' gradient.
        add_product({scratch.other_strip, 1, scratch.strip_step}, scratch.queries, step,
                    scratch.depth, key_rows, block.rows, scratch.key_sums, step);
        multiply_deep({scratch.other_strip, scratch.strip_step, 1}, scratch.straight, scratch.depth,
                      block.tile_rows, head.key_length, scratch.context, step);
        for (std::int64_t r = 0; r < block.rows; ++r) {
            write_row(scratch.context + r * step, head.head_size, head.scale,
                      gradients.query + (block.first + r) * head.stride);
        }
    });
    write_key_gradients(head, scratch.key_sums, step, gradients.key);
    write_key_gradients(head, scratch.value_sums, step, gradients.value);
}

template <class T>
void add_for(ElementKernels<T>& set) {
    set.attention_forward = attention_forward<T>;
    set.attention_backward = attention_backward<T>;
}

}  // namespace

void add_attention(CpuKernels& set) {
    add_for(set.f32);
    add_for(set.bf16);
    set.attention_scratch = attention_scratch;
}

}  // namespace finewatt::FINEWATT_KERNELS_NAME
