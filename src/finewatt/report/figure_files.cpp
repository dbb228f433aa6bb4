#include "finewatt/report/figure_files.h"

#include "finewatt/report/figures_internal.h"
#include "finewatt/report/run_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

/// Ids are ULIDs; what a foreign record has in their place must not steer the path.
std::string file_word(const std::string& id) {
    std::string word = id.substr(0, 40);
    std::replace_if(
        word.begin(), word.end(),
        [](char c) {
            return !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
        },
        '_');
    return word;
}

/// Draws one figure after another into a list.
class FigureSet {
  public:
    FigureSet(FigureFormat format, const FigureOptions& options)
        : format_(format),
          options_(options) {}

    Status add(std::string name, const std::optional<report::FigureView>& view) {
        if (!view) {
            return {};
        }
        FINEWATT_ASSIGN(std::string bytes, draw_figure(view->gnuplot, format_, options_));
        name += fmt::format(".{}", figure_format_name(format_));
        files_.push_back({std::move(name), std::move(bytes), view->text_alternative});
        return {};
    }

    std::vector<FigureFile> take() { return std::move(files_); }

  private:
    FigureFormat format_;
    const FigureOptions& options_;
    std::vector<FigureFile> files_;
};

}  // namespace

Result<std::vector<FigureFile>> draw_figure_files(std::span<const RunRecord> runs,
                                                  const PowerReader& read_power,
                                                  FigureFormat format,
                                                  const FigureOptions& options) {
    const std::vector<std::string> labels = run_labels(runs);
    FigureSet figures(format, options);
    for (const RunRecord& run : runs) {
        const std::string id = file_word(run.run_id);
        FINEWATT_ASSIGN(const std::vector<PowerSeries> power, read_power(run));
        FINEWATT_TRY(figures.add("power-" + id, report::power_figure(run, power)));
        FINEWATT_TRY(
            figures.add("energy-by-phase-" + id, report::bar_figure(report::phase_bars(run))));
    }
    if (runs.size() > 1) {
        FINEWATT_TRY(figures.add("energy-by-component",
                                 report::bar_figure(report::component_bars(runs, labels))));
        FINEWATT_TRY(figures.add("energy-by-phase",
                                 report::bar_figure(report::run_phase_bars(runs, labels))));
    }
    FINEWATT_TRY(figures.add("energy-against-tokens",
                             report::token_figure(report::token_points(runs, labels))));
    return figures.take();
}

}  // namespace finewatt
