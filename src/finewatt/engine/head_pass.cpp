#include "finewatt/engine/head_pass_internal.h"

#include <algorithm>
#include <array>

namespace finewatt {
namespace {

/// Where an answer lies: clamped to [0, length], and `length` means that it is not in this text.
std::int64_t clamped(std::int64_t position, std::int64_t length) {
    return std::clamp<std::int64_t>(position, 0, length);
}

std::int64_t count_positions(const PassInput& input, const std::int64_t* positions) {
    std::int64_t count = 0;
    for (std::int64_t s = 0; s < input.sequences; ++s) {
        const std::int32_t* sequence = input.sequence_table + 4 * s;
        count += clamped(positions[sequence[3]], sequence[1]) < sequence[1] ? 1 : 0;
    }
    return count;
}

}  // namespace

TargetCounts count_targets(const HeadSettings& settings, const PassInput& input,
                           const HeadTargets& targets) {
    switch (settings.kind) {
        case HeadKind::kClassification:
            break;
        case HeadKind::kTokenClassification:
            return {std::count_if(targets.token_labels, targets.token_labels + input.rows,
                                  [](std::int64_t label) { return label >= 0; }),
                    0};
        case HeadKind::kQuestionAnswering:
            return {count_positions(input, targets.starts), count_positions(input, targets.ends)};
    }
    return {input.sequences, 0};
}

void HeadPass::plan(const PassInput& input, std::int64_t encoded_rows, bool for_training,
                    ArenaPlan& plan) {
    input_ = input;
    encoded_rows_ = encoded_rows;
    rows_ = is_for_texts() ? input.sequences : input.rows;
    const std::int64_t hidden = settings_.hidden;
    keys_ = plan.take<std::uint64_t>(rows_);
    places_ = plan.take<std::int32_t>(2 * input.sequences);
    if (is_for_texts()) {
        gathered_ = encoded_rows == input.sequences ? nullptr : plan.take<float>(rows_ * hidden);
        before_activation_ = plan.take<float>(rows_ * hidden);
        pooled_ = plan.take<float>(rows_ * hidden);
    }
    if (for_training) {
        dropped_ = settings_.dropout > 0 ? plan.take<float>(rows_ * hidden) : nullptr;
        row_gradient_ = plan.take<float>(is_for_texts() ? rows_ * hidden : 0);
        first_gradient_ = plan.take<float>(is_for_texts() ? rows_ * hidden : 0);
    }
    logits_ = plan.take<float>(rows_ * settings_.labels);
}

void HeadPass::apply_dropout(const float* from, float* to) const {
    const std::int32_t* places = is_for_texts() ? places_ : input_.places;
    const DropoutSite site = is_for_texts() ? DropoutSite::kPooled : DropoutSite::kHeadRows;
    fill_row_keys({*dropout_, 0, site}, rows_, places, keys_);
    const MaskRule mask = mask_rule(settings_.dropout);
    for_row_pieces(rows_, [&](std::int64_t begin, std::int64_t count) {
        const std::int64_t offset = begin * settings_.hidden;
        tools_.kernels.f32.dropout(count, settings_.hidden, keys_ + begin, mask, from + offset,
                                   to + offset);
    });
}

const float* HeadPass::forward(const float* encoded, const std::optional<DropoutStep>& dropout) {
    const PartTimer timer(tools_.times.head_s);
    dropout_ = dropout;
    last_input_ = encoded;
    if (is_for_texts()) {
        for (std::int64_t s = 0; s < input_.sequences; ++s) {
            places_[2 * s] = static_cast<std::int32_t>(s);
            places_[2 * s + 1] = 0;
        }
        first_ = encoded;
        if (gathered_ != nullptr) {
            for (std::int64_t s = 0; s < rows_; ++s) {
                std::copy_n(encoded + input_.first_rows[s] * settings_.hidden, settings_.hidden,
                            gathered_ + s * settings_.hidden);
            }
            first_ = gathered_;
        }
        tools_.gemm.forward(first_, rows_, weights_.dense.weights, before_activation_);
        tools_.kernels.f32.activation_forward(
            {settings_.dense_activation, rows_, settings_.hidden, weights_.dense.bias},
            before_activation_, pooled_);
        last_input_ = pooled_;
    }
    if (has_dropout()) {
        apply_dropout(last_input_, dropped_);
        last_input_ = dropped_;
    }
    tools_.gemm.forward(last_input_, rows_, weights_.last.weights, logits_);
    return logits_;
}

double HeadPass::row_losses(const std::int64_t* labels, double divisor) {
    const auto factor = static_cast<float>(1 / divisor);
    double sum = 0;
    for (std::int64_t r = 0; r < rows_; ++r) {
        float* logits = logits_ + r * settings_.labels;
        sum += static_cast<double>(tools_.kernels.f32.cross_entropy(
            {settings_.labels, 1, labels[r], factor}, logits, logits));
    }
    return sum / divisor;
}

double HeadPass::span_losses(const std::int64_t* positions, std::int64_t column, double divisor) {
    const auto factor = static_cast<float>(0.5 / divisor);
    double sum = 0;
    for (std::int64_t s = 0; s < input_.sequences; ++s) {
        const std::int32_t* sequence = input_.sequence_table + 4 * s;
        float* logits = logits_ + sequence[0] * settings_.labels + column;
        // The label `length` is outside of the classes, so that it is left out.
        sum += static_cast<double>(tools_.kernels.f32.cross_entropy(
            {sequence[1], settings_.labels, clamped(positions[sequence[3]], sequence[1]), factor},
            logits, logits));
    }
    return sum / divisor;
}

void HeadPass::dense_backward(const DenseLayer& dense, const float* dy, const float* x,
                              bool is_added, float* dx) const {
    const std::int64_t columns = dense.weights.out;
    const std::array<float*, 1> targets{dense.bias_gradient};
    sum_row_pieces(tools_, rows_, columns, targets,
                   [&](std::int64_t begin, std::int64_t count, const PieceSums& sums) {
                       tools_.kernels.f32.column_sums(count, columns, dy + begin * columns,
                                                      sums.part(0));
                   });
    tools_.gemm.weight_gradient(dy, x, rows_, dense.weights, is_added, dense.weight_gradient);
    tools_.gemm.input_gradient(dy, rows_, dense.weights, dx);
}

double HeadPass::loss_and_backward(const HeadTargets& targets, double divisor, double ends_divisor,
                                   bool is_added, float* encoded_gradient) {
    const PartTimer timer(tools_.times.head_s);
    double loss = 0;
    switch (settings_.kind) {
        case HeadKind::kClassification:
            loss = row_losses(targets.labels, divisor);
            break;
        case HeadKind::kTokenClassification:
            loss = row_losses(targets.token_labels, divisor);
            break;
        case HeadKind::kQuestionAnswering:
            loss = (span_losses(targets.starts, 0, divisor) +
                    span_losses(targets.ends, 1, ends_divisor)) /
                   2;
            break;
    }
    float* gradient = is_for_texts() ? row_gradient_ : encoded_gradient;
    dense_backward(weights_.last, logits_, last_input_, is_added, gradient);
    if (has_dropout()) {
        apply_dropout(gradient, gradient);
    }
    if (is_for_texts()) {
        texts_backward(is_added, encoded_gradient);
    }
    return loss;
}

void HeadPass::texts_backward(bool is_added, float* encoded_gradient) {
    const std::int64_t hidden = settings_.hidden;
    const std::array<float*, 1> targets{weights_.dense.bias_gradient};
    sum_row_pieces(tools_, rows_, hidden, targets,
                   [&](std::int64_t begin, std::int64_t count, const PieceSums& sums) {
                       float* gradient = row_gradient_ + begin * hidden;
                       tools_.kernels.f32.activation_backward(
                           {settings_.dense_activation, count, hidden, weights_.dense.bias},
                           before_activation_ + begin * hidden, gradient, gradient, sums.part(0));
                   });
    tools_.gemm.weight_gradient(row_gradient_, first_, rows_, weights_.dense.weights, is_added,
                                weights_.dense.weight_gradient);
    if (gathered_ == nullptr) {
        tools_.gemm.input_gradient(row_gradient_, rows_, weights_.dense.weights, encoded_gradient);
        return;
    }
    tools_.gemm.input_gradient(row_gradient_, rows_, weights_.dense.weights, first_gradient_);
    for_row_pieces(encoded_rows_, [&](std::int64_t begin, std::int64_t count) {
        std::fill_n(encoded_gradient + begin * hidden, count * hidden, 0.0F);
    });
    for (std::int64_t s = 0; s < rows_; ++s) {
        std::copy_n(first_gradient_ + s * hidden, hidden,
                    encoded_gradient + input_.first_rows[s] * hidden);
    }
}

}  // namespace finewatt
