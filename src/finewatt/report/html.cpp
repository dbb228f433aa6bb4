#include "finewatt/base/ascii.h"
#include "finewatt/report/html_internal.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace finewatt::report {
namespace {

/// Text and background have a contrast of at least 7:1 in both schemes (WCAG 2.1, 1.4.6).
constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --text: #1b1f24; --soft: #454d57; --page: #ffffff;
  --panel: #f3f5f7; --line: #c9d0d8; --accent: #1d5fa5; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8eaed; --soft: #b4bcc6; --page: #16181d; --panel: #21252c;
    --line: #434b56; --accent: #8fc1f7; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 68rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.75rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
.subtitle, footer, caption, figcaption { color: var(--soft); }
.subtitle { margin: 0; overflow-wrap: anywhere; }
.key { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0; }
.key div { flex: 1 1 11.5rem; background: var(--panel); border: 1px solid var(--line); border-radius: .5rem;
  padding: .7rem .9rem; overflow-wrap: anywhere; }
.key dt { color: var(--soft); font-size: .9rem; }
.key dd { margin: 0; font-size: .9rem; }
.key dd.value { font-size: 1.15rem; font-weight: 600; line-height: 1.35; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .925rem; }
table.wide { width: 100%; }
caption { text-align: left; padding-bottom: .35rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem 1.1rem .35rem 0;
  border-bottom: 1px solid var(--line); }
th[scope=row] { font-weight: 600; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
li { overflow-wrap: anywhere; }
.pairs td { overflow-wrap: anywhere; }
figure { margin: 1rem 0 0; }
.chart { display: block; width: 100%; height: auto; color: var(--text); }
figcaption { font-size: .9rem; }
.note { background: var(--panel); border-left: .25rem solid var(--accent); margin: .5rem 0;
  padding: .6rem .9rem; overflow-wrap: anywhere; }
footer { padding-top: 1.5rem; padding-bottom: 2rem; font-size: .9rem; }
@media print {
  :root { --text: #000; --soft: #333; --page: #fff; --panel: #fff; --line: #999; }
  body { font-size: 10pt; }
  .scroll { overflow: visible; }
  tr, figure, .key div { break-inside: avoid; }
  h2 { break-after: avoid; }
}
)css";

std::string element_id(std::string_view title) {
    std::string id(title);
    std::transform(id.begin(), id.end(), id.begin(), [](char c) {
        const char small = ascii_lower(c);
        const bool is_plain = (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9');
        return is_plain ? small : '-';
    });
    return id;
}

/// A scrolling region must be reachable by keyboard and have a name.
std::string scrolling(std::string_view name, std::string_view html) {
    return fmt::format(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">\n{}</div>\n",
        escape_html(name), html);
}

}  // namespace

std::string html_page(std::string_view title, std::string_view subtitle, std::string_view html) {
    const std::string safe_title = escape_html(title);
    std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n";
    out +=
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'\"/>\n";
    out += fmt::format("<title>{} - finewatt report</title>\n<style>{}</style>\n</head>\n<body>\n",
                       safe_title, kStyle);
    out += fmt::format("<header>\n<h1>{}</h1>\n<p class=\"subtitle\">{}</p>\n</header>\n",
                       safe_title, escape_html(subtitle));
    out += "<main>\n";
    out += html;
    out +=
        "</main>\n<footer>\n<p>Made by finewatt. This page needs no other file.</p>\n</footer>\n"
        "</body>\n</html>\n";
    return out;
}

std::string html_section(std::string_view title, std::string_view html) {
    const std::string id = element_id(title);
    return fmt::format(
        "<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n", id,
        escape_html(title), html);
}

std::string html_paragraph(std::string_view text) {
    return fmt::format("<p>{}</p>\n", escape_html(text));
}

std::string html_note(std::string_view text) {
    return fmt::format("<p class=\"note\">{}</p>\n", escape_html(text));
}

std::string html_list(const std::vector<std::string>& items) {
    if (items.empty()) {
        return "";
    }
    std::string out = "<ul>\n";
    for (const std::string& item : items) {
        out += fmt::format("<li>{}</li>\n", escape_html(item));
    }
    return out + "</ul>\n";
}

std::string html_table(const HtmlTable& table) {
    std::string out = fmt::format("<table class=\"wide\">\n<caption>{}</caption>\n<thead>\n<tr>",
                                  escape_html(table.caption));
    for (const HtmlColumn& column : table.columns) {
        out += fmt::format("<th scope=\"col\"{}>{}</th>",
                           column.is_number ? " class=\"number\"" : "", escape_html(column.header));
    }
    out += "</tr>\n</thead>\n<tbody>\n";
    for (const auto& row : table.rows) {
        out += "<tr>";
        for (std::size_t c = 0; c < row.size(); ++c) {
            const std::string text = escape_html(row[c]);
            if (c == 0) {
                out += fmt::format("<th scope=\"row\">{}</th>", text);
            } else {
                out += fmt::format("<td{}>{}</td>",
                                   table.columns[c].is_number ? " class=\"number\"" : "", text);
            }
        }
        out += "</tr>\n";
    }
    out += "</tbody>\n</table>\n";
    return scrolling(table.caption, out);
}

std::string html_pairs(std::string_view caption, const std::vector<LabelledText>& lines) {
    std::string out = fmt::format("<table class=\"pairs\">\n<caption>{}</caption>\n<tbody>\n",
                                  escape_html(caption));
    for (const LabelledText& line : lines) {
        out += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n",
                           escape_html(line.label), escape_html(line.text));
    }
    return out + "</tbody>\n</table>\n";
}

std::string html_key_figures(const std::vector<LabelledText>& figures) {
    std::string out = "<dl class=\"key\">\n";
    for (const LabelledText& figure : figures) {
        out += fmt::format("<div><dt>{}</dt>", escape_html(figure.label));
        std::string_view rest = figure.text;
        for (bool is_first = true; is_first || !rest.empty(); is_first = false) {
            const std::size_t end = std::min(rest.find('\n'), rest.size());
            // A reason is a sentence, and not set large.
            const bool is_value = is_first && !rest.starts_with("unknown");
            out += fmt::format("<dd{}>{}</dd>", is_value ? " class=\"value\"" : "",
                               escape_html(rest.substr(0, end)));
            rest.remove_prefix(std::min(rest.size(), end + 1));
        }
        out += "</div>\n";
    }
    return out + "</dl>\n";
}

std::string html_figure(std::string_view svg, std::string_view text_alternative,
                        std::string_view caption) {
    return fmt::format(
        "<figure>\n<div role=\"img\" aria-label=\"{}\">{}</div>\n<figcaption>{}</figcaption>\n"
        "</figure>\n",
        escape_html(text_alternative), svg, escape_html(caption));
}

}  // namespace finewatt::report
