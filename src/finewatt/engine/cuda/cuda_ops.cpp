#include "finewatt/engine/cuda/cuda_ops_internal.h"

// Operators with a leading underscore carry no promise: this is the only file that calls them. The
// arguments are those of torch 2.11 to 2.13; later ones have defaults.
#include <ATen/ops/_efficient_attention_backward.h>
#include <ATen/ops/_efficient_attention_forward.h>
#include <ATen/ops/_flash_attention_backward.h>
#include <ATen/ops/_flash_attention_forward.h>
#include <ATen/ops/mm.h>
#include <c10/cuda/CUDAStream.h>

#include <tuple>

namespace finewatt {
namespace {

bool is_low(const QueryKeyValue& in) {
    return in[0].scalar_type() == at::kBFloat16;
}

/// The kernel for float32 takes a batch of one; the sequences lie in it one after the other.
at::Tensor batched(const at::Tensor& rows) {
    return rows.unsqueeze(0);
}

AttentionKept flash_forward(const QueryKeyValue& in, const AttentionPlaces& places,
                            double dropout) {
    const auto result = at::_flash_attention_forward(
        in[0], in[1], in[2], places.begins, places.key_begins, places.longest, places.longest,
        dropout, /*is_causal=*/false, /*return_debug_mask=*/false);
    return {std::get<0>(result), std::get<1>(result), std::get<2>(result), std::get<3>(result)};
}

AttentionKept efficient_forward(const QueryKeyValue& in, const AttentionPlaces& places,
                                double dropout) {
    const auto result = at::_efficient_attention_forward(
        batched(in[0]), batched(in[1]), batched(in[2]), /*bias=*/std::nullopt, places.begins,
        places.key_begins, places.longest, places.longest, dropout, /*custom_mask_type=*/0,
        /*compute_log_sumexp=*/true);
    return {std::get<0>(result).squeeze(0), std::get<1>(result), std::get<2>(result),
            std::get<3>(result)};
}

}  // namespace

DeviceStream CudaOps::stream() const {
    return c10::cuda::getCurrentCUDAStream().stream();
}

AttentionKept CudaOps::attention(const QueryKeyValue& in, const AttentionPlaces& places,
                                 double dropout) const {
    AttentionKept kept =
        is_low(in) ? flash_forward(in, places, dropout) : efficient_forward(in, places, dropout);
    kept.context = kept.context.contiguous();
    return kept;
}

QueryKeyValue CudaOps::attention_backward(const at::Tensor& context_gradient,
                                          const QueryKeyValue& in, const AttentionKept& kept,
                                          const AttentionPlaces& places, double dropout) const {
    if (is_low(in)) {
        const auto result = at::_flash_attention_backward(
            context_gradient, in[0], in[1], in[2], kept.context, kept.logsumexp, places.begins,
            places.key_begins, places.longest, places.longest, dropout, /*is_causal=*/false,
            kept.random_seed, kept.random_offset);
        return {std::get<0>(result), std::get<1>(result), std::get<2>(result)};
    }
    const auto result = at::_efficient_attention_backward(
        batched(context_gradient), batched(in[0]), batched(in[1]), batched(in[2]),
        /*bias=*/std::nullopt, batched(kept.context), places.begins, places.key_begins,
        places.longest, places.longest, kept.logsumexp, dropout, kept.random_seed,
        kept.random_offset, /*custom_mask_type=*/0, /*bias_requires_grad=*/false);
    return {std::get<0>(result).squeeze(0), std::get<1>(result).squeeze(0),
            std::get<2>(result).squeeze(0)};
}

void CudaOps::weight_gradient(const at::Tensor& dy, const at::Tensor& x, bool is_added,
                              at::Tensor gradient) const {
    const bool is_wide = dy.scalar_type() == at::kFloat;
    if (is_added) {
        gradient.add_(is_wide ? at::mm(dy.t(), x) : at::mm(dy.t(), x, at::kFloat));
    } else if (is_wide) {
        at::mm_out(gradient, dy.t(), x);
    } else {
        at::mm_out(gradient, dy.t(), x, at::kFloat);
    }
}

}  // namespace finewatt
