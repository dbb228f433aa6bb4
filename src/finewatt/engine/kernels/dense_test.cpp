#include "finewatt/engine/kernels/kernel_testing_internal.h"

#include <array>

namespace finewatt {
namespace {

using DenseKernels = KernelSet;

std::int64_t panels_of(const CpuKernels& set, std::int64_t out) {
    return (out + set.dense_panel - 1) / set.dense_panel;
}

/// The panels of a weight [out, in].
Floats pack(const CpuKernels& set, const Floats& weight, std::int64_t out, std::int64_t in) {
    const std::int64_t panels = panels_of(set, out);
    Floats packed(count_of(panels * set.dense_panel * in + kDenseSlack), -7.0F);
    for (std::int64_t p = 0; p < panels; ++p) {
        set.pack_dense_panel({.in = in, .out = out}, weight.data(), p, packed.data());
    }
    return packed;
}

TEST_P(DenseKernels, APanelHoldsColumnsOfItsWeightAndZeros) {
    const std::int64_t width = kernels().dense_panel;
    const std::int64_t out = width + 3;
    const std::int64_t in = 5;
    std::mt19937 random(29);
    const auto weight = random_values<float>(out * in, random);
    const Floats packed = pack(kernels(), weight, out, in);
    for (std::int64_t c = 0; c < 2 * width; ++c) {
        for (std::int64_t d = 0; d < in; ++d) {
            const std::int64_t at = (c / width * in + d) * width + c % width;
            const float want = c < out ? weight[count_of(c * in + d)] : 0;
            ASSERT_EQ(packed[count_of(at)], want) << "column " << c << ", depth " << d;
        }
    }
    EXPECT_EQ(packed[count_of(2 * width * in)], -7) << "the slack is not written";
}

TEST_P(DenseKernels, EqualTheProductInDoublePrecision) {
    std::mt19937 random(31);
    // One tile and several, whole panels and a part of one, depths beside multiples of a piece.
    const std::vector<std::array<std::int64_t, 3>> shapes = {
        {1, 1, 1},     {1, 64, 64},  {5, 65, 97},  {10, 200, 64},
        {12, 130, 35}, {13, 64, 31}, {61, 129, 96}};
    for (const auto& [rows, in, out] : shapes) {
        for (const bool has_bias : {false, true}) {
            SCOPED_TRACE(::testing::Message()
                         << rows << " x " << in << " x " << out << ", bias " << has_bias);
            const auto x = random_values<float>(rows * in, random);
            const auto weight = random_values<float>(out * in, random);
            const auto bias = random_values<float>(out, random);
            const Floats packed = pack(kernels(), weight, out, in);
            Floats packed_x(x.size());
            kernels().pack_dense_rows({.rows = rows, .in = in}, x.data(), packed_x.data());
            Floats y(count_of(rows * out), 1e9F);
            for (std::int64_t p = 0; p < panels_of(kernels(), out); ++p) {
                kernels().dense_forward({rows, in, out, packed_x.data(), packed.data(),
                                         has_bias ? bias.data() : nullptr, y.data()},
                                        p);
            }
            for (std::int64_t r = 0; r < rows; ++r) {
                for (std::int64_t c = 0; c < out; ++c) {
                    double want = has_bias ? bias[count_of(c)] : 0;
                    for (std::int64_t d = 0; d < in; ++d) {
                        want += static_cast<double>(x[count_of(r * in + d)]) *
                                static_cast<double>(weight[count_of(c * in + d)]);
                    }
                    // Float sums of up to 200 terms of size 1.
                    ASSERT_NEAR(y[count_of(r * out + c)], want, 1e-4) << r << ", " << c;
                }
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Sets, DenseKernels, ::testing::ValuesIn(supported_kernels()),
                         kernel_set_name);

}  // namespace
}  // namespace finewatt
