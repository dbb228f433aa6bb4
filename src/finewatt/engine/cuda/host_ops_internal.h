// HostOps: attention and products on the CPU, written to be read: what stands in for a GPU's
// libraries where the pass is tested without one. For tests only.
#pragma once

#include "finewatt/base/check.h"
#include "finewatt/engine/cuda/device_pass_internal.h"

#include <ATen/ops/mm.h>

#include <cmath>

namespace finewatt::testing {

class HostOps final : public DeviceOps {
  public:
    DeviceStream stream() const override { return nullptr; }

    AttentionKept attention(const QueryKeyValue& in, const AttentionPlaces& places,
                            double dropout) const override {
        FINEWATT_CHECK(dropout == 0, "masks of attention come from a GPU's generator");
        at::Tensor context = at::zeros(in[0].sizes(), in[0].options());
        for_sequences(in, places, [&](const Sequence& one, std::int64_t from, std::int64_t count) {
            rows(context, from, count).copy_(at::matmul(one.shares, one.value).transpose(0, 1));
        });
        return {context, {}, {}, {}};
    }

    /// Softmax and products by their textbook derivatives.
    QueryKeyValue attention_backward(const at::Tensor& context_gradient, const QueryKeyValue& in,
                                     const AttentionKept& /*kept*/, const AttentionPlaces& places,
                                     double /*dropout*/) const override {
        QueryKeyValue out;
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] = at::zeros(in[i].sizes(), in[i].options());
        }
        for_sequences(in, places, [&](const Sequence& one, std::int64_t from, std::int64_t count) {
            const at::Tensor dy = heads(rows(context_gradient, from, count));
            const at::Tensor of_shares = at::matmul(dy, one.value.transpose(1, 2));
            const at::Tensor of_scores =
                one.shares * (of_shares - (of_shares * one.shares).sum(-1, true)) * one.scale;
            rows(out[0], from, count).copy_(at::matmul(of_scores, one.key).transpose(0, 1));
            rows(out[1], one.key_from, one.keys)
                .copy_(at::matmul(of_scores.transpose(1, 2), one.query).transpose(0, 1));
            rows(out[2], one.key_from, one.keys)
                .copy_(at::matmul(one.shares.transpose(1, 2), dy).transpose(0, 1));
        });
        return out;
    }

    void weight_gradient(const at::Tensor& dy, const at::Tensor& x, bool is_added,
                         at::Tensor gradient) const override {
        const at::Tensor product = dy.to(at::kFloat).t().mm(x.to(at::kFloat));
        if (is_added) {
            gradient.add_(product);
        } else {
            gradient.copy_(product);
        }
    }

  private:
    /// float32 [A, length, D] and [A, length, keys].
    struct Sequence {
        at::Tensor query;
        at::Tensor key;
        at::Tensor value;
        at::Tensor shares;
        double scale = 1;
        std::int64_t key_from = 0;
        std::int64_t keys = 0;
    };

    static at::Tensor rows(const at::Tensor& of, std::int64_t from, std::int64_t count) {
        return of.narrow(0, from, count);
    }

    static at::Tensor heads(const at::Tensor& of) { return of.to(at::kFloat).transpose(0, 1); }

    template <class Run>
    static void for_sequences(const QueryKeyValue& in, const AttentionPlaces& places,
                              const Run& run) {
        const auto* begins = places.begins.const_data_ptr<std::int32_t>();
        const auto* key_begins = places.key_begins.const_data_ptr<std::int32_t>();
        for (std::int64_t s = 0; s + 1 < places.begins.numel(); ++s) {
            const std::int64_t count = begins[s + 1] - begins[s];
            FINEWATT_CHECK(count <= places.longest, "no sequence is longer than the bucket says");
            if (count == 0) {
                continue;
            }
            Sequence one;
            one.key_from = key_begins[s];
            one.keys = key_begins[s + 1] - one.key_from;
            one.query = heads(rows(in[0], begins[s], count));
            one.key = heads(rows(in[1], one.key_from, one.keys));
            one.value = heads(rows(in[2], one.key_from, one.keys));
            one.scale = 1 / std::sqrt(static_cast<double>(one.query.size(2)));
            one.shares =
                at::softmax(at::matmul(one.query, one.key.transpose(1, 2)) * one.scale, -1);
            run(one, begins[s], count);
        }
    }
};

}  // namespace finewatt::testing
