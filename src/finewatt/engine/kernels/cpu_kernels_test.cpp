#include "finewatt/engine/kernels/kernel_testing_internal.h"

#include <limits>
#include <numbers>

namespace finewatt {
namespace {

// ---- activations ----

double activation_of(RowActivation kind, double x) {
    switch (kind) {
        case RowActivation::kGelu:
            return x * 0.5 * std::erfc(-x / std::numbers::sqrt2);
        case RowActivation::kGeluTanh:
            return 0.5 * x *
                   (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
        case RowActivation::kRelu:
            return std::max(x, 0.0);
        case RowActivation::kTanh:
            return std::tanh(x);
    }
    return 0;
}

constexpr RowActivation kActivations[] = {RowActivation::kGelu, RowActivation::kGeluTanh,
                                          RowActivation::kRelu, RowActivation::kTanh};

std::string name_of(RowActivation kind) {
    const char* names[] = {"GELU", "tanh-GELU", "ReLU", "tanh"};
    return names[static_cast<std::size_t>(kind)];
}

template <class T>
void check_activation(const CpuKernels& kernels, RowActivation kind, std::int64_t columns,
                      bool has_bias, std::mt19937& random) {
    constexpr std::int64_t kRows = 3;
    const std::string what = type_name<T>() + " " + name_of(kind) + ", " + std::to_string(columns) +
                             (has_bias ? " with bias" : "");
    const auto x = random_values<T>(kRows * columns, random, 3);
    const auto bias = random_values<float>(columns, random);
    const auto y_gradient = random_values<T>(kRows * columns, random);
    const ActivationRows rows{kind, kRows, columns, has_bias ? bias.data() : nullptr};
    std::vector<T> y(x.size());
    std::vector<T> x_gradient(x.size());
    Floats bias_gradient(count_of(columns), 1.0F);  // is added to
    kernels.of<T>().activation_forward(rows, x.data(), y.data());
    kernels.of<T>().activation_backward(rows, x.data(), y_gradient.data(), x_gradient.data(),
                                        bias_gradient.data());

    Doubles expected;
    Doubles expected_gradient;
    Doubles expected_sums(count_of(columns), 1);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t column = i % count_of(columns);
        double value = static_cast<double>(to_float(x[i]));
        value += has_bias ? static_cast<double>(bias[column]) : 0;
        expected.push_back(activation_of(kind, value));
        const double slope = slope_of([&] { return activation_of(kind, value); }, value);
        expected_gradient.push_back(slope * static_cast<double>(to_float(y_gradient[i])));
        expected_sums[column] += expected_gradient.back();
    }
    // 2e-6: the formulas err by 1.5e-7, times |x| of up to about 12.
    expect_close(y, expected, 2e-6, what);
    expect_close(x_gradient, expected_gradient, 5e-6, what + ", gradient");
    expect_close(bias_gradient, expected_sums, 1e-5, what + ", gradient of the bias");
}

class Kernels : public KernelSet {};

TEST_P(Kernels, ActivationsEqualTheFormulasAndTheirSlopes) {
    std::mt19937 random(1);
    for (const RowActivation kind : kActivations) {
        for (const std::int64_t columns : {1, 7, 64, 383}) {
            check_activation<float>(kernels(), kind, columns, false, random);
            check_activation<float>(kernels(), kind, columns, true, random);
            check_activation<Bfloat16>(kernels(), kind, columns, true, random);
        }
    }
}

TEST_P(Kernels, ActivationsAreFiniteFarOut) {
    const Floats x = {-1e30F, -200, -40, 40, 200, 1e30F, 0, -0.0F};
    for (const RowActivation kind : kActivations) {
        Floats y(x.size());
        Floats gradient(x.size(), 1.0F);
        const ActivationRows rows{kind, 1, static_cast<std::int64_t>(x.size()), nullptr};
        kernels().f32.activation_forward(rows, x.data(), y.data());
        kernels().f32.activation_backward(rows, x.data(), gradient.data(), gradient.data(),
                                          nullptr);
        for (std::size_t i = 0; i < x.size(); ++i) {
            EXPECT_EQ(static_cast<double>(y[i]),
                      static_cast<double>(
                          static_cast<float>(activation_of(kind, static_cast<double>(x[i])))))
                << name_of(kind) << " of " << x[i];
            EXPECT_TRUE(std::isfinite(gradient[i])) << name_of(kind) << " of " << x[i];
        }
    }
}

// ---- cross-entropy ----

double loss_of(const Doubles& logits, std::int64_t label) {
    const double largest = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const double logit : logits) {
        sum += std::exp(logit - largest);
    }
    return largest + std::log(sum) - logits[count_of(label)];
}

template <class T>
void check_cross_entropy(const CpuKernels& kernels, std::int64_t classes, std::int64_t stride,
                         std::mt19937& random) {
    const std::string what = type_name<T>() + ", " + std::to_string(classes) + " classes, stride " +
                             std::to_string(stride);
    std::vector<T> memory = random_values<T>(classes * stride, random, 4);
    Doubles logits;
    for (std::int64_t c = 0; c < classes; ++c) {
        logits.push_back(static_cast<double>(to_float(memory[count_of(c * stride)])));
    }
    const auto label = static_cast<std::int64_t>(random()) % classes;
    const ClassLogits what_to_do{classes, stride, label, 0.5F};
    const std::vector<T> before = memory;
    const double loss = loss_of(logits, label);
    // 2e-6 of a loss of up to about 20, sums of up to 30,522 terms in a few lanes.
    EXPECT_NEAR(kernels.of<T>().cross_entropy(what_to_do, before.data(), nullptr), loss, 4e-5)
        << what;
    EXPECT_NEAR(kernels.of<T>().cross_entropy(what_to_do, memory.data(), memory.data()), loss, 4e-5)
        << what;
    std::vector<T> gradient;
    for (std::int64_t i = 0; i < classes * stride; ++i) {
        if (i % stride == 0) {
            gradient.push_back(memory[count_of(i)]);
        } else {
            ASSERT_EQ(to_float(memory[count_of(i)]), to_float(before[count_of(i)])) << what;
        }
    }
    const auto scaled = [&] { return 0.5 * loss_of(logits, label); };
    expect_slopes(gradient, scaled, logits, 2e-6, random, what);
    EXPECT_NEAR(static_cast<double>(to_float(gradient[count_of(label)])),
                slope_of(scaled, logits[count_of(label)]), 2e-6 + kRounding<T>)
        << what;
}

TEST_P(Kernels, CrossEntropyEqualsTheFormulaAndItsSlopes) {
    std::mt19937 random(2);
    for (const std::int64_t classes : {2, 3, 7, 16, 64, 383, 512, 30522}) {
        check_cross_entropy<float>(kernels(), classes, 1, random);
        check_cross_entropy<Bfloat16>(kernels(), classes, 1, random);
        check_cross_entropy<float>(kernels(), classes, 2, random);
    }
}

TEST_P(Kernels, CrossEntropyIgnoresALabelThatIsNoClass) {
    for (const std::int64_t label : {-100, -1, 3, 400}) {
        Floats logits = {1, 2, 3};
        EXPECT_EQ(kernels().f32.cross_entropy({3, 1, label, 1}, logits.data(), logits.data()), 0);
        EXPECT_EQ(logits, (Floats{0, 0, 0})) << label;
    }
}

TEST_P(Kernels, CrossEntropyOfHugeLogitsIsFinite) {
    Floats logits = {3e4F, -3e4F, 2e4F};
    EXPECT_FLOAT_EQ(kernels().f32.cross_entropy({3, 1, 2, 1}, logits.data(), logits.data()), 1e4F);
    EXPECT_EQ(logits, (Floats{1, 0, -1}));
}

TEST_P(Kernels, CrossEntropyOfANaNIsNaN) {
    Floats logits = {1, std::numeric_limits<float>::quiet_NaN(), 2};
    EXPECT_TRUE(std::isnan(kernels().f32.cross_entropy({3, 1, 0, 1}, logits.data(), nullptr)));
}

// ---- sums, dropout and conversions: exact ----

template <class T>
void check_column_sums(const CpuKernels& kernels, std::int64_t rows, std::int64_t columns,
                       std::mt19937& random) {
    const auto x = random_values<T>(rows * columns, random);
    Floats sums = random_values<float>(columns, random);
    Floats expected = sums;
    for (std::size_t i = 0; i < x.size(); ++i) {
        expected[i % count_of(columns)] += to_float(x[i]);
    }
    kernels.of<T>().column_sums(rows, columns, x.data(), sums.data());
    EXPECT_EQ(sums, expected) << type_name<T>() << " " << rows << " x " << columns;
}

TEST_P(Kernels, ColumnSumsAddRowAfterRow) {
    std::mt19937 random(6);
    for (const std::int64_t rows : {1, 3, 4, 7, 33}) {
        for (const std::int64_t columns : {1, 7, 64, 383}) {
            check_column_sums<float>(kernels(), rows, columns, random);
            check_column_sums<Bfloat16>(kernels(), rows, columns, random);
        }
    }
}

void check_transpose(const CpuKernels& kernels, std::int64_t rows, std::int64_t columns,
                     std::mt19937& random) {
    SCOPED_TRACE(::testing::Message() << rows << " x " << columns);
    const auto from = random_values<float>(rows * columns, random);
    const auto before = random_values<float>(rows * columns, random);
    Floats to = before;
    const std::int64_t begin = columns / 3;
    const std::int64_t end = columns - columns / 5;
    kernels.transpose(rows, columns, begin, end, from.data(), to.data());
    for (std::int64_t c = 0; c < columns; ++c) {
        for (std::int64_t r = 0; r < rows; ++r) {
            const bool is_moved = c >= begin && c < end;
            ASSERT_EQ(to[count_of(c * rows + r)],
                      is_moved ? from[count_of(r * columns + c)] : before[count_of(c * rows + r)])
                << r << ", " << c;
        }
    }
}

TEST_P(Kernels, TransposeMovesEachValueOfItsColumnsAndNoOther) {
    std::mt19937 random(8);
    for (const std::int64_t rows : {1, 5, 16, 37, 64}) {
        for (const std::int64_t columns : {1, 3, 16, 70, 191}) {
            check_transpose(kernels(), rows, columns, random);
        }
    }
}

TEST_P(Kernels, ScatteredRowsAddInTheirOrderWhateverTheColumnsAreCutInto) {
    std::mt19937 random(7);
    constexpr std::int64_t kRows = 40;
    constexpr std::int64_t kSize = 83;
    const auto from = random_values<float>(kRows * kSize, random);
    Floats expected = random_values<float>(5 * kSize, random);
    Floats whole = expected;
    Floats cut = expected;
    std::vector<std::int32_t> ids;
    for (std::int64_t r = 0; r < kRows; ++r) {
        ids.push_back(static_cast<std::int32_t>(random() % 5));
        for (std::int64_t i = 0; i < kSize; ++i) {
            expected[count_of(ids.back() * kSize + i)] += from[count_of(r * kSize + i)];
        }
    }
    const CpuKernels& set = kernels();
    set.scatter_rows({kRows, kSize, ids.data(), from.data(), 0, kSize}, whole.data());
    set.scatter_rows({kRows, kSize, ids.data(), from.data(), 0, 32}, cut.data());
    set.scatter_rows({kRows, kSize, ids.data(), from.data(), 32, kSize}, cut.data());
    EXPECT_EQ(whole, expected);
    EXPECT_EQ(cut, expected);
}

template <class T>
void check_dropout(const CpuKernels& kernels, std::mt19937& random) {
    constexpr std::int64_t kColumns = 83;
    auto x = random_values<T>(2 * kColumns, random);
    const auto keys = random_keys(2, random);
    // 0.5: the kept values are exact in both types.
    const MaskRule half{1U << 31, 2};
    Doubles expected;
    for (std::int64_t i = 0; i < 2 * kColumns; ++i) {
        expected.push_back(static_cast<double>(to_float(x[count_of(i)])) *
                           mask_at(keys[count_of(i / kColumns)], i % kColumns, half));
    }
    kernels.of<T>().dropout(2, kColumns, keys.data(), half, x.data(), x.data());
    EXPECT_EQ(doubles_of(x), expected) << type_name<T>();
}

TEST_P(Kernels, DropoutTakesTheFactorsOfTheRowsKeys) {
    std::mt19937 random(8);
    check_dropout<float>(kernels(), random);
    check_dropout<Bfloat16>(kernels(), random);
}

/// Round to nearest even by comparing the two neighbours.
std::uint16_t nearest_bf16(float value) {
    std::uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof bits);
    const std::uint32_t lower = bits >> 16;
    const std::uint32_t rest = bits & 0xFFFFU;
    const bool goes_up = rest > 0x8000U || (rest == 0x8000U && (lower & 1U) == 1);
    return static_cast<std::uint16_t>(lower + (goes_up ? 1 : 0));
}

TEST_P(Kernels, FloatsRoundToTheNearestBf16) {
    std::mt19937 random(9);
    Floats values = {0,
                     -0.0F,
                     1,
                     std::numeric_limits<float>::infinity(),
                     std::numeric_limits<float>::max(),
                     std::numeric_limits<float>::denorm_min()};
    for (int i = 0; i < 5000; ++i) {
        std::uint32_t bits = static_cast<std::uint32_t>(random());
        bits = i % 3 == 0 ? (bits & 0xFFFF0000U) | 0x8000U : bits;  // a third are ties
        float value = 0;
        std::memcpy(&value, &bits, sizeof value);
        if (!std::isnan(value)) {
            values.push_back(value);
        }
    }
    std::vector<Bfloat16> halves(values.size());
    Floats back(values.size());
    const auto size = static_cast<std::int64_t>(values.size());
    kernels().to_bfloat16(size, values.data(), halves.data());
    kernels().to_float(size, halves.data(), back.data());
    for (std::size_t i = 0; i < values.size(); ++i) {
        ASSERT_EQ(halves[i].bits, nearest_bf16(values[i])) << values[i];
        ASSERT_EQ(back[i], to_float(halves[i])) << values[i];
    }
}

TEST_P(Kernels, ANaNStaysANaNInBf16) {
    const std::uint32_t patterns[] = {0x7F800001U, 0x7FFFFFFFU, 0xFF800001U, 0xFFFFFFFFU};
    for (const std::uint32_t bits : patterns) {
        float value = 0;
        std::memcpy(&value, &bits, sizeof value);
        Bfloat16 half{0};
        kernels().to_bfloat16(1, &value, &half);
        EXPECT_TRUE(std::isnan(to_float(half))) << std::hex << bits;
    }
}

TEST(KernelPieces, AreAtMostSixteenOfSixteenRowsOrMore) {
    EXPECT_EQ(kernel_pieces(1), 1);
    EXPECT_EQ(kernel_pieces(31), 1);
    EXPECT_EQ(kernel_pieces(32), 2);
    EXPECT_EQ(kernel_pieces(100'000), 16);
}

INSTANTIATE_TEST_SUITE_P(Sets, Kernels, ::testing::ValuesIn(supported_kernels()), kernel_set_name);

}  // namespace
}  // namespace finewatt
