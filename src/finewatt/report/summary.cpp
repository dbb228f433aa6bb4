#include "finewatt/report/summary.h"

#include "finewatt/report/run_view_internal.h"
#include "finewatt/report/table.h"
#include "finewatt/report/text.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace finewatt {
namespace {

using report::LabelledText;

constexpr std::size_t kLeastWidth = 60;
constexpr std::size_t kIndent = 2;
constexpr std::size_t kLabelWidth = 20;

// SGR codes of ECMA-48, section 8.3.117.
constexpr std::string_view kBold = "1";
constexpr std::string_view kDim = "2";
constexpr std::string_view kRed = "31";
constexpr std::string_view kGreen = "32";
constexpr std::string_view kYellow = "33";

/// Collects the lines of one summary.
class SummaryText {
  public:
    explicit SummaryText(const SummaryOptions& options)
        : width_(std::max(options.width, kLeastWidth)),
          use_colour_(options.use_colour) {}

    std::string coloured(std::string_view text, std::string_view code) const {
        return use_colour_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
    }

    void heading(std::string_view text) { out_ += '\n' + coloured(text, kBold) + '\n'; }

    /// One paragraph; lines after the first stand below the text of the first.
    void paragraph(std::string_view text, std::size_t indent, std::string_view code = "") {
        for (const std::string& line : wrap_text(safe_text(text), width_ - indent)) {
            out_ += std::string(indent, ' ') + (code.empty() ? line : coloured(line, code)) + '\n';
        }
    }

    void labelled(const LabelledText& line) {
        std::string label(kIndent, ' ');
        label += truncate_to_width(safe_text(line.label), kLabelWidth);
        label.append(kIndent + kLabelWidth + 2 - display_width(label), ' ');
        const auto wrapped = wrap_text(safe_text(line.text), width_ - display_width(label));
        for (std::size_t i = 0; i < wrapped.size(); ++i) {
            out_ += (i == 0 ? label : std::string(kIndent + kLabelWidth + 2, ' ')) + wrapped[i];
            out_ += '\n';
        }
    }

    void labelled(const std::vector<LabelledText>& lines) {
        for (const LabelledText& line : lines) {
            labelled(line);
        }
    }

    void table(const TextTable& table) {
        out_ += table.render({.max_width = width_, .indent = kIndent});
    }

    /// A long path stays whole, so that it can be copied.
    void path(const LabelledText& line) {
        out_ += fmt::format("{:{}}{:<{}}{}\n", "", kIndent, line.label, kLabelWidth + 2,
                            safe_text(line.text));
    }

    std::string take() { return std::move(out_); }

  private:
    std::size_t width_;
    bool use_colour_;
    std::string out_;
};

void add_title(SummaryText& text, const RunRecord& run) {
    std::string title = "Run " + run.run_id;
    if (run.name) {
        title += fmt::format(" \"{}\"", *run.name);
    }
    text.paragraph(fmt::format("{}, {}", title, run.kind), 0, kBold);
    std::string_view colour = kYellow;
    if (run.status == "complete") {
        colour = kGreen;
    } else if (run.status == "failed") {
        colour = kRed;
    }
    text.paragraph(report::status_text(run), 0, colour);
}

void add_components(SummaryText& text, const EnergySummary& energy) {
    const auto views = report::component_views(energy);
    if (views.empty()) {
        text.paragraph("No component was read.", kIndent);
        return;
    }
    TextTable table({{"component"},
                     {"device", Align::kLeft, true},
                     {"energy", Align::kRight},
                     {"range", Align::kRight},
                     {"mean power", Align::kRight},
                     {"how"},
                     {"from", Align::kLeft, true}});
    for (const auto& view : views) {
        table.add_row({view.component, view.device, view.energy, view.range, view.power_mean,
                       view.provenance, view.source});
    }
    text.table(table);
    for (const auto& view : views) {
        for (const std::string& remark : view.remarks) {
            const std::string& name = view.device.empty() ? view.component : view.device;
            text.paragraph(fmt::format("{}: {}", name, remark), 2 * kIndent, kDim);
        }
    }
}

void add_phases(SummaryText& text, const RunRecord& run) {
    const auto views = report::phase_views(run);
    if (views.empty()) {
        return;
    }
    text.heading("Phases");
    TextTable table({{"phase", Align::kLeft, true},
                     {"time", Align::kRight},
                     {"energy", Align::kRight},
                     {"range", Align::kRight},
                     {"mean power", Align::kRight},
                     {"how"}});
    for (const auto& view : views) {
        table.add_row(
            {view.name, view.duration, view.energy, view.range, view.power_mean, view.provenance});
    }
    text.table(table);
    for (const auto& view : views) {
        if (!view.remark.empty()) {
            text.paragraph(fmt::format("{}: {}", view.name, view.remark), 2 * kIndent, kDim);
        }
    }
}

void add_section(SummaryText& text, std::string_view title,
                 const std::vector<LabelledText>& lines) {
    if (!lines.empty()) {
        text.heading(title);
        text.labelled(lines);
    }
}

}  // namespace

std::string render_summary(const RunRecord& run, const SummaryOptions& options) {
    SummaryText text(options);
    add_title(text, run);
    add_section(text, "Scores", report::score_lines(run));
    text.heading("Energy");
    text.labelled({"total", report::energy_text(run.energy)});
    if (report::is_known(run.energy.energy)) {
        text.labelled({"", report::kwh_text(run.energy)});
    }
    if (const auto origin = report::energy_origin_text(run.energy); !origin.empty()) {
        text.labelled({"how; what it covers", origin});
    }
    text.labelled(report::calibration_lines(run));
    text.labelled(report::baseline_lines(run));
    text.labelled(report::attribution_lines(run));
    text.heading("Energy by component");
    add_components(text, run.energy);
    add_phases(text, run);
    add_section(text, "Carbon", report::carbon_lines(run));
    add_section(text, "Work", report::work_lines(run));
    text.labelled({"wall time", report::wall_time_text(run)});
    add_section(text, "Meter", report::meter_lines(run));
    add_section(text, "Notes", report::note_lines(run));
    if (!run.artifacts.empty()) {
        text.heading("Files");
        for (const LabelledText& line : report::artifact_lines(run)) {
            text.path(line);
        }
    }
    return text.take();
}

}  // namespace finewatt
