#include "finewatt/engine/linear_internal.h"
#include "finewatt/testing/matchers.h"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <vector>

namespace finewatt {
namespace {

struct Gradients {
    at::Tensor y, x, weight, bias;
};

std::span<const float> values(const at::Tensor& tensor) {
    return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

template <class Layer>
Gradients run(const Layer& layer, const at::Tensor& x, const at::Tensor& weight,
              const at::Tensor& bias, const at::Tensor& gradient) {
    const at::Tensor leaf_x = x.detach().clone().requires_grad_();
    const at::Tensor leaf_weight = weight.detach().clone().requires_grad_();
    const at::Tensor leaf_bias = bias.detach().clone().requires_grad_();
    const at::Tensor y = layer(leaf_x, leaf_weight, leaf_bias);
    y.backward(gradient);
    return {y.detach().contiguous(), leaf_x.grad().contiguous(), leaf_weight.grad().contiguous(),
            leaf_bias.grad().contiguous()};
}

TEST(Linear, EqualsAtLinearInValuesAndGradients) {
    for (const auto& [rows, in, out] :
         std::vector<std::array<std::int64_t, 3>>{{1, 8, 3}, {37, 64, 192}, {200, 96, 24}}) {
        const at::Tensor x = at::randn({rows, in});
        const at::Tensor weight = at::randn({out, in});
        const at::Tensor bias = at::randn({out});
        const at::Tensor gradient = at::randn({rows, out});
        const Gradients got = run(linear, x, weight, bias, gradient);
        const Gradients want =
            run([](const auto& a, const auto& w, const auto& b) { return at::linear(a, w, b); }, x,
                weight, bias, gradient);
        // 1e-4: float32 sums of up to 200 terms of size 1 in another order.
        testing::expect_near_all(values(got.y), values(want.y), 1e-4, 1e-5, "y");
        testing::expect_near_all(values(got.x), values(want.x), 1e-4, 1e-5, "gradient of x");
        testing::expect_near_all(values(got.weight), values(want.weight), 1e-4, 1e-5,
                                 "gradient of W");
        testing::expect_near_all(values(got.bias), values(want.bias), 1e-4, 1e-5, "gradient of b");
    }
}

TEST(Linear, DoublePrecisionTakesThePlainPath) {
    const at::Tensor x = at::randn({5, 4}).to(at::kDouble);
    const at::Tensor weight = at::randn({3, 4}).to(at::kDouble);
    const at::Tensor bias = at::randn({3}).to(at::kDouble);
    EXPECT_TRUE(linear(x, weight, bias).equal(at::linear(x, weight, bias)));
}

}  // namespace
}  // namespace finewatt
