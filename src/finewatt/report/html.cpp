#include "finewatt/base/ascii.h"
#include "finewatt/report/html_internal.h"
#include "finewatt/report/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace finewatt::embedded {
std::string_view page_css();
}  // namespace finewatt::embedded

namespace finewatt::report {
namespace {

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

std::string html_page(const HtmlPage& page) {
    const std::string title = escape_html(page.title);
    std::string hashes;
    for (const PageScript& script : page.scripts) {
        hashes += fmt::format(" '{}'", script.hash);
    }
    std::string out = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n";
    // Only scripts with these hashes run, whatever a run is called, and nothing may be loaded.
    out += fmt::format(
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "style-src 'unsafe-inline'; script-src{}; base-uri 'none'; form-action 'none'\"/>\n",
        hashes.empty() ? " 'none'" : hashes);
    out += fmt::format("<title>{} - finewatt report</title>\n<style>{}</style>\n</head>\n<body>\n",
                       title, embedded::page_css());
    out += fmt::format("<header>\n<h1>{}</h1>\n<p class=\"subtitle\">{}</p>\n</header>\n", title,
                       escape_html(page.subtitle));
    out += "<main>\n";
    out += page.html;
    out +=
        "</main>\n<footer>\n<p>Made by finewatt. This page needs no other file.</p>\n</footer>\n";
    if (!page.scripts.empty()) {
        out += "<script type=\"application/json\" id=\"report-data\">";
        out += page.data_json;
        out += "</script>\n";
    }
    for (const PageScript& script : page.scripts) {
        out += "<script>";
        out += script.text;
        out += "</script>\n";
    }
    return out + "</body>\n</html>\n";
}

std::string html_section(std::string_view title, std::string_view html) {
    const std::string id = element_id(title);
    return fmt::format(
        "<section aria-labelledby=\"{0}\">\n<h2 id=\"{0}\">{1}</h2>\n{2}</section>\n", id,
        escape_html(title), html);
}

std::string html_subsection(std::string_view title, std::string_view html) {
    return fmt::format("<h3>{}</h3>\n{}", escape_html(title), html);
}

std::string html_details(std::string_view summary, std::string_view css_class,
                         std::string_view html) {
    return fmt::format("<details class=\"{}\">\n<summary>{}</summary>\n{}</details>\n", css_class,
                       escape_html(summary), html);
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

std::string html_interactive_figure(std::string_view name, std::string_view text_alternative,
                                    std::string_view caption) {
    return fmt::format(
        "<figure data-figure=\"{}\" hidden=\"hidden\">\n"
        "<div class=\"controls\" role=\"group\" aria-label=\"Controls of the figure\"></div>\n"
        "<div class=\"plot\"><canvas role=\"img\" tabindex=\"0\" "
        "aria-label=\"{}\"></canvas></div>\n"
        "<p class=\"reading\" aria-live=\"polite\"></p>\n"
        "<div class=\"legend\" role=\"group\" aria-label=\"What is shown\"></div>\n"
        "<figcaption>{}</figcaption>\n"
        "<details><summary>Values of this figure</summary>\n"
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Values\"></div>\n"
        "</details>\n</figure>\n",
        name, escape_html(text_alternative), escape_html(caption));
}

}  // namespace finewatt::report
