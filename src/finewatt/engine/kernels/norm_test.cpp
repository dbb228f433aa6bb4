#include "finewatt/engine/kernels/kernel_testing_internal.h"

namespace finewatt {
namespace {

constexpr float kEps = 1e-5F;

/// LayerNorm of dense rows in double precision.
Doubles layer_norm(const Doubles& rows, std::int64_t size, const Doubles& gain,
                   const Doubles& shift) {
    Doubles y(rows.size());
    const auto count = static_cast<double>(size);
    for (std::size_t first = 0; first < rows.size(); first += count_of(size)) {
        double mean = 0;
        double square = 0;
        for (std::size_t i = 0; i < count_of(size); ++i) {
            mean += rows[first + i] / count;
        }
        for (std::size_t i = 0; i < count_of(size); ++i) {
            square += (rows[first + i] - mean) * (rows[first + i] - mean) / count;
        }
        for (std::size_t i = 0; i < count_of(size); ++i) {
            const double normalised =
                (rows[first + i] - mean) / std::sqrt(square + static_cast<double>(kEps));
            y[first + i] = normalised * gain[i] + shift[i];
        }
    }
    return y;
}

/// Multiply dense rows by their dropout factors.
void drop(Doubles& rows, std::int64_t size, const std::vector<std::uint64_t>& keys) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const std::size_t row = i / count_of(size);
        rows[i] *=
            mask_at(keys[row], static_cast<std::int64_t>(i % count_of(size)), quarter_dropped());
    }
}

/// What both kinds of rows have.
struct Shared {
    std::int64_t rows;
    std::int64_t size;
    bool drops;
    std::vector<std::uint64_t> keys;
    Floats gain;
    Floats shift;
    Floats normalised;
    Floats inverse_deviations;
    Floats y;
    std::vector<Bfloat16> y_low;
    Floats y_gradient;
    Floats gain_gradient;
    Floats shift_gradient;

    Shared(std::int64_t row_count, std::int64_t row_size, bool with_dropout, std::mt19937& random)
        : rows(row_count),
          size(row_size),
          drops(with_dropout),
          keys(random_keys(rows, random)),
          gain(random_values<float>(size, random)),
          shift(random_values<float>(size, random)),
          normalised(count_of(rows * size)),
          inverse_deviations(count_of(rows)),
          y(count_of(rows * size)),
          y_low(count_of(rows * size)),
          y_gradient(random_values<float>(rows * size, random)),
          gain_gradient(count_of(size)),
          shift_gradient(count_of(size)) {}

    NormResults results() {
        return {normalised.data(), inverse_deviations.data(), y.data(), y_low.data()};
    }

    template <class Rows>
    void set(Rows& to) const {
        to.rows = rows;
        to.size = size;
        to.mask_keys = drops ? keys.data() : nullptr;
        to.mask = quarter_dropped();
        to.gain = gain.data();
        to.shift = shift.data();
        to.eps = kEps;
    }

    /// The whole gradient of y: that of the residual stream and, where given, that of a product.
    template <class T>
    Doubles upstream(const std::vector<T>& product_gradient) const {
        Doubles sum = doubles_of(y_gradient);
        for (std::size_t i = 0; i < product_gradient.size(); ++i) {
            sum[i] += static_cast<double>(to_float(product_gradient[i]));
        }
        return sum;
    }

    std::string name() const {
        return std::to_string(rows) + " x " + std::to_string(size) + (drops ? ", dropout" : "");
    }
};

template <class Test>
void for_shapes(const Test& test) {
    std::mt19937 random(23);
    for (const std::int64_t size : {2, 7, 16, 64, 383, 512}) {
        for (const std::int64_t rows : {1, 3}) {
            for (const bool drops : {false, true}) {
                Shared shared(rows, size, drops, random);
                test(shared, random);
            }
        }
    }
}

/// 1e-5: a row of 512 float32 sums, divided by its deviation.
constexpr double kForward = 1e-5;
/// A narrow row may have a small deviation, by whose inverse errors grow.
constexpr double kBackward = 1e-4;

template <class T>
void check_norm(const CpuKernels& kernels, Shared& s, std::mt19937& random, bool is_plain) {
    const std::string what = type_name<T>() + (is_plain ? ", plain: " : ", bias: ") + s.name();
    const auto x = random_values<T>(s.rows * s.size, random);
    const auto residual = random_values<float>(s.rows * s.size, random);
    const auto bias = random_values<float>(s.size, random);
    NormRows rows;
    s.set(rows);
    rows.bias = is_plain ? nullptr : bias.data();
    kernels.of<T>().norm_forward(rows, x.data(), residual.data(), s.results());

    Doubles x_twin = doubles_of(x);
    Doubles residual_twin = doubles_of(residual);
    Doubles bias_twin = doubles_of(bias);
    Doubles gain = doubles_of(s.gain);
    Doubles shift = doubles_of(s.shift);
    const auto twin = [&] {
        Doubles sum = x_twin;
        for (std::size_t i = 0; i < sum.size(); ++i) {
            sum[i] += is_plain ? 0 : bias_twin[i % count_of(s.size)];
        }
        if (s.drops) {
            drop(sum, s.size, s.keys);
        }
        for (std::size_t i = 0; i < sum.size(); ++i) {
            sum[i] += residual_twin[i];
        }
        return layer_norm(sum, s.size, gain, shift);
    };
    expect_close(s.y, twin(), kForward, "y, " + what);
    expect_close(s.y_low, twin(), kForward, "y_low, " + what);

    const auto product_gradient = random_values<T>(is_plain ? 0 : s.rows * s.size, random);
    Floats residual_gradient(x.size());
    std::vector<T> x_gradient(x.size());
    Floats bias_gradient(count_of(s.size));
    std::fill(s.gain_gradient.begin(), s.gain_gradient.end(), 0.0F);
    std::fill(s.shift_gradient.begin(), s.shift_gradient.end(), 0.0F);
    kernels.of<T>().norm_backward(
        rows,
        {s.y_gradient.data(), is_plain ? nullptr : product_gradient.data(), s.normalised.data(),
         s.inverse_deviations.data()},
        {residual_gradient.data(), x_gradient.data(), bias_gradient.data(), s.gain_gradient.data(),
         s.shift_gradient.data()});
    const Doubles weights = s.upstream(product_gradient);
    const auto loss = [&] { return dot(weights, twin()); };
    expect_slopes(residual_gradient, loss, residual_twin, kBackward, random, "residual, " + what);
    expect_slopes(x_gradient, loss, x_twin, kBackward, random, "x, " + what);
    expect_slopes(s.gain_gradient, loss, gain, kBackward, random, "gain, " + what);
    expect_slopes(s.shift_gradient, loss, shift, kBackward, random, "shift, " + what);
    if (!is_plain) {
        expect_slopes(bias_gradient, loss, bias_twin, kBackward, random, "bias, " + what);
    }
}

using Norm = KernelSet;

TEST_P(Norm, EqualsTheFormulaAndItsSlopes) {
    for_shapes([&](Shared& shared, std::mt19937& random) {
        check_norm<float>(kernels(), shared, random, true);
        check_norm<float>(kernels(), shared, random, false);
    });
}

TEST_P(Norm, OfBf16ProductsEqualsTheFormulaAndItsSlopes) {
    for_shapes([&](Shared& shared, std::mt19937& random) {
        check_norm<Bfloat16>(kernels(), shared, random, true);
        check_norm<Bfloat16>(kernels(), shared, random, false);
    });
}

TEST_P(Norm, GivesTheSameBitsInPlace) {
    std::mt19937 random(29);
    Shared apart(3, 383, true, random);
    const auto x = random_values<float>(3 * 383, random);
    const auto residual = random_values<float>(3 * 383, random);
    NormRows rows;
    apart.set(rows);
    const ElementKernels<float>& set = kernels().f32;
    set.norm_forward(rows, x.data(), residual.data(), apart.results());
    Floats x_gradient(x.size());
    Floats residual_gradient(x.size());
    set.norm_backward(rows,
                      {apart.y_gradient.data(), apart.y_gradient.data(), apart.normalised.data(),
                       apart.inverse_deviations.data()},
                      {residual_gradient.data(), x_gradient.data(), nullptr,
                       apart.gain_gradient.data(), apart.shift_gradient.data()});

    Shared together = apart;
    Floats normalised = x;
    Floats gradient = apart.y_gradient;
    Floats product = apart.y_gradient;
    set.norm_forward(
        rows, normalised.data(), residual.data(),
        {normalised.data(), together.inverse_deviations.data(), together.y.data(), nullptr});
    set.norm_backward(
        rows,
        {gradient.data(), product.data(), normalised.data(), together.inverse_deviations.data()},
        {gradient.data(), product.data(), nullptr, together.gain_gradient.data(),
         together.shift_gradient.data()});
    EXPECT_EQ(normalised, apart.normalised);
    EXPECT_EQ(together.y, apart.y);
    EXPECT_EQ(gradient, residual_gradient);
    EXPECT_EQ(product, x_gradient);
}

/// Small tables of embeddings, and what each row takes from them.
struct Tables {
    static constexpr std::int64_t kWords = 9;
    Floats words;
    Floats positions;
    Floats types;
    std::vector<std::int32_t> word_ids;
    std::vector<std::int32_t> position_ids;
    std::vector<std::int32_t> type_ids;

    Tables(const Shared& s, std::mt19937& random)
        : words(random_values<float>(kWords * s.size, random)),
          positions(random_values<float>(kWords * s.size, random)),
          types(random_values<float>(2 * s.size, random)) {
        for (std::int64_t r = 0; r < s.rows; ++r) {
            word_ids.push_back(static_cast<std::int32_t>(random() % kWords));
            position_ids.push_back(static_cast<std::int32_t>(random() % kWords));
            type_ids.push_back(static_cast<std::int32_t>(random() % 2));
        }
    }

    EmbeddingRows rows(const Shared& s, bool has_types) const {
        EmbeddingRows rows;
        s.set(rows);
        rows.word_ids = word_ids.data();
        rows.position_ids = position_ids.data();
        rows.type_ids = has_types ? type_ids.data() : nullptr;
        rows.word_table = words.data();
        rows.position_table = positions.data();
        rows.type_table = has_types ? types.data() : nullptr;
        return rows;
    }

    /// The sum of the embeddings [rows, size].
    Doubles sum(const Shared& s, bool has_types) const {
        Doubles sum;
        for (std::size_t r = 0; r < count_of(s.rows); ++r) {
            for (std::int64_t i = 0; i < s.size; ++i) {
                const auto at = [&](const Floats& table, std::int32_t id) {
                    return static_cast<double>(table[count_of(id * s.size + i)]);
                };
                sum.push_back(at(words, word_ids[r]) + at(positions, position_ids[r]) +
                              (has_types ? at(types, type_ids[r]) : 0));
            }
        }
        return sum;
    }
};

template <class T>
void check_embedding(const CpuKernels& kernels, Shared& s, std::mt19937& random, bool has_types) {
    const std::string what = type_name<T>() + (has_types ? ", types: " : ": ") + s.name();
    const Tables tables(s, random);
    const EmbeddingRows rows = tables.rows(s, has_types);
    kernels.embedding_forward(rows, s.results());

    Doubles sum = tables.sum(s, has_types);
    Doubles gain = doubles_of(s.gain);
    Doubles shift = doubles_of(s.shift);
    const auto twin = [&] {
        Doubles y = layer_norm(sum, s.size, gain, shift);
        if (s.drops) {
            drop(y, s.size, s.keys);
        }
        return y;
    };
    expect_close(s.y, twin(), kForward, "y, " + what);
    expect_close(s.y_low, twin(), kForward, "y_low, " + what);

    const auto product_gradient = random_values<T>(s.rows * s.size, random);
    Floats sum_gradient(sum.size());
    std::fill(s.gain_gradient.begin(), s.gain_gradient.end(), 0.0F);
    std::fill(s.shift_gradient.begin(), s.shift_gradient.end(), 0.0F);
    kernels.of<T>().embedding_backward(
        rows,
        {s.y_gradient.data(), product_gradient.data(), s.normalised.data(),
         s.inverse_deviations.data()},
        {sum_gradient.data(), s.gain_gradient.data(), s.shift_gradient.data()});
    const Doubles weights = s.upstream(product_gradient);
    const auto loss = [&] { return dot(weights, twin()); };
    expect_slopes(sum_gradient, loss, sum, kBackward, random, "sum, " + what);
    expect_slopes(s.gain_gradient, loss, gain, kBackward, random, "gain, " + what);
    expect_slopes(s.shift_gradient, loss, shift, kBackward, random, "shift, " + what);
}

TEST_P(Norm, OfEmbeddingsEqualsTheFormulaAndItsSlopes) {
    for_shapes([&](Shared& shared, std::mt19937& random) {
        check_embedding<float>(kernels(), shared, random, true);
        check_embedding<Bfloat16>(kernels(), shared, random, false);
    });
}

TEST_P(Norm, AgreesWithTheOtherSets) {
    std::mt19937 random(31);
    Shared s(5, 383, true, random);
    const auto x = random_values<float>(5 * 383, random);
    NormRows rows;
    s.set(rows);
    kernels().f32.norm_forward(rows, x.data(), x.data(), s.results());
    for (const CpuKernels& other : supported_kernels()) {
        Shared same = s;
        other.f32.norm_forward(rows, x.data(), x.data(), same.results());
        expect_close(same.y, doubles_of(s.y), 2e-6,
                     std::string(kernels().name) + " against " + other.name);
    }
}

INSTANTIATE_TEST_SUITE_P(Sets, Norm, ::testing::ValuesIn(supported_kernels()), kernel_set_name);

}  // namespace
}  // namespace finewatt
