// Small pieces of HTML: page, section, table, list, figure. Each function escapes the texts it is
// given and returns markup that is also well-formed XML; only parameters named `html` or `svg` are
// taken as markup.
#pragma once

#include "finewatt/report/page_scripts_internal.h"
#include "finewatt/report/run_view_internal.h"

#include <string>
#include <string_view>
#include <vector>

namespace finewatt::report {

/// A column of a table: its heading, and whether its cells are numbers (right-aligned).
struct HtmlColumn {
    std::string header;
    bool is_number = false;
};

/// A table whose first column names the rows.
struct HtmlTable {
    std::string caption;
    std::vector<HtmlColumn> columns;
    std::vector<std::vector<std::string>> rows;
};

/// A whole page. `data_json` must hold no <, > or &; it is there for the scripts, if there are any.
struct HtmlPage {
    std::string title;
    std::string subtitle;
    std::string html;
    std::string data_json;
    std::vector<PageScript> scripts;
};

/// The page with its style; asks no other file for anything.
std::string html_page(const HtmlPage& page);
/// A section with a heading of level 2 that names it for screen readers.
std::string html_section(std::string_view title, std::string_view html);
/// A part of a section, under a heading of level 3.
std::string html_subsection(std::string_view title, std::string_view html);
/// A part that is folded away until it is asked for.
std::string html_details(std::string_view summary, std::string_view css_class,
                         std::string_view html);
std::string html_paragraph(std::string_view text);
/// A paragraph that stands in for something that is missing.
std::string html_note(std::string_view text);
/// A list; nothing when it has no items.
std::string html_list(const std::vector<std::string>& items);
/// A table that scrolls on its own where the page is too narrow.
std::string html_table(const HtmlTable& table);
/// A table of names and values.
std::string html_pairs(std::string_view caption, const std::vector<LabelledText>& lines);
/// The figures at the head of the page. The first line of a text is shown large.
std::string html_key_figures(const std::vector<LabelledText>& figures);
std::string html_figure(std::string_view svg, std::string_view text_alternative,
                        std::string_view caption);
/// The place that the script `name` ("power", "bars", "tokens") fills; hidden until it does.
std::string html_interactive_figure(std::string_view name, std::string_view text_alternative,
                                    std::string_view caption);

}  // namespace finewatt::report
