// Times training steps or single forward passes of a random model on made-up texts, and prints what
// share of the time each part takes, and of the machine's peak the model's work reaches. Needs a
// machine that does nothing else.
#include "finewatt/data/model_config.h"
#include "finewatt/engine/adamw.h"
#include "finewatt/engine/fast_model_internal.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/engine/work.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "peaks.h"

namespace finewatt {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    std::string config;
    std::string precision = "fp32";
    std::string batching = "unpadded";
    std::int32_t batch = 32;
    std::int32_t tokens = 67;  ///< mean length; RTE's with BERT's vocabulary, cut at 128
    double seconds = 10;
    int threads = 0;
    bool is_inference = false;
};

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Texts of random ids, lengths evenly spread from a third to five thirds of the mean.
FeatureSet made_up_texts(const ModelConfig& config, const Options& options, std::size_t count) {
    std::mt19937 random(1);
    const auto longest = static_cast<std::int32_t>(config.max_position_embeddings);
    std::uniform_int_distribution<std::int32_t> length(std::max(1, options.tokens / 3),
                                                       std::min(longest, options.tokens * 5 / 3));
    std::uniform_int_distribution<std::int32_t> word(
        1, static_cast<std::int32_t>(config.vocab_size) - 1);
    FeatureSetBuilder features(TaskKind::kClassification);
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<std::int32_t> ids(
            static_cast<std::size_t>(options.is_inference ? options.tokens : length(random)));
        for (std::int32_t& id : ids) {
            id = word(random);
        }
        const std::vector<std::int32_t> type_ids(ids.size(), 0);
        features.add({.ids = ids, .type_ids = type_ids, .label = static_cast<int>(random() % 2)});
    }
    return std::move(features).finish();
}

/// A line of /proc/self/status, e.g. VmHWM, in MiB.
double status_mib(const std::string& key) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(key + ":")) {
            return std::stod(line.substr(key.size() + 1)) / 1024;
        }
    }
    return 0;
}

void print_share(const char* name, double part_s, double whole_s) {
    fmt::print("  {:<18}{:6.1f} %\n", name, 100 * part_s / whole_s);
}

struct Job {
    const Options& options;
    const Model& model;
    FastModel& fast;
    FeatureSet features;
    BatchingMode mode;
    int threads;

    Batch batch(std::size_t step) const {
        const auto size = static_cast<std::size_t>(options.batch);
        std::vector<std::int64_t> indices(size);
        std::iota(indices.begin(), indices.end(),
                  static_cast<std::int64_t>((step * size) % (features.size() - size + 1)));
        return make_batch(features, indices, mode,
                          static_cast<std::int32_t>(model.config().max_position_embeddings), 0);
    }
};

void print_parts(const FastTimes& times, double optimizer_s, double whole_s) {
    static constexpr std::array<const char*, kGemmDirections> kNames = {
        "forward products", "input gradients", "weight gradients"};
    for (std::size_t d = 0; d < kGemmDirections; ++d) {
        if (times.products.operations[d] > 0) {
            fmt::print("  {:<18}{:6.1f} %  {:.1f} GFLOP/s\n", kNames[d],
                       100 * times.products.seconds[d] / whole_s,
                       1e-9 * times.products.operations[d] / times.products.seconds[d]);
        }
    }
    print_share("attention", times.attention_s, whole_s);
    print_share("norm", times.norm_s, whole_s);
    print_share("activation", times.activation_s, whole_s);
    print_share("embeddings", times.embedding_s, whole_s);
    print_share("bias sums", times.bias_sums_s, whole_s);
    print_share("head", times.head_s, whole_s);
    print_share("optimizer", optimizer_s, whole_s);
}

void print_peak(double operations, double whole_s, int threads) {
    const double peak = measure_fma_peak(threads);
    const double rate = operations / whole_s;
    fmt::print("model              {:.1f} GFLOP/s, {:.1f} % of the FMA peak of {:.1f}\n",
               rate * 1e-9, 100 * rate / peak, peak * 1e-9);
}

void train(const Job& job) {
    const auto size = static_cast<std::size_t>(job.model.layout().size());
    std::vector<float> first(size);
    std::vector<float> second(size);
    const auto span_of = [&](const at::Tensor& flat) {
        return std::span(flat.mutable_data_ptr<float>(), size);
    };
    FlatAdamW adamw({span_of(job.model.flat_values()), span_of(job.model.flat_gradients()), first,
                     second, job.fast.low_values(), job.model.layout().decayed_size()},
                    {});
    EngineWork work;
    double optimizer_s = 0;
    std::vector<double> step_times;
    Clock::time_point begin{};
    for (std::size_t step = 0; step < 5 || seconds_since(begin) < job.options.seconds; ++step) {
        if (step == 2) {  // the first two touch memory and build kernels
            begin = Clock::now();
            job.fast.take_times();
            work = {};
            optimizer_s = 0;
            step_times.clear();
        }
        const Clock::time_point at_step = Clock::now();
        const Batch batch = job.batch(step);
        const PackedInput input = pack_input(batch);
        job.fast.step(input, {1, static_cast<std::int64_t>(step)}, mean_loss(job.model, input));
        const Clock::time_point at_update = Clock::now();
        adamw.step(adamw.gradient_norm(), 1e-6, FlatAdamW::Gradients::kKept);
        optimizer_s += seconds_since(at_update);
        work.add(job.model.config(), {job.model.head_kind(), job.model.labels()}, batch);
        step_times.push_back(seconds_since(at_step));
    }
    const double whole_s = seconds_since(begin);
    const FastTimes times = job.fast.take_times();
    const double examples = static_cast<double>(work.examples);
    std::sort(step_times.begin(), step_times.end());
    fmt::print("steps              {}, {:.1f} ms median, {:.1f} ms best\n", work.steps,
               1e3 * step_times[step_times.size() / 2], 1e3 * step_times.front());
    fmt::print("examples           {:.2f} a second, {:.1f} real tokens each\n", examples / whole_s,
               static_cast<double>(work.tokens_real) / examples);
    fmt::print("tokens             {:.0f} real, {:.0f} computed a second\n",
               static_cast<double>(work.tokens_real) / whole_s,
               static_cast<double>(work.tokens_padded) / whole_s);
    print_peak(work.flops_model, whole_s, job.threads);
    print_parts(times, optimizer_s, whole_s);
}

/// Parameters of the blocks, which every forward pass reads.
double block_bytes(const Model& model) {
    double bytes = 0;
    for (const ParameterSpec& spec : model.layout().specs()) {
        const bool is_table = spec.role == ParameterRole::kWordEmbeddings ||
                              spec.role == ParameterRole::kPositionEmbeddings ||
                              spec.role == ParameterRole::kTypeEmbeddings;
        bytes += is_table ? 0 : 4.0 * static_cast<double>(spec.element_count());
    }
    return bytes;
}

void infer(const Job& job) {
    const std::int64_t rows = std::int64_t{job.options.tokens} * job.options.batch;
    std::vector<double> times_s;
    Clock::time_point begin{};
    for (std::size_t step = 0; step < 8 || seconds_since(begin) < job.options.seconds; ++step) {
        if (step == 3) {
            begin = Clock::now();
            job.fast.take_times();
            times_s.clear();
        }
        const Clock::time_point at_step = Clock::now();
        job.fast.forward(pack_input(job.batch(step)));
        times_s.push_back(seconds_since(at_step));
    }
    const double whole_s = seconds_since(begin);
    const FastTimes times = job.fast.take_times();
    std::sort(times_s.begin(), times_s.end());
    const double median_s = times_s[times_s.size() / 2];
    const double width = job.fast.low_values().empty() ? 1.0 : 0.5;
    const double bytes = block_bytes(job.model) * width;
    const double read_s = bytes / measure_read_rate(static_cast<std::size_t>(bytes), job.threads);
    fmt::print("passes             {}, {:.2f} ms median, {:.2f} ms best\n", times_s.size(),
               1e3 * median_s, 1e3 * times_s.front());
    fmt::print("reading weights    {:.2f} ms for {:.0f} MB; a pass takes {:.2f} times that\n",
               1e3 * read_s, bytes * 1e-6, median_s / read_s);
    const double passes = static_cast<double>(times_s.size());
    const std::int64_t squares = rows * job.options.tokens;
    print_peak(
        passes * forward_flops(job.model.config(), {job.model.head_kind(), job.model.labels()},
                               job.options.batch, rows, squares),
        whole_s, job.threads);
    print_parts(times, 0, whole_s);
}

int run(const Options& options) {
    const int threads = start_runtime(options.threads);
    const auto config = read_model_config(options.config);
    const auto precision = parse_precision(options.precision);
    const auto mode = parse_batching_mode(options.batching);
    const auto setting = gemm_setting_from_environment();
    if (!config || !precision || !mode || !setting) {
        fmt::print(stderr, "{}\n",
                   !config      ? config.error().describe()
                   : !precision ? precision.error().describe()
                   : !setting   ? setting.error().describe()
                                : "batching: expected unpadded, dynamic, fixed or grouped");
        return 1;
    }
    if (const Status possible = check_precision(*precision); !possible) {
        fmt::print(stderr, "{}\n", possible.error().describe());
        return 1;
    }
    const Model model(*config, HeadKind::kClassification, 2, 1);
    const FastOptions fast_options{*precision, *setting};
    FastModel fast = options.is_inference
                         ? FastModel::for_inference(model, fast_options,
                                                    std::int64_t{options.tokens} * options.batch)
                         : FastModel(model, fast_options);
    fmt::print("threads            {}\nprecision          {}\nproducts           {}\n", threads,
               options.precision, fast.describe_products());
    const Job job{
        options, model,
        fast,    made_up_texts(*config, options, 20 * static_cast<std::size_t>(options.batch)),
        *mode,   threads};
    options.is_inference ? infer(job) : train(job);
    fmt::print("memory             {:.0f} MiB at most, activations {:.0f} MiB\n",
               status_mib("VmHWM"),
               static_cast<double>(fast.activation_bytes()) / (1024.0 * 1024.0));
    return 0;
}

}  // namespace
}  // namespace finewatt

int main(int argc, char** argv) {
    CLI::App app("Times training steps of a random model, or single forward passes.");
    finewatt::Options options;
    app.add_option("config", options.config, "config.json of the model")->required();
    app.add_option("--precision", options.precision, "fp32 or bf16");
    app.add_option("--batching", options.batching, "unpadded, dynamic, fixed or grouped");
    app.add_option("--batch", options.batch, "texts in a batch");
    app.add_option("--tokens", options.tokens, "mean tokens of a text");
    app.add_option("--seconds", options.seconds, "time to measure");
    app.add_option("--threads", options.threads, "0 = one per core");
    app.add_flag("--infer", options.is_inference, "forward passes instead of steps");
    CLI11_PARSE(app, argc, argv);
    return finewatt::run(options);
}
