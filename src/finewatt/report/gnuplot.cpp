#include "finewatt/report/gnuplot.h"

#include "finewatt/base/file.h"
#include "finewatt/base/subprocess.h"
#include "finewatt/report/text.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace finewatt {
namespace {

constexpr std::string_view kOutputFile = "figure.out";
constexpr int kPngScale = 2;
constexpr double kPixelsPerInch = 96;  ///< CSS Values and Units 3, section 5.2
constexpr std::string_view kFont = "sans-serif,13";

/// Owns a temporary folder.
class ScopedFolder {
  public:
    static Result<ScopedFolder> make() {
        std::error_code error;
        const auto parent = std::filesystem::temp_directory_path(error);
        if (error) {
            return FINEWATT_ERROR(kIo, "no folder for temporary files: {}; set TMPDIR",
                                  error.message());
        }
        std::string pattern = (parent / "finewatt-figure-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) {
            return error_from_errno(errno, fmt::format("make a folder in {}", parent.string()));
        }
        return ScopedFolder(pattern);
    }

    ScopedFolder(ScopedFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

    ScopedFolder& operator=(ScopedFolder&&) = delete;
    ScopedFolder(const ScopedFolder&) = delete;
    ScopedFolder& operator=(const ScopedFolder&) = delete;

    ~ScopedFolder() {
        if (!path_.empty()) {
            std::error_code ignored;
            std::filesystem::remove_all(path_, ignored);
        }
    }

    const std::filesystem::path& path() const { return path_; }

  private:
    explicit ScopedFolder(std::filesystem::path path) : path_(std::move(path)) {}

    std::filesystem::path path_;
};

/// Remove each part of `text` that begins with `begin` and ends with `end`.
void remove_all_between(std::string& text, std::string_view begin, std::string_view end) {
    for (std::size_t at = text.find(begin); at != text.npos; at = text.find(begin, at)) {
        const std::size_t stop = text.find(end, at + begin.size());
        if (stop == text.npos) {
            return;
        }
        text.erase(at, stop + end.size() - at);
    }
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at)) {
        text.replace(at, what.size(), with);
        at += with.size();
    }
}

/// gnuplot's terminal for a figure that is a file of its own.
std::string file_terminal(const GnuplotFigure& figure, FigureFormat format) {
    switch (format) {
        case FigureFormat::kSvg:
            return fmt::format(
                "set terminal svg size {},{} dynamic noenhanced font '{}' name {} "
                "background rgb 'white'\n",
                figure.width_px, figure.height_px, kFont, quote_gnuplot(figure.name));
        case FigureFormat::kPng:
            return fmt::format(
                "set terminal pngcairo size {},{} noenhanced font '{}' fontscale {} linewidth {} "
                "pointscale {} background rgb 'white'\n",
                figure.width_px * kPngScale, figure.height_px * kPngScale, kFont, kPngScale,
                kPngScale, kPngScale);
        case FigureFormat::kPdf:
            // The font is given in points at 72 to the inch, the size in pixels at 96.
            return fmt::format(
                "set terminal pdfcairo size {:.4f}in,{:.4f}in noenhanced font 'sans-serif,10' "
                "background rgb 'white'\n",
                figure.width_px / kPixelsPerInch, figure.height_px / kPixelsPerInch);
    }
    return "";
}

/// Overwrite the dates of drawing in a PDF, in the same length, so that equal figures are equal
/// files.
void blank_pdf_dates(std::string& pdf) {
    for (const char* key : {"/CreationDate (D:", "/ModDate (D:"}) {
        for (std::size_t at = pdf.find(key); at != pdf.npos; at = pdf.find(key, at)) {
            for (at += std::string_view(key).size(); at < pdf.size() && pdf[at] != ')'; ++at) {
                if (pdf[at] >= '0' && pdf[at] <= '9') {
                    pdf[at] = '0';
                }
            }
        }
    }
}

/// Draw and return the bytes of gnuplot's output file.
Result<std::string> run_gnuplot(const GnuplotFigure& figure, const std::string& terminal,
                                const FigureOptions& options) {
    FINEWATT_ASSIGN(const ScopedFolder folder, ScopedFolder::make());
    for (const auto& [name, content] : figure.data_files) {
        FINEWATT_TRY(write_file_atomically(folder.path() / name, content));
    }
    SubprocessOptions child;
    child.argv = {options.gnuplot, "--default-settings", "-"};
    child.working_directory = folder.path();
    child.timeout = options.time_limit;
    child.environment = {{"LC_ALL", "C"}};
    child.stdin_text = fmt::format("{}set encoding utf8\nset output '{}'\n{}", terminal,
                                   kOutputFile, figure.script);
    const auto result = run_subprocess(child);
    if (!result && result.error().code() == ErrorCode::kNotFound) {
        return FINEWATT_ERROR(
            kUnsupported,
            "figures need the program gnuplot, and '{}' was not found; install it "
            "(Debian: apt-get install gnuplot-nox) and make the report again",
            options.gnuplot);
    }
    if (!result) {
        return Error(result.error()).with_context("drawing a figure");
    }
    if (result->timed_out) {
        return FINEWATT_ERROR(kCancelled, "gnuplot: expected figure {} within {} s, found none",
                              figure.name,
                              std::chrono::duration<double>(options.time_limit).count());
    }
    auto bytes = read_file(folder.path() / kOutputFile);
    if (!result->succeeded() || !bytes) {
        return FINEWATT_ERROR(kInternal, "gnuplot: expected figure {}, found {}: {}", figure.name,
                              result->describe(), safe_text(result->stderr_text));
    }
    return *std::move(bytes);
}

}  // namespace

std::string quote_gnuplot(std::string_view text) {
    // In single quotes gnuplot interprets nothing (gnuplot 5.4 manual, "Quote marks"), but doubled
    // quotes at the front of a string end it. So the text gets typographic quotes, and has neither
    // quotes nor line breaks (safe_text) that could end the string.
    std::string out = safe_text(text);
    replace_all(out, "'", "\u2019");
    replace_all(out, "`", "\u2018");
    return "'" + out + "'";
}

std::string adapt_gnuplot_svg(std::string_view svg) {
    const std::size_t begin = svg.find("<svg");
    const std::size_t end = svg.rfind("</svg>");
    if (begin == svg.npos || end == svg.npos || end < begin) {
        return "";
    }
    std::string out(svg.substr(begin, end + 6 - begin));
    // Point symbols and boxes that our figures do not use, and texts that would show as tooltips.
    remove_all_between(out, "<defs>", "</defs>\n");
    remove_all_between(out, "<title>", "</title>");
    remove_all_between(out, "<desc>", "</desc>\n");
    remove_all_between(out, " id=\"", "\"");
    // gnuplot sets `color` on each group, which is what currentColor would then mean.
    for (const char* colour : {"black", "white", "gray"}) {
        replace_all(out, fmt::format(" color=\"{}\"", colour), "");
    }
    for (const char* attribute : {"stroke=\"black\"", "fill=\"black\"", "stroke='black'",
                                  "fill='black'", "fill = 'black'"}) {
        replace_all(out, attribute,
                    attribute[0] == 's' ? "stroke=\"currentColor\"" : "fill=\"currentColor\"");
    }
    // A figure inside a page is hidden from screen readers: the page states its content in words.
    out.insert(4, " class=\"chart\" aria-hidden=\"true\" focusable=\"false\"");
    return out;
}

std::string_view figure_format_name(FigureFormat format) {
    switch (format) {
        case FigureFormat::kSvg:
            return "svg";
        case FigureFormat::kPng:
            return "png";
        case FigureFormat::kPdf:
            return "pdf";
    }
    return "";
}

Result<std::string> draw_svg(const GnuplotFigure& figure, const FigureOptions& options) {
    const std::string terminal =
        fmt::format("set terminal svg size {},{} dynamic noenhanced font '{}' name {}\n",
                    figure.width_px, figure.height_px, kFont, quote_gnuplot(figure.name));
    FINEWATT_ASSIGN(const std::string svg, run_gnuplot(figure, terminal, options));
    std::string adapted = adapt_gnuplot_svg(svg);
    if (adapted.empty()) {
        return FINEWATT_ERROR(
            kInternal, "gnuplot: expected an SVG element for figure {}, found none", figure.name);
    }
    return adapted;
}

Result<std::string> draw_figure(const GnuplotFigure& figure, FigureFormat format,
                                const FigureOptions& options) {
    FINEWATT_ASSIGN(std::string bytes, run_gnuplot(figure, file_terminal(figure, format), options));
    if (format == FigureFormat::kPdf) {
        blank_pdf_dates(bytes);
    }
    return bytes;
}

}  // namespace finewatt
