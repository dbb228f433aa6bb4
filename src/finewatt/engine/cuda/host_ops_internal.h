// HostOps: attention and products on the CPU, written to be read: what stands in for a GPU's
// libraries where the device path is tested without one. For tests only.
#pragma once

#include "finewatt/base/check.h"
#include "finewatt/engine/cuda/device_pass_internal.h"

#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>

#include <cmath>

namespace finewatt::testing {

class HostOps final : public DeviceOps {
  public:
    DeviceStream stream() const override { return nullptr; }

    /// Masks follow from this seed and the calls since then, as with a GPU's generator.
    void seed(std::uint64_t seed) { generator_.set_current_seed(seed); }

    /// The mask [T, A, longest] takes the place of a GPU's `random_seed`.
    AttentionKept attention(const QueryKeyValue& in, const AttentionPlaces& places,
                            double dropout) const override {
        at::Tensor context = at::zeros(in[0].sizes(), in[0].options());
        const at::Tensor mask =
            dropout > 0
                ? at::rand({in[0].size(0), in[0].size(1), places.longest}, generator_, at::kFloat)
                          .ge(dropout)
                          .to(at::kFloat) /
                      (1 - dropout)
                : at::Tensor();
        for_sequences(in, places, [&](const Sequence& one, std::int64_t from, std::int64_t count) {
            const at::Tensor shares = dropped(one.shares, mask, from, count);
            rows(context, from, count).copy_(at::matmul(shares, one.value).transpose(0, 1));
        });
        return {context, {}, mask, {}};
    }

    /// Softmax and products by their textbook derivatives.
    QueryKeyValue attention_backward(const at::Tensor& context_gradient, const QueryKeyValue& in,
                                     const AttentionKept& kept, const AttentionPlaces& places,
                                     double /*dropout*/) const override {
        const at::Tensor& mask = kept.random_seed;
        QueryKeyValue out;
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] = at::zeros(in[i].sizes(), in[i].options());
        }
        for_sequences(in, places, [&](const Sequence& one, std::int64_t from, std::int64_t count) {
            const at::Tensor dy = heads(rows(context_gradient, from, count));
            const at::Tensor of_shares =
                dropped(at::matmul(dy, one.value.transpose(1, 2)), mask, from, count);
            const at::Tensor of_scores =
                one.shares * (of_shares - (of_shares * one.shares).sum(-1, true)) * one.scale;
            rows(out[0], from, count).copy_(at::matmul(of_scores, one.key).transpose(0, 1));
            rows(out[1], one.key_from, one.keys)
                .copy_(at::matmul(of_scores.transpose(1, 2), one.query).transpose(0, 1));
            rows(out[2], one.key_from, one.keys)
                .copy_(at::matmul(dropped(one.shares, mask, from, count).transpose(1, 2), dy)
                           .transpose(0, 1));
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

    /// `shares` [A, count, keys] times the mask of their queries' rows, where there is one.
    static at::Tensor dropped(const at::Tensor& shares, const at::Tensor& mask, std::int64_t from,
                              std::int64_t count) {
        return mask.defined() ? shares * heads(rows(mask, from, count)).narrow(2, 0, shares.size(2))
                              : shares;
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

    at::Generator generator_ = at::make_generator<at::CPUGeneratorImpl>();
};

}  // namespace finewatt::testing
