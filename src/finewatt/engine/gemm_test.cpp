#include "finewatt/engine/gemm_internal.h"
#include "finewatt/engine/torch_internal.h"
#include "finewatt/testing/matchers.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <vector>

namespace finewatt {
namespace {

std::span<const float> values(const at::Tensor& tensor) {
    return {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

at::Tensor as_float(const at::Tensor& tensor) {
    return tensor.to(at::kFloat).contiguous();
}

/// Rows, in, out: one row, sizes that fill no lane, and a common one.
const std::vector<std::array<std::int64_t, 3>> kShapes = {
    {1, 8, 3}, {1, 64, 64}, {37, 65, 191}, {200, 96, 24}};

class GemmBy : public ::testing::TestWithParam<std::tuple<GemmSetting, GemmType>> {
  protected:
    /// 2e-5: float32 sums of up to 200 terms of size 1; 0.2 and 1 %: operands of 8 bits.
    double absolute() const { return is_low() ? 0.2 : 2e-5; }

    double relative() const { return is_low() ? 1e-2 : 1e-5; }

    bool is_low() const { return std::get<1>(GetParam()) == GemmType::kBfloat16; }

    at::Tensor random(at::IntArrayRef shape) const {
        return at::randn(shape).to(is_low() ? at::kBFloat16 : at::kFloat);
    }

    Gemm gemm_ = Gemm::make(std::get<0>(GetParam()), 16, 16);
};

TEST_P(GemmBy, EqualsTheProductsInFloat64) {
    for (const auto& [rows, in, out] : kShapes) {
        SCOPED_TRACE(::testing::Message() << rows << " x " << in << " x " << out);
        const at::Tensor x = random({rows, in});
        const at::Tensor weight = random({out, in});
        const at::Tensor bias = random({out});
        const at::Tensor dy = random({rows, out});
        at::Tensor y = dy.clone();
        at::Tensor dx = x.clone();
        at::Tensor dw = at::randn({out, in});
        const at::Tensor before = dw.clone();
        const DenseWeights weights{
            weight.const_data_ptr(), bias.const_data_ptr(), out, in, std::get<1>(GetParam()), {}};
        const at::Tensor wide_weight = weight.to(at::kDouble);
        const at::Tensor want_dw = dy.to(at::kDouble).t().mm(x.to(at::kDouble));

        gemm_.forward(x.const_data_ptr(), rows, weights, y.mutable_data_ptr());
        testing::expect_near_all(
            values(as_float(y)),
            values(as_float(at::addmm(bias.to(at::kDouble), x.to(at::kDouble), wide_weight.t()))),
            absolute(), relative(), "y");
        gemm_.input_gradient(dy.const_data_ptr(), rows, weights, dx.mutable_data_ptr());
        testing::expect_near_all(values(as_float(dx)),
                                 values(as_float(dy.to(at::kDouble).mm(wide_weight))), absolute(),
                                 relative(), "dx");
        gemm_.weight_gradient(dy.const_data_ptr(), x.const_data_ptr(), rows, weights, true,
                              dw.mutable_data_ptr<float>());
        testing::expect_near_all(values(dw), values(as_float(want_dw + before)), absolute(),
                                 relative(), "dW, added");
        gemm_.weight_gradient(dy.const_data_ptr(), x.const_data_ptr(), rows, weights, false,
                              dw.mutable_data_ptr<float>());
        testing::expect_near_all(values(dw), values(as_float(want_dw)), absolute(), relative(),
                                 "dW");
    }
}

TEST_P(GemmBy, PackedWeightsGiveTheSameProductForAnyNumberOfRows) {
    const at::Tensor weight = random({48, 80});
    DenseWeights weights{weight.const_data_ptr(), nullptr, 48, 80, std::get<1>(GetParam()), {}};
    DenseWeights packed = weights;
    packed.packed = gemm_.pack(weights, 20);
    if (std::get<0>(GetParam()) == GemmSetting::kAten) {
        EXPECT_EQ(packed.packed, nullptr) << "ATen is pinned, and has no layout of its own";
        return;
    }
    ASSERT_NE(packed.packed, nullptr);
    const bool is_own = std::get<0>(GetParam()) == GemmSetting::kAuto && !is_low();
    EXPECT_EQ(provider_name(*packed.packed), is_own ? "finewatt" : "onednn");
    for (const std::int64_t rows : {1, 20, 77}) {
        const at::Tensor x = random({rows, 80});
        at::Tensor want = random({rows, 48});
        at::Tensor got = random({rows, 48});
        gemm_.forward(x.const_data_ptr(), rows, weights, want.mutable_data_ptr());
        gemm_.forward(x.const_data_ptr(), rows, packed, got.mutable_data_ptr());
        testing::expect_near_all(values(as_float(got)), values(as_float(want)), absolute(),
                                 relative(), "y");
    }
}

INSTANTIATE_TEST_SUITE_P(
    Providers, GemmBy,
    ::testing::Combine(::testing::Values(GemmSetting::kAuto, GemmSetting::kAten,
                                         GemmSetting::kOneDnn),
                       ::testing::Values(GemmType::kFloat32, GemmType::kBfloat16)),
    [](const ::testing::TestParamInfo<std::tuple<GemmSetting, GemmType>>& test) {
        const GemmSetting setting = std::get<0>(test.param);
        const bool is_low = std::get<1>(test.param) == GemmType::kBfloat16;
        const std::string name = setting == GemmSetting::kAuto   ? "auto"
                                 : setting == GemmSetting::kAten ? "aten"
                                                                 : "onednn";
        return name + (is_low ? "_bf16" : "_fp32");
    });

TEST(Gemm, ModelsOfOneShapeGetOneChoice) {
    const Gemm first = Gemm::make(GemmSetting::kAuto, 256, 1024);
    const Gemm second = Gemm::make(GemmSetting::kAuto, 256, 1024);
    EXPECT_TRUE(first.choices().at(GemmDirection::kForward, GemmSize::kManyRows).rates);
    EXPECT_EQ(describe(first.choices()), describe(second.choices()));
}

TEST(Gemm, CountsTimeAndOperationsOfItsProducts) {
    Gemm gemm = Gemm::make(GemmSetting::kAten, 16, 16);
    const std::vector<float> x(64 * 64, 1);
    std::vector<float> y(64 * 64);
    gemm.forward(x.data(), 64, {x.data(), nullptr, 64, 64, GemmType::kFloat32, {}}, y.data());
    const GemmWork work = gemm.take_work();
    EXPECT_EQ(work.operations, (std::array<double, 3>{2.0 * 64 * 64 * 64, 0, 0}));
    EXPECT_GT(work.all_seconds(), 0);
    EXPECT_EQ(gemm.take_work().all_seconds(), 0);
}

}  // namespace
}  // namespace finewatt
