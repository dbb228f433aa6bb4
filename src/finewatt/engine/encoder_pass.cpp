#include "finewatt/engine/encoder_pass_internal.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

namespace finewatt {
namespace {

/// Where products read float32, they read the residual stream itself.
template <class T>
constexpr bool kIsWide = std::is_same_v<T, float>;

template <class T>
T* of_wide(float* wide) {
    if constexpr (kIsWide<T>) {
        return wide;
    } else {
        return nullptr;
    }
}

/// The array beside y that bfloat16 products read; none where they read y.
template <class T>
Bfloat16* low_of(T* array) {
    if constexpr (kIsWide<T>) {
        return nullptr;
    } else {
        return array;
    }
}

NormRows rows_of_piece(NormRows rows, std::int64_t begin, std::int64_t count) {
    rows.rows = count;
    rows.mask_keys = rows_from(rows.mask_keys, begin, 1);
    return rows;
}

NormResults results_of_piece(NormResults results, std::int64_t begin, std::int64_t size) {
    results.normalised += begin * size;
    results.inverse_deviations += begin;
    results.y += begin * size;
    results.y_low = rows_from(results.y_low, begin, size);
    return results;
}

template <class T>
NormUpstream<T> upstream_of_piece(NormUpstream<T> upstream, std::int64_t begin, std::int64_t size) {
    upstream.y_gradient += begin * size;
    upstream.product_gradient = rows_from(upstream.product_gradient, begin, size);
    upstream.normalised += begin * size;
    upstream.inverse_deviations += begin;
    return upstream;
}

EmbeddingRows rows_of_piece(EmbeddingRows rows, std::int64_t begin, std::int64_t count) {
    rows.rows = count;
    rows.word_ids += begin;
    rows.position_ids += begin;
    rows.type_ids = rows_from(rows.type_ids, begin, 1);
    rows.mask_keys = rows_from(rows.mask_keys, begin, 1);
    return rows;
}

/// to[i] = from[rows[i]] for rows of `width` values.
template <class T>
void gather(std::int64_t count, std::int64_t width, const std::int64_t* rows, const T* from,
            T* to) {
    for (std::int64_t i = 0; i < count; ++i) {
        std::copy_n(from + rows[i] * width, width, to + i * width);
    }
}

}  // namespace

// ---- memory ----

template <class T>
void EncoderPass<T>::plan(const PassInput& input, bool for_training, ArenaPlan& plan) {
    input_ = input;
    is_training_ = for_training;
    const std::int64_t rows = input.rows;
    const std::int64_t hidden = settings_.hidden;
    std::int64_t longest = 0;
    for (std::int64_t s = 0; s < input.sequences; ++s) {
        longest = std::max<std::int64_t>(longest, input.sequence_table[4 * s + 1]);
    }
    plan_attention(longest, hidden / settings_.heads, tools_, plan);
    keys_ = plan.template take<std::uint64_t>(rows);
    first_places_ = plan.template take<std::int32_t>(2 * input.sequences);
    embedding_normalised_ = plan.template take<float>(rows * hidden);
    embedding_inverse_ = plan.template take<float>(rows);
    embedded_wide_ = plan.template take<float>(rows * hidden);
    embedded_ = kIsWide<T> ? of_wide<T>(embedded_wide_) : plan.template take<T>(rows * hidden);
    dense_result_ = kIsWide<T> ? nullptr : plan.template take<T>(rows * hidden);
    blocks_.assign(weights_.blocks.size(), {});
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
        const std::size_t mark = plan.mark();
        plan_block(block, plan);
        if (!is_training_ && block + 1 < blocks_.size()) {
            plan.rewind(mark);  // the next block may use the same memory
        }
    }
    if (is_training_) {
        plan_backward(plan);
    }
}

template <class T>
void EncoderPass<T>::plan_block(std::size_t block, ArenaPlan& plan) {
    const std::int64_t rows = rows_of(block);
    const std::int64_t hidden = settings_.hidden;
    const std::int64_t inner = settings_.feed_forward;
    BlockMemory<T>& memory = blocks_[block];
    const auto floats = [&](std::int64_t count) { return plan.template take<float>(count); };
    const auto elements = [&](std::int64_t count) { return plan.template take<T>(count); };
    // What the block reads: the result of the one before.
    const BlockMemory<T>* before = block == 0 ? nullptr : &blocks_[block - 1];
    memory.residual = before == nullptr ? embedded_wide_ : before->output_wide;
    memory.input = before == nullptr ? embedded_ : before->output;
    memory.query_input = memory.input;
    if (is_first_only(block)) {
        float* first_wide = floats(rows * hidden);
        T* first = kIsWide<T> ? of_wide<T>(first_wide) : elements(rows * hidden);
        memory.residual = first_wide;
        memory.query_input = first;
        memory.query = elements(rows * hidden);
        memory.query_key_value = elements(input_.rows * 2 * hidden);
    } else {
        memory.query_key_value = elements(rows * 3 * hidden);
    }
    memory.logsumexp = is_training_ ? floats(settings_.heads * rows) : nullptr;
    memory.context = elements(rows * hidden);
    memory.attention_normalised = floats(rows * hidden);
    memory.attention_inverse = floats(rows);
    memory.attended_wide = floats(rows * hidden);
    memory.attended = kIsWide<T> ? of_wide<T>(memory.attended_wide) : elements(rows * hidden);
    memory.before_activation = elements(rows * inner);
    memory.inner = is_training_ ? elements(rows * inner) : memory.before_activation;
    if (is_training_) {
        memory.output_normalised = floats(rows * hidden);
        memory.output_wide = floats(rows * hidden);
        memory.output = kIsWide<T> ? of_wide<T>(memory.output_wide) : elements(rows * hidden);
    } else {
        // Nothing is kept: the block's input is read no more when its result is written.
        memory.output_normalised = memory.attention_normalised;
        memory.output_wide = is_first_only(block) ? floats(rows * hidden) : embedded_wide_;
        memory.output = is_first_only(block) && !kIsWide<T> ? elements(rows * hidden)
                        : kIsWide<T>                        ? of_wide<T>(memory.output_wide)
                                                            : embedded_;
    }
    memory.output_inverse = floats(rows);
}

template <class T>
void EncoderPass<T>::plan_backward(ArenaPlan& plan) {
    const std::int64_t rows = input_.rows;
    const std::int64_t hidden = settings_.hidden;
    const std::int64_t widest = std::max(settings_.feed_forward, 3 * hidden);
    gradient_ = plan.template take<float>(rows * hidden);
    product_gradient_ = plan.template take<T>(rows * hidden);
    context_gradient_ = plan.template take<T>(rows * hidden);
    wide_gradient_ = plan.template take<T>(rows * widest);
    if (is_first_only()) {
        query_gradient_ = plan.template take<T>(input_.sequences * hidden);
        first_gradient_ = plan.template take<float>(input_.sequences * hidden);
    }
}

// ---- forward ----

template <class T>
EmbeddingRows EncoderPass<T>::embedding_rows() const {
    EmbeddingRows rows;
    rows.rows = input_.rows;
    rows.size = settings_.hidden;
    rows.word_ids = input_.ids;
    rows.position_ids = input_.positions;
    rows.type_ids = weights_.types.values == nullptr ? nullptr : input_.type_ids;
    rows.word_table = weights_.words.values;
    rows.position_table = weights_.positions.values;
    rows.type_table = weights_.types.values;
    rows.gain = weights_.embedding_norm.gain;
    rows.shift = weights_.embedding_norm.shift;
    rows.eps = settings_.eps;
    if (dropout_ && settings_.embedding_dropout > 0) {
        fill_row_keys({*dropout_, 0, DropoutSite::kEmbeddings}, input_.rows, input_.places, keys_);
        rows.mask_keys = keys_;
        rows.mask = mask_rule(settings_.embedding_dropout);
    }
    return rows;
}

template <class T>
void EncoderPass<T>::embed() {
    const PartTimer timer(tools_.times.embedding_s);
    const EmbeddingRows rows = embedding_rows();
    const NormResults results{embedding_normalised_, embedding_inverse_, embedded_wide_,
                              low_of(embedded_)};
    for_row_pieces(rows.rows, [&](std::int64_t begin, std::int64_t count) {
        tools_.kernels.embedding_forward(rows_of_piece(rows, begin, count),
                                         results_of_piece(results, begin, settings_.hidden));
    });
}

template <class T>
const float* EncoderPass<T>::forward(const std::optional<DropoutStep>& dropout) {
    dropout_ = dropout;
    for (std::int64_t s = 0; s < input_.sequences; ++s) {
        first_places_[2 * s] = static_cast<std::int32_t>(s);
        first_places_[2 * s + 1] = 0;
    }
    embed();
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
        run_block(block);
    }
    return blocks_.empty() ? embedded_wide_ : blocks_.back().output_wide;
}

template <class T>
AttentionWork<T> EncoderPass<T>::attention_work(std::size_t block) const {
    const BlockMemory<T>& memory = blocks_[block];
    const std::int64_t hidden = settings_.hidden;
    AttentionWork<T> work;
    work.sequences = input_.sequences;
    work.sequence_table = input_.sequence_table;
    work.heads = settings_.heads;
    work.head_size = hidden / settings_.heads;
    work.has_first_rows_only = is_first_only(block);
    work.result_rows = rows_of(block);
    const T* all = memory.query_key_value;
    if (work.has_first_rows_only) {
        work.in = {memory.query, all, all + hidden};
        work.stride = 2 * hidden;
    } else {
        work.in = {all, all + hidden, all + 2 * hidden};
        work.stride = 3 * hidden;
    }
    work.context = memory.context;
    work.logsumexp = memory.logsumexp;
    work.has_dropout = dropout_.has_value() && settings_.attention_dropout > 0;
    if (work.has_dropout) {
        work.dropout_base = dropout_base(
            {*dropout_, static_cast<std::int64_t>(block), DropoutSite::kAttentionProbabilities});
        work.mask = mask_rule(settings_.attention_dropout);
    }
    return work;
}

template <class T>
void EncoderPass<T>::query_key_value(std::size_t block) {
    const BlockWeights& weights = weights_.blocks[block];
    BlockMemory<T>& memory = blocks_[block];
    Gemm& gemm = tools_.gemm;
    if (!is_first_only(block)) {
        gemm.forward(memory.input, input_.rows, weights.query_key_value.weights,
                     memory.query_key_value);
        return;
    }
    const BlockMemory<T>* before = block == 0 ? nullptr : &blocks_[block - 1];
    const float* wide = before == nullptr ? embedded_wide_ : before->output_wide;
    gather(input_.sequences, settings_.hidden, input_.first_rows, wide, memory.residual);
    if constexpr (!kIsWide<T>) {
        gather(input_.sequences, settings_.hidden, input_.first_rows, memory.input,
               memory.query_input);
    }
    gemm.forward(memory.query_input, input_.sequences, weights.query.weights, memory.query);
    gemm.forward(memory.input, input_.rows, weights.key_value.weights, memory.query_key_value);
}

template <class T>
NormRows EncoderPass<T>::norm_rows(std::size_t block, const DenseLayer& dense,
                                   const NormLayer& norm, double p, DropoutSite site) {
    NormRows rows;
    rows.rows = rows_of(block);
    rows.size = settings_.hidden;
    rows.bias = dense.bias;
    rows.gain = norm.gain;
    rows.shift = norm.shift;
    rows.eps = settings_.eps;
    if (dropout_ && p > 0) {
        fill_row_keys({*dropout_, static_cast<std::int64_t>(block), site}, rows.rows,
                      is_first_only(block) ? first_places_ : input_.places, keys_);
        rows.mask_keys = keys_;
        rows.mask = mask_rule(p);
    }
    return rows;
}

template <class T>
void EncoderPass<T>::add_and_norm(const NormRows& rows, const T* x, const float* residual,
                                  const NormResults& results) {
    const PartTimer timer(tools_.times.norm_s);
    for_row_pieces(rows.rows, [&](std::int64_t begin, std::int64_t count) {
        tools_.kernels.of<T>().norm_forward(rows_of_piece(rows, begin, count),
                                            x + begin * rows.size, residual + begin * rows.size,
                                            results_of_piece(results, begin, rows.size));
    });
}

template <class T>
void EncoderPass<T>::run_block(std::size_t block) {
    const BlockWeights& weights = weights_.blocks[block];
    BlockMemory<T>& memory = blocks_[block];
    const std::int64_t rows = rows_of(block);
    Gemm& gemm = tools_.gemm;
    query_key_value(block);
    {
        const PartTimer timer(tools_.times.attention_s);
        attend(attention_work(block), tools_);
    }
    // For float32 the product is written where the norm replaces it in place.
    T* product = kIsWide<T> ? of_wide<T>(memory.attention_normalised) : dense_result_;
    gemm.forward(memory.context, rows, weights.attention_output.weights, product);
    add_and_norm(norm_rows(block, weights.attention_output, weights.attention_norm,
                           settings_.attention_output_dropout, DropoutSite::kAttentionOutput),
                 product, memory.residual,
                 {memory.attention_normalised, memory.attention_inverse, memory.attended_wide,
                  low_of(memory.attended)});

    gemm.forward(memory.attended, rows, weights.intermediate.weights, memory.before_activation);
    {
        const PartTimer timer(tools_.times.activation_s);
        for_row_pieces(rows, [&](std::int64_t begin, std::int64_t count) {
            const std::int64_t offset = begin * settings_.feed_forward;
            tools_.kernels.of<T>().activation_forward(
                {settings_.activation, count, settings_.feed_forward, weights.intermediate.bias},
                memory.before_activation + offset, memory.inner + offset);
        });
    }
    product = kIsWide<T> ? of_wide<T>(memory.output_normalised) : dense_result_;
    gemm.forward(memory.inner, rows, weights.output.weights, product);
    add_and_norm(norm_rows(block, weights.output, weights.output_norm,
                           settings_.feed_forward_dropout, DropoutSite::kFeedForwardOutput),
                 product, memory.attended_wide,
                 {memory.output_normalised, memory.output_inverse, memory.output_wide,
                  low_of(memory.output)});
}

// ---- backward ----

template <class T>
void EncoderPass<T>::backward(bool is_added) {
    bool has_product_gradient = false;
    for (std::size_t block = blocks_.size(); block-- > 0;) {
        block_backward(block, has_product_gradient, is_added);
        has_product_gradient = true;
    }
    embedding_backward(has_product_gradient);
}

template <class T>
void EncoderPass<T>::norm_backward(const NormRows& rows, bool has_product_gradient,
                                   const float* normalised, const float* inverse,
                                   const DenseLayer& dense, const NormLayer& norm) {
    const PartTimer timer(tools_.times.norm_s);
    const NormUpstream<T> upstream{gradient_, has_product_gradient ? product_gradient_ : nullptr,
                                   normalised, inverse};
    const std::array<float*, 3> targets{dense.bias_gradient, norm.gain_gradient,
                                        norm.shift_gradient};
    sum_row_pieces(tools_, rows.rows, rows.size, targets,
                   [&](std::int64_t begin, std::int64_t count, const PieceSums& sums) {
                       tools_.kernels.of<T>().norm_backward(
                           rows_of_piece(rows, begin, count),
                           upstream_of_piece(upstream, begin, rows.size),
                           {gradient_ + begin * rows.size, product_gradient_ + begin * rows.size,
                            sums.part(0), sums.part(1), sums.part(2)});
                   });
}

/// On entry gradient_ holds the gradient of the block's result along the residual stream, and
/// product_gradient_ what the next block's product adds to it. On return they hold the same for
/// the block's input.
template <class T>
void EncoderPass<T>::block_backward(std::size_t block, bool has_product_gradient, bool is_added) {
    const BlockWeights& weights = weights_.blocks[block];
    const BlockMemory<T>& memory = blocks_[block];
    const std::int64_t rows = rows_of(block);
    Gemm& gemm = tools_.gemm;
    const auto dense_backward = [&](const DenseLayer& dense, const T* dy, const T* x, T* dx) {
        gemm.weight_gradient(dy, x, rows, dense.weights, is_added, dense.weight_gradient);
        gemm.input_gradient(dy, rows, dense.weights, dx);
    };
    norm_backward(norm_rows(block, weights.output, weights.output_norm,
                            settings_.feed_forward_dropout, DropoutSite::kFeedForwardOutput),
                  has_product_gradient, memory.output_normalised, memory.output_inverse,
                  weights.output, weights.output_norm);
    dense_backward(weights.output, product_gradient_, memory.inner, wide_gradient_);
    {
        const PartTimer timer(tools_.times.activation_s);
        const std::array<float*, 1> targets{weights.intermediate.bias_gradient};
        const std::int64_t columns = settings_.feed_forward;
        sum_row_pieces(tools_, rows, columns, targets,
                       [&](std::int64_t begin, std::int64_t count, const PieceSums& sums) {
                           T* gradient = wide_gradient_ + begin * columns;
                           tools_.kernels.of<T>().activation_backward(
                               {settings_.activation, count, columns, weights.intermediate.bias},
                               memory.before_activation + begin * columns, gradient, gradient,
                               sums.part(0));
                       });
    }
    dense_backward(weights.intermediate, wide_gradient_, memory.attended, product_gradient_);
    norm_backward(norm_rows(block, weights.attention_output, weights.attention_norm,
                            settings_.attention_output_dropout, DropoutSite::kAttentionOutput),
                  true, memory.attention_normalised, memory.attention_inverse,
                  weights.attention_output, weights.attention_norm);
    dense_backward(weights.attention_output, product_gradient_, memory.context, context_gradient_);
    query_key_value_backward(block, is_added);
}

template <class T>
void EncoderPass<T>::query_key_value_backward(std::size_t block, bool is_added) {
    const BlockWeights& weights = weights_.blocks[block];
    const BlockMemory<T>& memory = blocks_[block];
    const std::int64_t hidden = settings_.hidden;
    Gemm& gemm = tools_.gemm;
    const bool is_first = is_first_only(block);
    T* all = wide_gradient_;
    const AttentionArrays<T> gradients =
        is_first ? AttentionArrays<T>{query_gradient_, all, all + hidden}
                 : AttentionArrays<T>{all, all + hidden, all + 2 * hidden};
    {
        const PartTimer timer(tools_.times.attention_s);
        attend_backward(attention_work(block), context_gradient_, gradients, tools_);
    }
    const auto layer_backward = [&](const DenseLayer& dense, const T* dy, const T* x,
                                    std::int64_t rows, T* dx) {
        {
            const PartTimer timer(tools_.times.bias_sums_s);
            const std::int64_t columns = dense.weights.out;
            const std::array<float*, 1> targets{dense.bias_gradient};
            sum_row_pieces(tools_, rows, columns, targets,
                           [&](std::int64_t begin, std::int64_t count, const PieceSums& sums) {
                               tools_.kernels.of<T>().column_sums(
                                   count, columns, dy + begin * columns, sums.part(0));
                           });
        }
        gemm.weight_gradient(dy, x, rows, dense.weights, is_added, dense.weight_gradient);
        gemm.input_gradient(dy, rows, dense.weights, dx);
    };
    if (!is_first) {
        layer_backward(weights.query_key_value, all, memory.input, input_.rows, product_gradient_);
        return;
    }
    // The queries' share goes to the first rows only, in context_gradient_, which is dead now.
    layer_backward(weights.query, query_gradient_, memory.query_input, input_.sequences,
                   context_gradient_);
    layer_backward(weights.key_value, all, memory.input, input_.rows, product_gradient_);
    spread_first_rows();
}

/// From gradients of the first rows [B, H] to gradients of all rows [T, H]: 0 elsewhere.
template <class T>
void EncoderPass<T>::spread_first_rows() {
    const std::int64_t hidden = settings_.hidden;
    const std::int64_t count = input_.sequences * hidden;
    std::copy_n(gradient_, count, first_gradient_);
    if constexpr (kIsWide<T>) {
        tools_.kernels.add(count, context_gradient_, first_gradient_);
    } else {
        // gradient_ is copied already: it serves as the place of the float32 form.
        tools_.kernels.to_float(count, context_gradient_, gradient_);
        tools_.kernels.add(count, gradient_, first_gradient_);
    }
    for_row_pieces(input_.rows, [&](std::int64_t begin, std::int64_t rows) {
        std::fill_n(gradient_ + begin * hidden, rows * hidden, 0.0F);
    });
    for (std::int64_t s = 0; s < input_.sequences; ++s) {
        std::copy_n(first_gradient_ + s * hidden, hidden,
                    gradient_ + input_.first_rows[s] * hidden);
    }
}

template <class T>
void EncoderPass<T>::embedding_backward(bool has_product_gradient) {
    const PartTimer timer(tools_.times.embedding_s);
    const std::int64_t hidden = settings_.hidden;
    const EmbeddingRows rows = embedding_rows();
    const NormLayer& norm = weights_.embedding_norm;
    const NormUpstream<T> upstream{gradient_, has_product_gradient ? product_gradient_ : nullptr,
                                   embedding_normalised_, embedding_inverse_};
    const std::array<float*, 2> targets{norm.gain_gradient, norm.shift_gradient};
    sum_row_pieces(tools_, rows.rows, hidden, targets,
                   [&](std::int64_t begin, std::int64_t count, const PieceSums& sums) {
                       tools_.kernels.of<T>().embedding_backward(
                           rows_of_piece(rows, begin, count),
                           upstream_of_piece(upstream, begin, hidden),
                           {gradient_ + begin * hidden, sums.part(0), sums.part(1)});
                   });
    // Columns are shared out, so that every sum runs over the rows in their order.
    constexpr std::int64_t kColumns = 64;
    const std::int64_t stripes = (hidden + kColumns - 1) / kColumns;
#pragma omp parallel for schedule(static)
    for (std::int64_t stripe = 0; stripe < stripes; ++stripe) {
        const std::int64_t begin = stripe * kColumns;
        const std::int64_t end = std::min(hidden, begin + kColumns);
        const auto scatter = [&](const std::int32_t* ids, const EmbeddingTable& table) {
            if (table.gradient != nullptr) {
                tools_.kernels.scatter_rows({rows.rows, hidden, ids, gradient_, begin, end},
                                            table.gradient);
            }
        };
        scatter(input_.ids, weights_.words);
        scatter(input_.positions, weights_.positions);
        scatter(input_.type_ids, weights_.types);
    }
}

template class EncoderPass<float>;
template class EncoderPass<Bfloat16>;

}  // namespace finewatt
