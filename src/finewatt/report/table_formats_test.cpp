#include "finewatt/report/table_formats.h"

#include "finewatt/base/csv.h"
#include "finewatt/testing/matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace finewatt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ReportTable small_table() {
    return {"runs",
            "Runs",
            {{"label", "Run", false, ColumnFor::kPeople},
             {"run_id", "", false, ColumnFor::kPrograms},
             {"energy_j", "Energy", true}},
            {{{"first", std::string("first")},
              {"01K", std::string("01K")},
              {"1.5 kJ", 1500.123456789012}},
             {{"second", std::string("second")}, {"01L", std::string("01L")}, {"unknown", {}}}},
            {"A note."}};
}

ReportTable table_of(std::string text) {
    return {"runs", "Runs", {{"name", "Name"}}, {{{text, text}}}, {}};
}

TEST(RenderTerminal, ShowsColumnsOfPeopleAndNotes) {
    EXPECT_EQ(render_terminal(std::vector{small_table()}, 80),
              "Runs\n"
              "  Run      Energy\n"
              "  first    1.5 kJ\n"
              "  second  unknown\n"
              "  A note.\n");
}

TEST(RenderTerminal, TableThatIsTooWideGoesOnBelowWithItsFirstColumn) {
    ReportTable table = small_table();
    for (int i = 0; i < 8; ++i) {
        table.columns.push_back({"more", "more", true});
        for (auto& row : table.rows) {
            row.push_back({"123456789012", 1.0});
        }
    }
    const std::string text = render_terminal(std::vector{table}, 60);
    std::size_t widest = 0;
    std::size_t with_label = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        widest = std::max(widest, end - at);
        with_label += text.substr(at, end - at).starts_with("  first") ? 1U : 0U;
        at = end + 1;
    }
    EXPECT_LE(widest, 60U);
    EXPECT_GE(with_label, 2U);
}

TEST(RenderTerminal, TablesWithoutRowsAreLeftOut) {
    ReportTable empty = small_table();
    empty.rows.clear();
    EXPECT_EQ(render_terminal(std::vector{empty}, 80), "");
}

TEST(RenderMarkdown, MakesATable) {
    EXPECT_EQ(render_markdown(std::vector{small_table()}),
              "## Runs\n\n| Run | Energy |\n|---|---:|\n| first | 1.5 kJ |\n"
              "| second | unknown |\n\nA note.\n");
}

TEST(RenderMarkdown, NothingInACellIsMarkup) {
    const std::string text = render_markdown(
        std::vector{table_of("a | b [x](http://e.org) <b> `c` **d** www.e.org @user $x$\nz")});
    EXPECT_THAT(text, HasSubstr("| a \\| b \\[x\\](http\\://e.org) \\<b\\> \\`c\\` \\*\\*d\\*\\* "
                                "www\\.e.org \\@user \\$x\\$ z |"));
}

TEST(RenderLatex, UsesBooktabs) {
    const std::string text = render_latex(std::vector{small_table()});
    EXPECT_THAT(text, HasSubstr("\\begin{tabular}{lr}\n\\toprule\nRun & Energy \\\\\n\\midrule\n"
                                "first & 1.5 kJ \\\\\nsecond & unknown \\\\\n\\bottomrule\n"));
    EXPECT_THAT(text, HasSubstr("\\caption{Runs. A note.}"));
    EXPECT_THAT(text, HasSubstr("\\label{tab:finewatt-runs}"));
}

TEST(RenderLatex, NothingInACellIsACommand) {
    EXPECT_EQ(escape_latex("\\input{/etc/passwd} 50% $x$ a_b #1 ~^ & [0pt] * --"),
              "\\textbackslash{}input\\{/etc/passwd\\} 50\\% \\$x\\$ a\\_b \\#1 "
              "\\textasciitilde{}\\textasciicircum{} \\& {[}0pt{]} {*} -{}-");
}

TEST(RenderCsv, NumbersAreExactAndUnknownIsEmpty) {
    EXPECT_EQ(render_csv(small_table()), "run_id,energy_j\n01K,1500.123456789012\n01L,\n");
}

TEST(RenderCsv, FormulasOfSpreadsheetsAreTexts) {
    for (const char* formula : {"=1+1", "+1", "-1", "@SUM(A1)", "\t=1"}) {
        const std::string csv = render_csv(table_of(formula));
        ASSERT_OK_AND_ASSIGN(const CsvTable table, parse_csv(csv, "test"));
        const char first = table.rows[0][0][0];
        EXPECT_TRUE(first == '\'' || first == ' ') << csv;
    }
}

TEST(RenderJson, IsOneDocumentWithNullForUnknown) {
    const auto document = nlohmann::json::parse(
        render_json(std::vector{small_table()}, std::vector<std::string>{"a.html"}));
    EXPECT_EQ(document["runs"][0]["energy_j"], 1500.123456789012);
    EXPECT_EQ(document["runs"][0].size(), 2U);
    EXPECT_TRUE(document["runs"][1]["energy_j"].is_null());
    EXPECT_EQ(document["files"][0], "a.html");
}

TEST(RenderJson, NumbersThatAreNotFiniteAreNull) {
    ReportTable table = small_table();
    table.rows[0][2].value = std::nan("");
    const auto document =
        nlohmann::json::parse(render_json(std::vector{table}, std::vector<std::string>{}));
    EXPECT_TRUE(document["runs"][0]["energy_j"].is_null());
    EXPECT_THAT(render_csv(table), Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace finewatt
