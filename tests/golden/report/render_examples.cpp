// Writes the pages of the example runs into a folder, to look at them:
//   report_render_examples /tmp/pages         one page for each example, and pages over several
//   report_render_examples /tmp/pages 200     also a page over so many runs of 24 h at 10 Hz
#include "finewatt/report/html_report.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "example_runs.h"

namespace {

using finewatt::report_examples::Example;

bool write_page(const std::filesystem::path& page, const std::vector<Example>& examples,
                bool is_interactive = true) {
    const auto power = [&examples](const finewatt::RunRecord& run) {
        finewatt::Result<std::vector<finewatt::PowerSeries>> series;
        for (const Example& example : examples) {
            if (example.run.run_id == run.run_id) {
                series = example.power;
            }
        }
        return series;
    };
    finewatt::HtmlReportOptions options;
    options.is_interactive = is_interactive;
    const auto begin = std::chrono::steady_clock::now();
    const auto status = finewatt::write_html_report(
        page, finewatt::report_examples::runs_of(examples), power, options);
    if (!status) {
        fmt::print(stderr, "{}\n", status.error().describe());
        return false;
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    fmt::print("{} ({} kB, {:.2f} s)\n", page.string(), std::filesystem::file_size(page) / 1000,
               seconds.count());
    return true;
}

/// The same 24 h of power for each run: the page reads it as often as there are runs.
bool write_large_page(const std::filesystem::path& page, int count) {
    const Example first = finewatt::report_examples::day_long_run(0);
    std::vector<finewatt::RunRecord> runs;
    for (int i = 0; i < count; ++i) {
        runs.push_back(first.run);
        runs.back().run_id = fmt::format("01KAT3M8Q2W5E7R9T1Y3V5{}", 1000 + i);
        runs.back().name = fmt::format("day {}", i);
    }
    double reading_s = 0;
    const auto power = [&](const finewatt::RunRecord&) {
        const auto begin = std::chrono::steady_clock::now();
        finewatt::Result<std::vector<finewatt::PowerSeries>> copy(first.power);
        reading_s +=
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
        return copy;
    };
    const auto begin = std::chrono::steady_clock::now();
    const auto status = finewatt::write_html_report(page, runs, power);
    if (!status) {
        fmt::print(stderr, "{}\n", status.error().describe());
        return false;
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    fmt::print("{} ({} kB, {:.2f} s, and {:.2f} s for copies of the series)\n", page.string(),
               std::filesystem::file_size(page) / 1000, seconds.count() - reading_s, reading_s);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2 || argc > 3) {
        fmt::print(stderr, "usage: report_render_examples FOLDER [RUNS]\n");
        return 2;
    }
    const std::filesystem::path folder(argv[1]);
    bool is_written = true;
    for (const Example& example : finewatt::report_examples::all_examples()) {
        is_written = is_written && write_page(folder / (example.name + ".html"), {example});
    }
    const std::vector<Example> all = finewatt::report_examples::all_examples();
    const std::vector<Example> repeats = finewatt::report_examples::repeated_runs();
    is_written =
        is_written && write_page(folder / "all_runs.html", all) &&
        write_page(folder / "repeated_runs.html", repeats) &&
        write_page(folder / "drawn_runs.html", all, false) &&
        write_page(folder / "drawn_run.html", {all[1]}, false) &&
        write_page(folder / "day_long_run.html", {finewatt::report_examples::day_long_run(0)});
    if (is_written && argc == 3) {
        is_written = write_large_page(folder / "many_runs.html", std::atoi(argv[2]));
    }
    return is_written ? 0 : 5;
}
