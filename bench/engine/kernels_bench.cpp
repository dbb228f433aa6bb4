// Times every kernel on one core, for each set that the CPU runs. Bytes count what a kernel must
// read and write once; operations of attention count products and sums of its matrix products.
#include "finewatt/engine/adamw.h"
#include "finewatt/engine/kernels/cpu_kernels_sets.h"

#include <benchmark/benchmark.h>

#include <cmath>
#include <omp.h>
#include <random>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using Floats = std::vector<float>;
using Halves = std::vector<Bfloat16>;

std::size_t count_of(std::int64_t size) {
    return static_cast<std::size_t>(size);
}

Floats random_floats(std::int64_t size) {
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    Floats values(count_of(size));
    for (float& value : values) {
        value = normal(random);
    }
    return values;
}

template <class T>
std::vector<T> random_values(std::int64_t size) {
    Floats floats = random_floats(size);
    if constexpr (std::is_same_v<T, float>) {
        return floats;
    } else {
        std::vector<T> values(count_of(size));
        cpu_kernels().to_bfloat16(size, floats.data(), values.data());
        return values;
    }
}

void report_bytes(benchmark::State& state, double bytes) {
    state.counters["GB/s"] = benchmark::Counter(
        bytes * 1e-9 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

void report_operations(benchmark::State& state, double operations) {
    state.counters["GF/s"] = benchmark::Counter(
        operations * 1e-9 * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

/// 0.1, as in the models.
constexpr MaskRule kMask{429'496'730, 1 / 0.9F};

// ---- the yardstick ----

/// Reading from memory, as fast as a plain sum of rows goes.
void read_peak(benchmark::State& state) {
    const Floats from = random_floats(32 << 20);
    Floats sums(1024);
    const auto rows = static_cast<std::int64_t>(from.size() / sums.size());
    for (auto _ : state) {
        cpu_kernels().f32.column_sums(rows, 1024, from.data(), sums.data());
    }
    report_bytes(state, static_cast<double>(from.size()) * 4);
}

// ---- dense layers of few rows ----

/// Layers of 768 x 3072 weights in turn, more than caches hold: bytes are those of the weights.
void dense(benchmark::State& state, const CpuKernels& set, std::int64_t row_count) {
    constexpr std::int64_t kLayers = 16;
    const std::int64_t in = 768;
    const std::int64_t out = 3072;
    const Floats x = random_floats(row_count * in);
    Floats y(count_of(row_count * out));
    const Floats panels = random_floats(kLayers * in * out + kDenseSlack);
    std::int64_t layer = 0;
    for (auto _ : state) {
        const DenseRows rows{row_count, in,      out, x.data(), panels.data() + layer * in * out,
                             nullptr,   y.data()};
        for (std::int64_t p = 0; p < out / set.dense_panel; ++p) {
            set.dense_forward(rows, p);
        }
        layer = (layer + 1) % kLayers;
    }
    report_bytes(state, static_cast<double>(in * out) * 4);
    report_operations(state, 2.0 * static_cast<double>(row_count * in * out));
}

// ---- attention ----

template <class T>
struct AttentionData {
    AttentionHead<T> head;
    std::vector<T> qkv;
    std::vector<T> context;
    std::vector<T> context_gradient;
    std::vector<T> gradients;
    Floats logsumexp;
    Floats scratch;
    std::vector<std::uint64_t> keys;

    AttentionData(const CpuKernels& set, std::int64_t length, std::int64_t size, bool drops)
        : qkv(random_values<T>(length * 3 * size * 12)),
          context(count_of(length * size)),
          context_gradient(random_values<T>(length * size)),
          gradients(qkv.size()),
          logsumexp(count_of(length)),
          scratch(count_of(set.attention_scratch(length, size))) {
        // Twelve heads side by side, as in a model; the first one is worked on.
        head.stride = 3 * size * 12;
        head.query = qkv.data();
        head.key = qkv.data() + 12 * size;
        head.value = qkv.data() + 24 * size;
        head.length = length;
        head.key_length = length;
        head.query_length = length;
        head.head_size = size;
        head.scale = 1 / std::sqrt(static_cast<float>(size));
        for (std::int64_t q = 0; q < length; ++q) {
            keys.push_back(static_cast<std::uint64_t>(q) * 0x9E3779B97F4A7C15ULL);
        }
        head.mask_keys = drops ? keys.data() : nullptr;
        head.mask = kMask;
    }
};

template <class T>
void attention_forward(benchmark::State& state, const CpuKernels& set, std::int64_t length,
                       std::int64_t size, bool drops) {
    AttentionData<T> data(set, length, size, drops);
    for (auto _ : state) {
        set.of<T>().attention_forward(data.head, data.context.data(), size, data.logsumexp.data(),
                                      data.scratch.data());
    }
    report_operations(state, 4.0 * static_cast<double>(length * length * size));
}

template <class T>
void attention_backward(benchmark::State& state, const CpuKernels& set, std::int64_t length,
                        std::int64_t size, bool drops) {
    AttentionData<T> data(set, length, size, drops);
    set.of<T>().attention_forward(data.head, data.context.data(), size, data.logsumexp.data(),
                                  data.scratch.data());
    T* gradients = data.gradients.data();
    for (auto _ : state) {
        set.of<T>().attention_backward(data.head, data.context.data(), data.context_gradient.data(),
                                       size, data.logsumexp.data(),
                                       {gradients, gradients + 12 * size, gradients + 24 * size},
                                       data.scratch.data());
    }
    report_operations(state, 10.0 * static_cast<double>(length * length * size));
}

// ---- rows ----

constexpr std::int64_t kRows = 512;
constexpr std::int64_t kHidden = 768;
constexpr std::int64_t kWide = 3072;

template <class T>
void activation(benchmark::State& state, const CpuKernels& set, RowActivation kind,
                bool is_backward) {
    const auto x = random_values<T>(kRows * kWide);
    const auto gradient = random_values<T>(kRows * kWide);
    const Floats bias = random_floats(kWide);
    Floats bias_gradient(count_of(kWide));
    std::vector<T> y(x.size());
    const ActivationRows rows{kind, kRows, kWide, bias.data()};
    for (auto _ : state) {
        if (is_backward) {
            set.of<T>().activation_backward(rows, x.data(), gradient.data(), y.data(),
                                            bias_gradient.data());
        } else {
            set.of<T>().activation_forward(rows, x.data(), y.data());
        }
    }
    report_bytes(state, static_cast<double>(x.size() * sizeof(T)) * (is_backward ? 3 : 2));
}

template <class T>
void norm(benchmark::State& state, const CpuKernels& set, bool is_backward) {
    const auto x = random_values<T>(kRows * kHidden);
    const Floats residual = random_floats(kRows * kHidden);
    const Floats gain = random_floats(kHidden);
    const std::vector<std::uint64_t> keys(count_of(kRows), 12345);
    Floats normalised(x.size());
    Floats inverse_deviations(count_of(kRows));
    Floats y(x.size());
    Halves y_low(std::is_same_v<T, float> ? 0 : x.size());
    std::vector<T> x_gradient(x.size());
    Floats sums(count_of(3 * kHidden));
    const NormRows rows{kRows, kHidden,     gain.data(), keys.data(),
                        kMask, gain.data(), gain.data(), 1e-12F};
    const NormResults results{normalised.data(), inverse_deviations.data(), y.data(),
                              y_low.empty() ? nullptr : y_low.data()};
    set.of<T>().norm_forward(rows, x.data(), residual.data(), results);
    for (auto _ : state) {
        if (is_backward) {
            set.of<T>().norm_backward(
                rows, {residual.data(), x.data(), normalised.data(), inverse_deviations.data()},
                {y.data(), x_gradient.data(), sums.data(), sums.data() + kHidden,
                 sums.data() + 2 * kHidden});
        } else {
            set.of<T>().norm_forward(rows, x.data(), residual.data(), results);
        }
    }
    const std::size_t wide = 3 * sizeof(float);
    const std::size_t narrow = (is_backward ? 2 : 1) * sizeof(T) +
                               (is_backward ? 0 : y_low.size() / y.size() * sizeof(Bfloat16));
    report_bytes(state, static_cast<double>(x.size() * (wide + narrow)));
}

void embedding(benchmark::State& state, const CpuKernels& set) {
    const Floats table = random_floats(2048 * kHidden);
    std::vector<std::int32_t> ids;
    for (std::int32_t r = 0; r < kRows; ++r) {
        ids.push_back(r * 3 % 2048);
    }
    const std::vector<std::uint64_t> keys(count_of(kRows), 12345);
    Floats normalised(count_of(kRows * kHidden));
    Floats y(normalised.size());
    Floats inverse_deviations(count_of(kRows));
    const EmbeddingRows rows{kRows,        kHidden,      ids.data(), ids.data(),  nullptr,
                             table.data(), table.data(), nullptr,    keys.data(), kMask,
                             table.data(), table.data(), 1e-12F};
    for (auto _ : state) {
        set.embedding_forward(rows,
                              {normalised.data(), inverse_deviations.data(), y.data(), nullptr});
    }
    report_bytes(state, static_cast<double>(y.size()) * 16);
}

template <class T>
void column_sums(benchmark::State& state, const CpuKernels& set) {
    const auto x = random_values<T>(kRows * kWide);
    Floats sums(count_of(kWide));
    for (auto _ : state) {
        set.of<T>().column_sums(kRows, kWide, x.data(), sums.data());
    }
    report_bytes(state, static_cast<double>(x.size() * sizeof(T)));
}

void to_bfloat16(benchmark::State& state, const CpuKernels& set) {
    const Floats x = random_floats(kRows * kWide);
    Halves y(x.size());
    for (auto _ : state) {
        set.to_bfloat16(kRows * kWide, x.data(), y.data());
    }
    report_bytes(state, static_cast<double>(x.size()) * 6);
}

void cross_entropy(benchmark::State& state, const CpuKernels& set, std::int64_t classes) {
    const Floats logits = random_floats(classes);
    Floats gradient(logits.size());
    for (auto _ : state) {
        benchmark::DoNotOptimize(
            set.f32.cross_entropy({classes, 1, 1, 1}, logits.data(), gradient.data()));
    }
    report_bytes(state, static_cast<double>(classes) * 8);
}

void adamw(benchmark::State& state, bool has_low) {
    constexpr std::int64_t kSize = 8 << 20;
    Floats values = random_floats(kSize);
    Floats gradients = random_floats(kSize);
    Floats first(values.size());
    Floats second(values.size());
    Halves low(has_low ? values.size() : 0);
    FlatAdamW optimizer({values, gradients, first, second, low, kSize / 2}, AdamWOptions{});
    for (auto _ : state) {
        optimizer.step(1, 1e-5, FlatAdamW::Gradients::kZeroed);
    }
    report_bytes(state, static_cast<double>(kSize) * (has_low ? 34 : 32));
}

void gradient_norm(benchmark::State& state) {
    Floats gradients = random_floats(8 << 20);
    const FlatAdamW optimizer({gradients, gradients, gradients, gradients, {}, 0}, AdamWOptions{});
    for (auto _ : state) {
        benchmark::DoNotOptimize(optimizer.gradient_norm());
    }
    report_bytes(state, static_cast<double>(gradients.size()) * 4);
}

template <class Function, class... Arguments>
void add(const std::string& name, Function function, Arguments... arguments) {
    benchmark::RegisterBenchmark(name.c_str(), function, arguments...)
        ->Unit(benchmark::kMicrosecond)
        ->MinTime(0.1);
}

void add_set(const CpuKernels& set) {
    const std::string at = std::string(set.name) + "/";
    for (const std::int64_t size : {32, 64}) {
        for (const std::int64_t length : {20, 66, 128, 384, 512}) {
            const std::string shape = "/" + std::to_string(length) + "x" + std::to_string(size);
            add(at + "attention_forward" + shape, attention_forward<float>, set, length, size,
                true);
            add(at + "attention_backward" + shape, attention_backward<float>, set, length, size,
                true);
        }
    }
    add(at + "attention_forward/plain/128x64", attention_forward<float>, set, 128, 64, false);
    add(at + "attention_forward/bf16/128x64", attention_forward<Bfloat16>, set, 128, 64, true);
    add(at + "attention_backward/bf16/128x64", attention_backward<Bfloat16>, set, 128, 64, true);
    add(at + "gelu_forward", activation<float>, set, RowActivation::kGelu, false);
    add(at + "gelu_backward", activation<float>, set, RowActivation::kGelu, true);
    add(at + "gelu_forward/bf16", activation<Bfloat16>, set, RowActivation::kGelu, false);
    add(at + "gelu_backward/bf16", activation<Bfloat16>, set, RowActivation::kGelu, true);
    add(at + "tanh_forward", activation<float>, set, RowActivation::kTanh, false);
    add(at + "norm_forward", norm<float>, set, false);
    add(at + "norm_backward", norm<float>, set, true);
    add(at + "norm_forward/bf16", norm<Bfloat16>, set, false);
    add(at + "norm_backward/bf16", norm<Bfloat16>, set, true);
    add(at + "embedding_forward", embedding, set);
    add(at + "column_sums", column_sums<float>, set);
    for (const std::int64_t rows : {1, 10, 20, 37, 128}) {
        add(at + "dense/" + std::to_string(rows), dense, set, rows);
    }
    add(at + "column_sums/bf16", column_sums<Bfloat16>, set);
    add(at + "to_bfloat16", to_bfloat16, set);
    add(at + "cross_entropy/512", cross_entropy, set, 512);
    add(at + "cross_entropy/30522", cross_entropy, set, 30522);
}

}  // namespace
}  // namespace finewatt

int main(int argc, char** argv) {
    omp_set_num_threads(1);
    finewatt::add("peak/read", finewatt::read_peak);
    for (const finewatt::CpuKernels& set : finewatt::supported_kernels()) {
        finewatt::add_set(set);
    }
    finewatt::add("adamw", finewatt::adamw, false);
    finewatt::add("adamw/bf16_copy", finewatt::adamw, true);
    finewatt::add("gradient_norm", finewatt::gradient_norm);
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
