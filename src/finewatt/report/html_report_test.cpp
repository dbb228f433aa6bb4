#include "finewatt/report/html_report.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "example_runs.h"

namespace finewatt {
namespace {

using report_examples::Example;
using ::testing::HasSubstr;
using ::testing::Not;

FigureOptions without_gnuplot() {
    FigureOptions options;
    options.gnuplot = "/finewatt/no/gnuplot";
    return options;
}

/// Return what is wrong with the nesting of the elements, or "".
std::string nesting_fault(std::string_view page) {
    std::vector<std::string> open;
    for (std::size_t at = page.find('<'); at != page.npos; at = page.find('<', at + 1)) {
        const std::size_t end = page.find('>', at);
        if (end == page.npos) {
            return "a tag without end";
        }
        const std::string_view tag = page.substr(at + 1, end - at - 1);
        if (tag.starts_with('!') || tag.ends_with('/')) {
            continue;
        }
        const bool is_end = tag.starts_with('/');
        const std::string name(
            tag.substr(is_end ? 1 : 0).substr(0, tag.substr(is_end ? 1 : 0).find_first_of(" \n")));
        if (!is_end) {
            open.push_back(name);
        } else if (open.empty() || open.back() != name) {
            return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back());
        } else {
            open.pop_back();
        }
    }
    return open.empty() ? "" : "<" + open.back() + "> stays open";
}

TEST(HtmlReport, ElementsAreNestedWithAndWithoutFigures) {
    for (const Example& example : report_examples::all_examples()) {
        for (const FigureOptions& options : {FigureOptions{}, without_gnuplot()}) {
            ASSERT_OK_AND_ASSIGN(const std::string page,
                                 render_html_report(example.run, example.power, options));
            EXPECT_EQ(nesting_fault(page), "") << example.name << ", " << options.gnuplot;
        }
    }
}

TEST(HtmlReport, HostileTextStaysText) {
    const Example example = report_examples::hostile_run();
    ASSERT_OK_AND_ASSIGN(const std::string page, render_html_report(example.run, example.power));
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_THAT(page, Not(HasSubstr("<svg onload")));
    EXPECT_THAT(page, Not(HasSubstr("\x1b")));
    EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
}

TEST(HtmlReport, AsksForNothingOutside) {
    const Example example = report_examples::modelled_fine_tuning();
    ASSERT_OK_AND_ASSIGN(std::string page, render_html_report(example.run, example.power));
    for (const char* name_space : {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}) {
        for (std::size_t at = page.find(name_space); at != page.npos; at = page.find(name_space)) {
            page.erase(at, std::string_view(name_space).size());
        }
    }
    for (const char* request : {"http:", "https:", "src=", "url(", "@import", "<link", "href="}) {
        EXPECT_THAT(page, Not(HasSubstr(request)));
    }
}

TEST(HtmlReport, WithoutGnuplotTheTablesStayAndANoteSaysWhy) {
    const Example example = report_examples::modelled_fine_tuning();
    ASSERT_OK_AND_ASSIGN(const std::string page,
                         render_html_report(example.run, example.power, without_gnuplot()));
    EXPECT_THAT(page, HasSubstr("apt-get install gnuplot-nox"));
    EXPECT_THAT(page, Not(HasSubstr("<svg")));
    EXPECT_THAT(page, HasSubstr("Time and energy of each phase"));
    EXPECT_THAT(page, HasSubstr("Power over 2 min 5 s. cpu (modelled): mean"));
}

TEST(HtmlReport, ReadersFindLandmarksCaptionsAndScopes) {
    const Example example = report_examples::measured_server_run();
    ASSERT_OK_AND_ASSIGN(const std::string page,
                         render_html_report(example.run, example.power, without_gnuplot()));
    for (const char* part : {"<html lang=\"en\">", "<header>", "<main>", "<footer>", "<h1>",
                             "<h2 id=\"power-over-time\">", "<caption>", "scope=\"col\"",
                             "scope=\"row\"", "prefers-color-scheme: dark", "@media print"}) {
        EXPECT_THAT(page, HasSubstr(part));
    }
}

TEST(HtmlReport, IdsAreUnique) {
    const Example example = report_examples::modelled_fine_tuning();
    ASSERT_OK_AND_ASSIGN(const std::string page, render_html_report(example.run, example.power));
    std::set<std::string> ids;
    for (std::size_t at = page.find(" id=\""); at != page.npos; at = page.find(" id=\"", at + 1)) {
        const std::string id = page.substr(at + 5, page.find('"', at + 5) - at - 5);
        EXPECT_TRUE(ids.insert(id).second) << id;
    }
    EXPECT_FALSE(ids.empty());
}

TEST(HtmlReport, UnknownIsNeverZero) {
    const Example example = report_examples::run_without_samples();
    ASSERT_OK_AND_ASSIGN(const std::string page, render_html_report(example.run, example.power));
    for (const char* zero : {"0 J", "0 kJ", "0 W", "0 kWh", "0 kg", "0 s<"}) {
        EXPECT_THAT(page, Not(HasSubstr(std::string(">") + zero)));
    }
    EXPECT_THAT(page, HasSubstr("unknown: no source could be read"));
    EXPECT_THAT(page, HasSubstr("no samples of power were recorded"));
}

TEST(HtmlReport, SeriesOfUnequalLengthsAreRefused) {
    EXPECT_ERROR(kInvalidArgument,
                 render_html_report({}, {{"powercap:package-0", "cpu", "measured", {1, 2}, {5}}}),
                 "found 2 and 1");
}

TEST(HtmlReport, FailedWriteLeavesNoFile) {
    testing::TempTree tree;
    const auto path = tree.path() / "missing" / "report.html";
    EXPECT_ERROR(kNotFound, write_html_report(path, {}, {}), "report.html");
    EXPECT_TRUE(std::filesystem::is_empty(tree.path()));
}

TEST(HtmlReport, WrittenPageIsTheRenderedOne) {
    testing::TempTree tree;
    const auto path = tree.path() / "report.html";
    const Example example = report_examples::run_without_samples();
    ASSERT_OK(write_html_report(path, example.run, example.power));
    ASSERT_OK_AND_ASSIGN(const std::string written, read_file(path));
    ASSERT_OK_AND_ASSIGN(const std::string page, render_html_report(example.run, example.power));
    EXPECT_EQ(written, page);
}

}  // namespace
}  // namespace finewatt
