// Writes the page and the summary of each example run into a folder, to look at them:
//   report_render_examples /tmp/pages
#include "finewatt/base/file.h"
#include "finewatt/report/html_report.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "example_runs.h"

int main(int argc, char** argv) {
    if (argc != 2) {
        fmt::print(stderr, "usage: report_render_examples FOLDER\n");
        return 2;
    }
    const std::filesystem::path folder(argv[1]);
    for (const auto& example : finewatt::report_examples::all_examples()) {
        const auto page = folder / (example.name + ".html");
        const auto status = finewatt::write_html_report(page, example.run, example.power);
        if (!status) {
            fmt::print(stderr, "{}\n", status.error().describe());
            return 5;
        }
        fmt::print("{}\n", page.string());
    }
    return 0;
}
