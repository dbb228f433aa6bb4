// How many readings a second `finewatt replay` takes on one core. The aim is 5 million.
//
// The traces are made here: counters of microjoules at 10 Hz that wrap, gauges, and the same lines
// in a shape that the fast way does not know.
#include "finewatt/meter/replay.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace {

constexpr std::uint64_t kRange = 65'532'611'000;

enum class Shape { kCounters, kGauges, kUnusual };

/// A trace of `readings` lines of `channels` channels in a temporary file.
class TraceFile {
  public:
    TraceFile(Shape shape, std::int64_t channels, std::int64_t readings)
        : path_(std::filesystem::temp_directory_path() /
                fmt::format("finewatt_replay_bench.{}.jsonl", ::getpid())) {
        std::FILE* file = std::fopen(path_.c_str(), "w");
        if (file == nullptr) {
            std::perror(path_.c_str());
            std::exit(1);
        }
        write_header(file, shape, channels);
        for (std::int64_t i = 0; i < readings; ++i) {
            const std::int64_t round = i / channels;
            const std::int64_t t_ns = round * 100'000'000 + i % channels * 20'000;
            const std::uint64_t raw =
                shape == Shape::kGauges
                    ? 200'000 + static_cast<std::uint64_t>(round * 7919 % 90'000)
                    : static_cast<std::uint64_t>(round) * 20'000'000 % kRange;
            const std::int64_t channel = i % channels;
            if (shape == Shape::kUnusual) {
                fmt::print(file, "{{\"id\":\"powercap:package-{}\",\"raw\":{},\"t_ns\":{}}}\n",
                           channel, raw, t_ns);
            } else {
                fmt::print(file, "{{\"t_ns\":{},\"id\":\"powercap:package-{}\",\"raw\":{}}}\n",
                           t_ns, channel, raw);
            }
        }
        std::fclose(file);
    }

    TraceFile(const TraceFile&) = delete;
    TraceFile& operator=(const TraceFile&) = delete;

    ~TraceFile() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }

    std::int64_t bytes() const {
        return static_cast<std::int64_t>(std::filesystem::file_size(path_));
    }

  private:
    static void write_header(std::FILE* file, Shape shape, std::int64_t channels) {
        std::string list;
        for (std::int64_t i = 0; i < channels; ++i) {
            list += i == 0 ? "" : ",";
            list += fmt::format(
                R"({{"id":"powercap:package-{0}","device":"cpu{0}","max_power_w":500,)", i);
            list +=
                shape == Shape::kGauges
                    ? R"("kind":"gauge","unit":"mW","domain":"gpu","window_ms":25,)"
                    : fmt::format(R"("kind":"counter","unit":"uJ","range":{},"domain":"package",)",
                                  kRange);
            list += R"("update_ms":1})";
        }
        fmt::print(file,
                   R"({{"finewatt_trace":1,"started_at":"2026-11-23T04:28:00Z","channels":[{}]}})"
                   "\n",
                   list);
    }

    std::filesystem::path path_;
};

void replay_trace(benchmark::State& state, Shape shape) {
    const std::int64_t readings = shape == Shape::kUnusual ? 400'000 : 4'000'000;
    const TraceFile trace(shape, state.range(0), readings);
    for (auto _ : state) {
        const auto result = finewatt::replay_file(trace.path());
        if (!result || !result->total.energy) {
            state.SkipWithError("the trace was not computed");
            return;
        }
        benchmark::DoNotOptimize(result->total.energy->as_joules());
    }
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    state.SetItemsProcessed(state.iterations() * readings);
    state.SetBytesProcessed(state.iterations() * trace.bytes());
    state.counters["resident_MiB"] = static_cast<double>(usage.ru_maxrss) / 1024;
}

}  // namespace

BENCHMARK_CAPTURE(replay_trace, counters, Shape::kCounters)
    ->Arg(1)
    ->Arg(8)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay_trace, gauges, Shape::kGauges)->Arg(8)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(replay_trace, unusual_lines, Shape::kUnusual)
    ->Arg(8)
    ->Unit(benchmark::kMillisecond);

BENCHMARK_MAIN();
