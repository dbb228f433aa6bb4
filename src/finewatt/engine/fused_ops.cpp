#include "finewatt/base/check.h"
#include "finewatt/engine/fused_ops_internal.h"
#include "finewatt/engine/kernels/cpu_kernels.h"

#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <omp.h>
#include <vector>

namespace finewatt {
namespace {

using Context = torch::autograd::AutogradContext;
using Tensors = torch::autograd::variable_list;

const float* data_of(const at::Tensor& tensor) {
    FINEWATT_CHECK(tensor.is_contiguous() && tensor.scalar_type() == at::kFloat,
                   "fused operations work on dense float32 tensors");
    return tensor.const_data_ptr<float>();
}

float* data_of(at::Tensor& tensor) {
    return tensor.mutable_data_ptr<float>();
}

/// What the kernels need to know of dropout; kept as numbers, so that a graph node can save it.
struct DropoutNumbers {
    bool is_on = false;
    std::uint64_t base = 0;
    MaskRule rule{};
};

DropoutNumbers numbers_of(const std::optional<FusedDropout>& dropout) {
    if (!dropout || dropout->p == 0) {
        return {};
    }
    return {true, dropout_base(dropout->place), mask_rule(dropout->p)};
}

void save(Context& context, const DropoutNumbers& dropout) {
    context.saved_data["is_on"] = dropout.is_on;
    context.saved_data["base"] = static_cast<std::int64_t>(dropout.base);
    context.saved_data["threshold"] = static_cast<std::int64_t>(dropout.rule.threshold);
    context.saved_data["kept"] = static_cast<double>(dropout.rule.kept);
}

DropoutNumbers saved_dropout(Context& context) {
    return {context.saved_data["is_on"].toBool(),
            static_cast<std::uint64_t>(context.saved_data["base"].toInt()),
            {static_cast<std::uint32_t>(context.saved_data["threshold"].toInt()),
             static_cast<float>(context.saved_data["kept"].toDouble())}};
}

/// Calls work(head, first row, scratch) for every head of every sequence, on all threads.
class AttentionLoop {
  public:
    AttentionLoop(const at::Tensor& qkv, const at::Tensor& sequences, std::int64_t heads,
                  const DropoutNumbers& dropout)
        : qkv_(data_of(qkv)),
          sequences_(sequences.const_data_ptr<std::int32_t>()),
          count_(sequences.size(0)),
          heads_(heads),
          hidden_(qkv.size(1) / 3),
          dropout_(dropout) {}

    template <class Work>
    void run(const Work& work) const {
        const CpuKernels& kernels = cpu_kernels();
        std::int64_t longest = 0;
        for (std::int64_t s = 0; s < count_; ++s) {
            longest = std::max<std::int64_t>(longest, sequences_[4 * s + 1]);
        }
        const auto scratch_size =
            static_cast<std::size_t>(kernels.attention_scratch(longest, hidden_ / heads_));
#pragma omp parallel
        {
            std::vector<float> scratch(scratch_size);
            std::vector<std::uint64_t> keys(static_cast<std::size_t>(longest));
            // Long sequences last in the packed order: hand out the work from there.
#pragma omp for schedule(dynamic, 4)
            for (std::int64_t task = 0; task < count_ * heads_; ++task) {
                const std::int64_t s = count_ - 1 - task / heads_;
                run_head(work, sequences_ + 4 * s, task % heads_, keys, scratch.data());
            }
        }
    }

  private:
    template <class Work>
    void run_head(const Work& work, const std::int32_t* sequence, std::int64_t head_index,
                  std::vector<std::uint64_t>& keys, float* scratch) const {
        AttentionHead<float> head;
        head.head_size = hidden_ / heads_;
        head.stride = 3 * hidden_;
        const std::int64_t first_row = sequence[0];
        head.query = qkv_ + first_row * head.stride + head_index * head.head_size;
        head.key = head.query + hidden_;
        head.value = head.key + hidden_;
        head.length = sequence[1];
        head.query_length = head.length;
        head.key_length = sequence[2];
        head.scale = 1 / std::sqrt(static_cast<float>(head.head_size));
        if (dropout_.is_on) {
            for (std::int64_t query = 0; query < head.length; ++query) {
                keys[static_cast<std::size_t>(query)] =
                    attention_key(dropout_.base, sequence[3], head_index, query);
            }
            head.mask_keys = keys.data();
            head.mask = dropout_.rule;
        }
        work(head, first_row, head_index * head.head_size, scratch);
    }

    const float* qkv_;
    const std::int32_t* sequences_;
    std::int64_t count_;
    std::int64_t heads_;
    std::int64_t hidden_;
    DropoutNumbers dropout_;
};

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
    static at::Tensor forward(Context* context, const at::Tensor& qkv, const at::Tensor& sequences,
                              std::int64_t heads, const DropoutNumbers& dropout) {
        const std::int64_t hidden = qkv.size(1) / 3;
        at::Tensor out = at::empty({qkv.size(0), hidden}, qkv.options());
        at::Tensor logsumexp = at::empty({heads, qkv.size(0)}, qkv.options());
        float* to = data_of(out);
        float* sums_to = data_of(logsumexp);
        AttentionLoop(qkv, sequences, heads, dropout)
            .run([&](const AttentionHead<float>& head, std::int64_t row, std::int64_t column,
                     float* scratch) {
                cpu_kernels().f32.attention_forward(
                    head, to + row * hidden + column, hidden,
                    sums_to + column / head.head_size * qkv.size(0) + row, scratch);
            });
        context->save_for_backward({qkv, sequences, out, logsumexp});
        context->saved_data["heads"] = heads;
        save(*context, dropout);
        return out;
    }

    static Tensors backward(Context* context, const Tensors& gradients) {
        const Tensors saved = context->get_saved_variables();
        const at::Tensor& qkv = saved[0];
        const at::Tensor gradient = gradients[0].contiguous();
        const std::int64_t hidden = gradient.size(1);
        at::Tensor qkv_gradient = at::empty_like(qkv);
        const float* contexts = data_of(saved[2]);
        const float* sums = data_of(saved[3]);
        const float* from = data_of(gradient);
        float* to = data_of(qkv_gradient);
        AttentionLoop(qkv, saved[1], context->saved_data["heads"].toInt(), saved_dropout(*context))
            .run([&](const AttentionHead<float>& head, std::int64_t row, std::int64_t column,
                     float* scratch) {
                float* query = to + row * head.stride + column;
                const std::int64_t offset = row * hidden + column;
                cpu_kernels().f32.attention_backward(
                    head, contexts + offset, from + offset, hidden,
                    sums + column / head.head_size * qkv.size(0) + row,
                    {query, query + hidden, query + 2 * hidden}, scratch);
            });
        return {qkv_gradient, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

NormRows norm_row(const at::Tensor& gain, const at::Tensor& shift, double eps,
                  const DropoutNumbers& dropout) {
    NormRows row;
    row.rows = 1;
    row.size = gain.size(0);
    row.gain = data_of(gain);
    row.shift = data_of(shift);
    row.eps = static_cast<float>(eps);
    row.mask = dropout.rule;
    return row;
}

struct ResidualNormFunction : torch::autograd::Function<ResidualNormFunction> {
    static at::Tensor forward(Context* context, const at::Tensor& x, const at::Tensor& residual,
                              const at::Tensor& gain, const at::Tensor& shift, double eps,
                              const at::Tensor& row_places, const DropoutNumbers& dropout) {
        at::Tensor normalised = at::empty_like(x);
        at::Tensor inverse = at::empty({x.size(0)}, x.options());
        at::Tensor y = at::empty_like(x);
        const NormRows shared = norm_row(gain, shift, eps, dropout);
        const float* from = data_of(x);
        const float* beside = data_of(residual);
        const auto* places = row_places.const_data_ptr<std::int32_t>();
        float* normalised_to = data_of(normalised);
        float* inverse_to = data_of(inverse);
        float* y_to = data_of(y);
        const CpuKernels& kernels = cpu_kernels();
        const std::int64_t size = shared.size;
#pragma omp parallel for schedule(static)
        for (std::int64_t r = 0; r < x.size(0); ++r) {
            const std::uint64_t key =
                activation_key(dropout.base, places[2 * r], places[2 * r + 1]);
            NormRows row = shared;
            row.mask_keys = dropout.is_on ? &key : nullptr;
            kernels.f32.norm_forward(
                row, from + r * size, beside + r * size,
                {normalised_to + r * size, inverse_to + r, y_to + r * size, nullptr});
        }
        context->save_for_backward({normalised, inverse, gain, shift, row_places});
        context->saved_data["eps"] = eps;
        save(*context, dropout);
        return y;
    }

    static Tensors backward(Context* context, const Tensors& gradients) {
        const Tensors saved = context->get_saved_variables();
        const DropoutNumbers dropout = saved_dropout(*context);
        const at::Tensor gradient = gradients[0].contiguous();
        const NormRows shared =
            norm_row(saved[2], saved[3], context->saved_data["eps"].toDouble(), dropout);
        const std::int64_t size = shared.size;
        const std::int64_t threads = omp_get_max_threads();
        at::Tensor x_gradient = at::empty_like(gradient);
        at::Tensor residual_gradient = at::empty_like(gradient);
        at::Tensor weight_gradients = at::zeros({threads, 2, size}, gradient.options());
        const float* from = data_of(gradient);
        const float* normalised = data_of(saved[0]);
        const float* inverse = data_of(saved[1]);
        const auto* places = saved[4].const_data_ptr<std::int32_t>();
        float* x_to = data_of(x_gradient);
        float* residual_to = data_of(residual_gradient);
        float* weights_to = data_of(weight_gradients);
        const CpuKernels& kernels = cpu_kernels();
#pragma omp parallel num_threads(static_cast <int>(threads))
        {
            float* gain_to = weights_to + omp_get_thread_num() * 2 * size;
#pragma omp for schedule(static)
            for (std::int64_t r = 0; r < gradient.size(0); ++r) {
                const std::uint64_t key =
                    activation_key(dropout.base, places[2 * r], places[2 * r + 1]);
                NormRows row = shared;
                row.mask_keys = dropout.is_on ? &key : nullptr;
                kernels.f32.norm_backward(
                    row, {from + r * size, nullptr, normalised + r * size, inverse + r},
                    {residual_to + r * size, x_to + r * size, nullptr, gain_to, gain_to + size});
            }
        }
        const at::Tensor sums = weight_gradients.sum(0);
        return {x_gradient,   residual_gradient, sums[0],     sums[1],
                at::Tensor(), at::Tensor(),      at::Tensor()};
    }
};

/// Work on [begin, end) of `size` elements on all threads; cuts lie on whole cache lines.
template <class Work>
void for_pieces(std::int64_t size, const Work& work) {
    constexpr std::int64_t kPiece = 1 << 13;
#pragma omp parallel for schedule(static)
    for (std::int64_t begin = 0; begin < size; begin += kPiece) {
        work(begin, std::min(kPiece, size - begin));
    }
}

struct GeluFunction : torch::autograd::Function<GeluFunction> {
    static at::Tensor forward(Context* context, const at::Tensor& x) {
        at::Tensor y = at::empty_like(x);
        const float* from = data_of(x);
        float* to = data_of(y);
        for_pieces(x.numel(), [&](std::int64_t begin, std::int64_t size) {
            cpu_kernels().f32.activation_forward({RowActivation::kGelu, 1, size, nullptr},
                                                 from + begin, to + begin);
        });
        context->save_for_backward({x});
        return y;
    }

    static Tensors backward(Context* context, const Tensors& gradients) {
        const at::Tensor x = context->get_saved_variables()[0];
        const at::Tensor gradient = gradients[0].contiguous();
        at::Tensor x_gradient = at::empty_like(x);
        const float* from = data_of(x);
        const float* beside = data_of(gradient);
        float* to = data_of(x_gradient);
        for_pieces(x.numel(), [&](std::int64_t begin, std::int64_t size) {
            cpu_kernels().f32.activation_backward({RowActivation::kGelu, 1, size, nullptr},
                                                  from + begin, beside + begin, to + begin,
                                                  nullptr);
        });
        return {x_gradient};
    }
};

}  // namespace

at::Tensor fused_attention(const at::Tensor& qkv, const PackedInput& input, std::int64_t heads,
                           const std::optional<FusedDropout>& dropout) {
    return AttentionFunction::apply(qkv.contiguous(), input.sequences, heads, numbers_of(dropout));
}

at::Tensor fused_residual_norm(const at::Tensor& x, const at::Tensor& residual,
                               const at::Tensor& gain, const at::Tensor& shift, double eps,
                               const at::Tensor& row_places,
                               const std::optional<FusedDropout>& dropout) {
    return ResidualNormFunction::apply(x.contiguous(), residual.contiguous(), gain, shift, eps,
                                       row_places, numbers_of(dropout));
}

at::Tensor fused_gelu(const at::Tensor& x) {
    return GeluFunction::apply(x.contiguous());
}

}  // namespace finewatt
