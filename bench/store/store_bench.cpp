// How long lists of a large ledger take, and storing and reading a long run: bench/store/README.md.
#include "finewatt/store/store.h"

#include "finewatt/base/clock.h"
#include "finewatt/record/json.h"
#include "finewatt/store/sqlite_store.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace {

using finewatt::PowerSeries;
using finewatt::Result;
using finewatt::RunFilter;
using finewatt::RunOrder;
using finewatt::RunRecord;
using finewatt::Status;
using finewatt::Store;
using finewatt::WallTime;

struct Settings {
    std::string url;
    int runs = 100'000;
    int points = 100;
    int channels = 8;
    int long_run_h = 24;
};

/// 26 characters that sort by `number`.
std::string id_of(int number) {
    return fmt::format("01JDCAFE0000000000{:08}", number);
}

/// Readings of a counter at 10 Hz: times jitter by 50 us, powers in steps of 61 uJ.
PowerSeries make_series(const std::string& channel, int points, std::mt19937_64& random) {
    PowerSeries series;
    series.channel = channel;
    series.component = "cpu";
    series.provenance = "measured";
    std::int64_t time_ns = 0;
    for (int i = 0; i < points; ++i) {
        const std::int64_t step_ns = 100'000'000 + static_cast<std::int64_t>(random() % 50'000);
        const double wave = 80 + 20 * std::sin(1e-3 * i);
        const double energy_j =
            std::round((wave + static_cast<double>(random() % 1000) * 1e-2) * 0.1 / 61e-6) * 61e-6;
        time_ns += step_ns;
        series.t_s.push_back(static_cast<double>(time_ns) * 1e-9);
        series.power_w.push_back(energy_j / (static_cast<double>(step_ns) * 1e-9));
    }
    return series;
}

RunRecord make_run(int number, std::mt19937_64& random) {
    constexpr std::int64_t kMinute_ns = 60'000'000'000;
    RunRecord run;
    run.run_id = id_of(number);
    run.name = fmt::format("run {} of {}", number, random() % 100);
    run.kind = random() % 2 == 0 ? "fine-tuning" : "command";
    run.status = random() % 10 == 0 ? "failed" : "complete";
    run.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000 + number * kMinute_ns);
    run.duration_s = static_cast<double>(random() % 100'000) * 0.1;
    run.energy.energy = finewatt::joules(static_cast<double>(random() % 10'000'000) * 0.1);
    run.energy.provenance = "measured";
    for (const char* device : {"cpu0", "cpu1", "gpu0", "gpu1"}) {
        auto& component = run.energy.components.emplace_back();
        component.component = "cpu";
        component.device = device;
        component.energy = run.energy.energy;
        component.provenance = "measured";
    }
    run.settings["model"] = random() % 3 == 0 ? "bert-base-uncased" : "distilbert-base-uncased";
    run.settings["batch"] = static_cast<std::int64_t>(8 << (random() % 4));
    run.tags = {fmt::format("tag{}", random() % 20)};
    return run;
}

double seconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void check(const Status& status) {
    if (!status) {
        fmt::print(stderr, "error: {}\n", status.error().describe());
        std::exit(1);
    }
}

/// The ledger to fill: of a file, power losses do not matter.
Result<std::unique_ptr<Store>> open(const Settings& settings, bool is_durable) {
    const std::string prefix = "sqlite:";
    if (settings.url.starts_with(prefix)) {
        finewatt::SqliteOptions options;
        options.is_durable = is_durable;
        return finewatt::open_sqlite_store(settings.url.substr(prefix.size()), options);
    }
    return finewatt::open_store(settings.url);
}

void fill(const Settings& settings) {
    Result<std::unique_ptr<Store>> store = open(settings, false);
    check(store ? Status() : Status(store.error()));
    std::mt19937_64 random(1);
    const double fill_s = seconds_of([&] {
        for (int i = 0; i < settings.runs; ++i) {
            const std::vector series{make_series("powercap:package-0", settings.points, random)};
            check((*store)->insert(make_run(i, random), series));
        }
    });
    fmt::print("filled with {} runs of {} samples in {:.1f} s\n", settings.runs, settings.points,
               fill_s);
}

/// Print the median time of a few rounds.
void time_list(Store& store, const char* what, const RunFilter& filter) {
    constexpr int kRounds = 9;
    std::vector<double> times_s;
    std::size_t runs = 0;
    for (int round = 0; round < kRounds; ++round) {
        times_s.push_back(seconds_of([&] {
            const auto list = store.list(filter);
            check(list ? Status() : Status(list.error()));
            runs = list->size();
        }));
    }
    std::sort(times_s.begin(), times_s.end());
    fmt::print("list, {:<28} {:7.2f} ms ({:.2f} to {:.2f}), {} runs\n", what,
               times_s[kRounds / 2] * 1e3, times_s.front() * 1e3, times_s.back() * 1e3, runs);
}

void time_lists(Store& store, int runs) {
    const auto time_with = [&store](const char* what,
                                    const std::function<void(RunFilter & filter)>& set) {
        RunFilter filter;
        filter.limit = 50;
        set(filter);
        time_list(store, what, filter);
    };
    time_with("newest", [](RunFilter&) {});
    time_with("by energy", [](RunFilter& f) { f.order = RunOrder::kEnergy; });
    time_with("by least energy", [](RunFilter& f) {
        f.order = RunOrder::kEnergy;
        f.is_ascending = true;
    });
    time_with("by duration", [](RunFilter& f) { f.order = RunOrder::kDuration; });
    time_with("by name", [](RunFilter& f) {
        f.order = RunOrder::kName;
        f.is_ascending = true;
    });
    time_with("of kind and status", [](RunFilter& f) {
        f.kind = "fine-tuning";
        f.status = "failed";
    });
    time_with("of a tag, by energy", [](RunFilter& f) {
        f.tag = "tag7";
        f.order = RunOrder::kEnergy;
    });
    time_with("with a text, by energy", [](RunFilter& f) {
        f.text = "distil";
        f.order = RunOrder::kEnergy;
    });
    time_with("with a text nobody has", [](RunFilter& f) { f.text = "nowhere"; });
    time_with("energy between, by duration", [](RunFilter& f) {
        f.min_energy = finewatt::joules(1e5);
        f.max_energy = finewatt::joules(9e5);
        f.order = RunOrder::kDuration;
    });
    time_with("the last page", [runs](RunFilter& f) {
        f.offset = static_cast<std::size_t>(std::max(0, runs - 50));
    });
    RunFilter filter;
    filter.kind = "command";
    const double count_s = seconds_of([&] {
        const Result<std::size_t> runs_of_kind = store.count(filter);
        check(runs_of_kind ? Status() : Status(runs_of_kind.error()));
    });
    fmt::print("count of a kind: {:.2f} ms\n", 1e3 * count_s);
}

void time_long_run(Store& store, const Settings& settings) {
    std::mt19937_64 random(2);
    const int points = settings.long_run_h * 36'000;
    std::vector<PowerSeries> series;
    for (int channel = 0; channel < settings.channels; ++channel) {
        series.push_back(make_series(fmt::format("channel:{}", channel), points, random));
    }
    for (int round = 0; round < 3; ++round) {
        const RunRecord run = make_run(settings.runs + round, random);
        const double insert_s = seconds_of([&] { check(store.insert(run, series)); });
        std::vector<PowerSeries> back;
        const double read_s = seconds_of([&] {
            auto read = store.power_series(run.run_id);
            check(read ? Status() : Status(read.error()));
            back = *std::move(read);
        });
        const bool is_same = back.front().power_w == series.front().power_w;
        fmt::print(
            "a run of {} h with {} channels at 10 Hz: stored in {:.2f} s, read in {:.2f} s{}\n",
            settings.long_run_h, settings.channels, insert_s, read_s, is_same ? "" : " (WRONG)");
    }
}

}  // namespace

int main(int argc, char** argv) {
    Settings settings;
    CLI::App app("Times lists of a large ledger, and storing a long run.");
    app.add_option("--store", settings.url, "An empty ledger; default: a temporary file");
    app.add_option("--runs", settings.runs, "Runs to make")->check(CLI::PositiveNumber);
    app.add_option("--points", settings.points, "Samples of each")->check(CLI::NonNegativeNumber);
    app.add_option("--hours", settings.long_run_h, "Length of the long run")
        ->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / fmt::format("finewatt-bench-{}", ::getpid());
    if (settings.url.empty()) {
        settings.url = "sqlite:" + (folder / "ledger.db").string();
    }
    fill(settings);
    {
        Result<std::unique_ptr<Store>> store = open(settings, true);
        check(store ? Status() : Status(store.error()));
        time_lists(**store, settings.runs);
        time_long_run(**store, settings);
    }
    std::error_code ignored;
    if (std::filesystem::exists(folder / "ledger.db", ignored)) {
        fmt::print(
            "the file took {:.0f} MB\n",
            static_cast<double>(std::filesystem::file_size(folder / "ledger.db", ignored)) / 1e6);
    }
    std::filesystem::remove_all(folder, ignored);
    return 0;
}
