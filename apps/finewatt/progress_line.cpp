#include "finewatt/progress_line.h"

#include "finewatt/command.h"
#include "finewatt/report/format.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <vector>

namespace finewatt::app {
namespace {

constexpr double kSecondsBetweenLines = 10;
/// Width of a line in a file: nothing needs to be cut there.
constexpr std::size_t kUncut = 400;

std::string expected_end(const JobProgress& progress) {
    std::string text = format_duration(*progress.expected_s - progress.elapsed_s) + " left";
    if (progress.expected_energy) {
        text += ", " + format_kwh(*progress.expected_energy, progress.expected_energy_low,
                                  progress.expected_energy_high);
    }
    return text;
}

}  // namespace

std::string progress_text(const JobProgress& progress, std::size_t width) {
    std::vector<std::string> parts;
    if (!progress.phase.empty()) {
        parts.push_back(progress.phase);
    }
    if (progress.progress) {
        parts.push_back(fmt::format("{}/{}", format_count(progress.progress->done),
                                    format_count(progress.progress->of)));
        if (progress.progress->loss) {
            parts.push_back(fmt::format("loss {:.3f}", *progress.progress->loss));
        }
    }
    if (progress.tokens_per_s) {
        parts.push_back(fmt::format("{} tokens/s", format_count(*progress.tokens_per_s)));
    }
    if (progress.energy.power) {
        parts.push_back(fmt::format("{:.1f} W", progress.energy.power->as_watts()));
    }
    if (progress.energy.energy) {
        parts.push_back(format_energy_best(*progress.energy.energy, progress.energy.energy_low,
                                           progress.energy.energy_high));
    }
    parts.push_back(progress.expected_s ? expected_end(progress)
                                        : format_duration(progress.elapsed_s));
    return truncate_to_width(safe_text(fmt::format("{}", fmt::join(parts, "  "))), width);
}

void ProgressLine::show(const JobProgress& progress) {
    if (is_terminal_) {
        const auto width = static_cast<std::size_t>(terminal_columns());
        print_text(stderr, "\r\x1b[2K" + progress_text(progress, width - 1));
        std::fflush(stderr);
        is_shown_ = true;
    } else if (progress.elapsed_s - last_printed_s_ >= kSecondsBetweenLines) {
        print_line(stderr, progress_text(progress, kUncut));
        last_printed_s_ = progress.elapsed_s;
    }
}

void ProgressLine::clear() {
    if (is_shown_) {
        print_text(stderr, "\r\x1b[2K");
        std::fflush(stderr);
        is_shown_ = false;
    }
}

}  // namespace finewatt::app
