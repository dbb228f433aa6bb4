#include "finewatt/engine/kernels/kernel_testing_internal.h"

namespace finewatt {
namespace {

/// One head and its numbers. Rows of query, key and value are longer than the head, as in a model.
template <class T>
struct Case {
    std::int64_t length;
    std::int64_t key_length;
    std::int64_t query_length;
    std::int64_t size;
    std::int64_t stride;
    bool drops;
    std::vector<T> query;
    std::vector<T> key;
    std::vector<T> value;
    std::vector<std::uint64_t> keys;

    Case(std::int64_t rows, std::int64_t real, std::int64_t queries, std::int64_t head_size,
         bool with_dropout, std::mt19937& random)
        : length(rows),
          key_length(real),
          query_length(queries),
          size(head_size),
          stride(head_size + 5),
          drops(with_dropout),
          query(random_values<T>(rows * stride, random)),
          key(random_values<T>(rows * stride, random)),
          value(random_values<T>(rows * stride, random)),
          keys(random_keys(rows, random)) {}

    AttentionHead<T> head() const {
        AttentionHead<T> head;
        head.query = query.data();
        head.key = key.data();
        head.value = value.data();
        head.stride = stride;
        head.length = length;
        head.key_length = key_length;
        head.query_length = query_length;
        head.head_size = size;
        head.scale = 1 / std::sqrt(static_cast<float>(size));
        head.mask_keys = drops ? keys.data() : nullptr;
        head.mask = quarter_dropped();
        return head;
    }

    std::string name() const {
        return type_name<T>() + ", L " + std::to_string(length) + ", keys " +
               std::to_string(key_length) + ", queries " + std::to_string(query_length) + ", D " +
               std::to_string(size) + (drops ? ", dropout" : "");
    }
};

/// Attention in double precision, one query after the other.
struct Twin {
    Doubles query;
    Doubles key;
    Doubles value;
    Doubles logsumexp;

    /// Return the context [query_length, D].
    template <class T>
    Doubles run(const Case<T>& c) {
        Doubles context(count_of(c.query_length * c.size));
        logsumexp.assign(count_of(c.query_length), 0);
        for (std::int64_t q = 0; q < c.query_length; ++q) {
            Doubles scores(count_of(c.key_length));
            for (std::int64_t k = 0; k < c.key_length; ++k) {
                double sum = 0;
                for (std::int64_t i = 0; i < c.size; ++i) {
                    sum += query[count_of(q * c.stride + i)] * key[count_of(k * c.stride + i)];
                }
                scores[count_of(k)] = sum / std::sqrt(static_cast<double>(c.size));
            }
            double sum = 0;
            for (const double score : scores) {
                sum += std::exp(score);
            }
            logsumexp[count_of(q)] = std::log(sum);
            for (std::int64_t k = 0; k < c.key_length; ++k) {
                double p = std::exp(scores[count_of(k)]) / sum;
                p *= c.drops ? mask_at(c.keys[count_of(q)], k, quarter_dropped()) : 1;
                for (std::int64_t i = 0; i < c.size; ++i) {
                    context[count_of(q * c.size + i)] += p * value[count_of(k * c.stride + i)];
                }
            }
        }
        return context;
    }

    template <class T>
    explicit Twin(const Case<T>& c)
        : query(doubles_of(c.query)),
          key(doubles_of(c.key)),
          value(doubles_of(c.value)) {}
};

/// What the kernels make of a case.
template <class T>
struct Outcome {
    std::vector<T> context;  ///< [query_length, D]
    Floats logsumexp;
    std::vector<T> query_gradient;
    std::vector<T> key_gradient;
    std::vector<T> value_gradient;
};

template <class T>
Outcome<T> run(const CpuKernels& kernels, const Case<T>& c,
               const std::vector<T>& context_gradient) {
    Outcome<T> out;
    const AttentionHead<T> head = c.head();
    Floats scratch(count_of(kernels.attention_scratch(c.length, c.size)));
    out.context.resize(count_of(c.query_length * c.size));
    out.logsumexp.resize(count_of(c.query_length));
    kernels.of<T>().attention_forward(head, out.context.data(), c.size, out.logsumexp.data(),
                                      scratch.data());
    out.query_gradient.resize(c.query.size());
    out.key_gradient.resize(c.key.size());
    out.value_gradient.resize(c.value.size());
    kernels.of<T>().attention_backward(
        head, out.context.data(), context_gradient.data(), c.size, out.logsumexp.data(),
        {out.query_gradient.data(), out.key_gradient.data(), out.value_gradient.data()},
        scratch.data());
    return out;
}

template <class T>
std::vector<Case<T>> random_cases(std::mt19937& random) {
    std::vector<Case<T>> cases;
    for (const bool drops : {false, true}) {
        for (const std::int64_t length : {1, 2, 7, 33, 64, 83}) {
            const std::int64_t size = std::vector<std::int64_t>{1, 7, 32, 64, 80}[random() % 5];
            const std::int64_t keys = 1 + static_cast<std::int64_t>(random()) % length;
            cases.emplace_back(length, length, length, size, drops, random);
            cases.emplace_back(length, keys, length, size, drops, random);
            cases.emplace_back(length, length, 1, size, drops, random);
        }
        cases.emplace_back(383, 383, 383, 8, drops, random);
        cases.emplace_back(512, 500, 512, 8, drops, random);
    }
    return cases;
}

/// Forward results carry rounded inputs only; backward ones a context in T besides.
template <class T>
constexpr double kBackwardTolerance = std::is_same_v<T, float> ? 2e-5 : 2e-2;

template <class T>
void expect_equal_to_twin(const CpuKernels& kernels) {
    std::mt19937 random(17);
    for (const Case<T>& c : random_cases<T>(random)) {
        const auto weights = random_values<T>(c.query_length * c.size, random);
        const Outcome<T> out = run(kernels, c, weights);
        Twin twin(c);
        expect_close(out.context, twin.run(c), 2e-6, "context: " + c.name());
        // 4e-6: a score is a sum of up to 80 products, each rounded to 6e-8.
        expect_close(out.logsumexp, twin.logsumexp, 4e-6, "logsumexp: " + c.name());
        const Doubles w = doubles_of(weights);
        const auto loss = [&] { return dot(w, twin.run(c)); };
        const double tolerance = kBackwardTolerance<T>;
        const std::size_t most = c.length > 100 ? 3 : 16;
        expect_slopes(out.query_gradient, loss, twin.query, tolerance, random, "query: " + c.name(),
                      most);
        expect_slopes(out.key_gradient, loss, twin.key, tolerance, random, "key: " + c.name(),
                      most);
        expect_slopes(out.value_gradient, loss, twin.value, tolerance, random, "value: " + c.name(),
                      most);
    }
}

using Attention = KernelSet;

TEST_P(Attention, EqualsTheFormulaAndItsSlopes) {
    expect_equal_to_twin<float>(kernels());
}

TEST_P(Attention, OfBf16RowsEqualsTheFormulaAndItsSlopes) {
    expect_equal_to_twin<Bfloat16>(kernels());
}

TEST_P(Attention, WritesNothingBetweenTheHeadsRows) {
    std::mt19937 random(3);
    const Case<float> c(20, 13, 20, 24, true, random);
    const Outcome<float> out = run(kernels(), c, random_values<float>(20 * 24, random));
    for (const Floats* gradient : {&out.query_gradient, &out.key_gradient, &out.value_gradient}) {
        for (std::int64_t r = 0; r < c.length; ++r) {
            for (std::int64_t i = c.size; i < c.stride; ++i) {
                ASSERT_EQ((*gradient)[count_of(r * c.stride + i)], 0.0F) << "row " << r;
            }
        }
    }
}

TEST_P(Attention, GivesPaddingKeysZeroGradients) {
    std::mt19937 random(4);
    const Case<float> c(20, 13, 20, 16, false, random);
    const Outcome<float> out = run(kernels(), c, random_values<float>(20 * 16, random));
    for (std::int64_t r = 0; r < c.length; ++r) {
        for (std::int64_t i = 0; i < c.size; ++i) {
            const bool is_padding = r >= c.key_length;
            ASSERT_EQ(out.key_gradient[count_of(r * c.stride + i)] == 0.0F, is_padding);
            ASSERT_EQ(out.value_gradient[count_of(r * c.stride + i)] == 0.0F, is_padding);
        }
    }
}

TEST_P(Attention, AgreesWithTheOtherSets) {
    std::mt19937 random(5);
    const Case<float> c(77, 70, 77, 64, true, random);
    const auto weights = random_values<float>(77 * 64, random);
    const Outcome<float> out = run(kernels(), c, weights);
    for (const CpuKernels& other : supported_kernels()) {
        const Outcome<float> same = run(other, c, weights);
        const std::string what = std::string(kernels().name) + " against " + other.name;
        expect_close(out.context, doubles_of(same.context), 2e-6, what);
        expect_close(out.query_gradient, doubles_of(same.query_gradient), 1e-5, what);
        expect_close(out.key_gradient, doubles_of(same.key_gradient), 1e-5, what);
        expect_close(out.value_gradient, doubles_of(same.value_gradient), 1e-5, what);
    }
}

INSTANTIATE_TEST_SUITE_P(Sets, Attention, ::testing::ValuesIn(supported_kernels()),
                         kernel_set_name);

}  // namespace
}  // namespace finewatt
