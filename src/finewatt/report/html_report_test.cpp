#include "finewatt/report/html_report.h"

#include "finewatt/base/file.h"
#include "finewatt/report/page_scripts_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "example_runs.h"

namespace finewatt {
namespace {

using report_examples::Example;
using ::testing::HasSubstr;
using ::testing::Not;

/// Figures are drawn, by a gnuplot that is not there.
HtmlReportOptions without_gnuplot() {
    HtmlReportOptions options;
    options.is_interactive = false;
    options.figures.gnuplot = "/finewatt/no/gnuplot";
    return options;
}

HtmlReportOptions drawn() {
    HtmlReportOptions options;
    options.is_interactive = false;
    return options;
}

Result<std::string> render(const std::vector<Example>& examples,
                           const HtmlReportOptions& options = {}) {
    const auto power = [&examples](const RunRecord& run) -> Result<std::vector<PowerSeries>> {
        for (const Example& example : examples) {
            if (example.run.run_id == run.run_id) {
                return example.power;
            }
        }
        return std::vector<PowerSeries>{};
    };
    return render_html_report(report_examples::runs_of(examples), power, options);
}

bool has_scripts() {
    return !report::page_scripts().empty();
}

/// The page without what its scripts say; the elements stay.
std::string without_scripts(std::string page) {
    for (std::size_t at = page.find("<script"); at != page.npos;
         at = page.find("<script", at + 1)) {
        const std::size_t begin = page.find('>', at) + 1;
        page.erase(begin, page.find("</script>", begin) - begin);
    }
    return page;
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

std::size_t count_of(std::string_view text, std::string_view what) {
    std::size_t count = 0;
    for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) {
        ++count;
    }
    return count;
}

TEST(HtmlReport, ElementsAreNestedWithAndWithoutFigures) {
    for (const HtmlReportOptions& options : {HtmlReportOptions{}, drawn(), without_gnuplot()}) {
        for (const Example& example : report_examples::all_examples()) {
            ASSERT_OK_AND_ASSIGN(const std::string page, render({example}, options));
            EXPECT_EQ(nesting_fault(without_scripts(page)), "") << example.name;
        }
        ASSERT_OK_AND_ASSIGN(const std::string set,
                             render(report_examples::all_examples(), options));
        EXPECT_EQ(nesting_fault(without_scripts(set)), "");
    }
}

TEST(HtmlReport, HostileTextStaysText) {
    for (const HtmlReportOptions& options : {HtmlReportOptions{}, drawn()}) {
        for (const auto& examples : {std::vector<Example>{report_examples::hostile_run()},
                                     std::vector<Example>{report_examples::hostile_run(),
                                                          report_examples::short_command()}}) {
            ASSERT_OK_AND_ASSIGN(const std::string page, render(examples, options));
            // Only our own scripts, and the block of data.
            const bool is_drawn = !options.is_interactive || !has_scripts();
            EXPECT_EQ(count_of(page, "<script"), is_drawn ? 0U : 3U);
            EXPECT_THAT(page, Not(HasSubstr("<svg onload")));
            EXPECT_THAT(page, Not(HasSubstr("\x1b")));
            EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)"));
        }
    }
}

TEST(HtmlReport, OnlyItsOwnScriptsMayRun) {
    if (!has_scripts()) {
        GTEST_SKIP() << "built without scripts (FINEWATT_WITH_WEB=OFF)";
    }
    ASSERT_OK_AND_ASSIGN(const std::string page, render({report_examples::short_command()}));
    for (const report::PageScript& script : report::page_scripts()) {
        EXPECT_THAT(page, HasSubstr(fmt::format(" '{}'", script.hash)));
        EXPECT_EQ(script.hash.size(), 7U + 44U) << script.hash;
    }
    EXPECT_THAT(page, HasSubstr("default-src 'none'"));
    EXPECT_EQ(count_of(page, "script-src 'sha256-"), 1U);
    ASSERT_OK_AND_ASSIGN(const std::string still,
                         render({report_examples::short_command()}, drawn()));
    EXPECT_THAT(still, HasSubstr("script-src 'none'"));
}

TEST(HtmlReport, AsksForNothingOutside) {
    for (const HtmlReportOptions& options : {HtmlReportOptions{}, drawn()}) {
        ASSERT_OK_AND_ASSIGN(std::string page,
                             render({report_examples::modelled_fine_tuning()}, options));
        page = without_scripts(std::move(page));  // the policy forbids them to ask for anything
        for (const char* name_space :
             {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}) {
            for (std::size_t at = page.find(name_space); at != page.npos;
                 at = page.find(name_space)) {
                page.erase(at, std::string_view(name_space).size());
            }
        }
        for (const char* request :
             {"http:", "https:", "src=", "url(", "@import", "<link", "href="}) {
            EXPECT_THAT(page, Not(HasSubstr(request)));
        }
    }
}

TEST(HtmlReport, WithoutGnuplotTheTablesStayAndANoteSaysWhy) {
    ASSERT_OK_AND_ASSIGN(const std::string page,
                         render({report_examples::modelled_fine_tuning()}, without_gnuplot()));
    EXPECT_THAT(page, HasSubstr("apt-get install gnuplot-nox"));
    EXPECT_THAT(page, Not(HasSubstr("<svg")));
    EXPECT_THAT(page, HasSubstr("Time and energy of each phase"));
    EXPECT_THAT(page, HasSubstr("Power over 2 min 5 s. cpu (modelled): mean"));
}

TEST(HtmlReport, ReadersFindLandmarksCaptionsAndScopes) {
    ASSERT_OK_AND_ASSIGN(const std::string page, render({report_examples::measured_server_run()}));
    for (const char* part : {"<html lang=\"en\">", "<header>", "<main>", "<footer>", "<h1>",
                             "<h2 id=\"power-over-time\">", "<caption>", "scope=\"col\"",
                             "scope=\"row\"", "prefers-color-scheme: dark", "@media print"}) {
        EXPECT_THAT(page, HasSubstr(part));
    }
}

TEST(HtmlReport, IdsAreUnique) {
    for (const auto& examples : {std::vector<Example>{report_examples::modelled_fine_tuning()},
                                 report_examples::all_examples()}) {
        ASSERT_OK_AND_ASSIGN(const std::string page, render(examples));
        std::set<std::string> ids;
        const std::string markup = without_scripts(page);
        for (std::size_t at = markup.find(" id=\""); at != markup.npos;
             at = markup.find(" id=\"", at + 1)) {
            const std::string id = markup.substr(at + 5, markup.find('"', at + 5) - at - 5);
            EXPECT_TRUE(ids.insert(id).second) << id;
        }
        EXPECT_FALSE(ids.empty());
    }
}

TEST(HtmlReport, UnknownIsNeverZero) {
    ASSERT_OK_AND_ASSIGN(const std::string page, render({report_examples::run_without_samples()}));
    for (const char* zero : {"0 J", "0 kJ", "0 W", "0 kWh", "0 kg", "0 s<"}) {
        EXPECT_THAT(page, Not(HasSubstr(std::string(">") + zero)));
    }
    EXPECT_THAT(page, HasSubstr("unknown: no source could be read"));
    EXPECT_THAT(page, HasSubstr("no samples of power were recorded"));
}

TEST(HtmlReport, SeveralRunsHaveTablesOverAllAndDetailsOfEach) {
    ASSERT_OK_AND_ASSIGN(const std::string page, render(report_examples::repeated_runs()));
    for (const char* title : {"<h1>6 runs</h1>", ">Runs</h2>", ">Repeats</h2>",
                              ">Energy against tokens</h2>", ">Energy by component</h2>"}) {
        EXPECT_THAT(page, HasSubstr(title));
    }
    EXPECT_EQ(count_of(page, "<details class=\"run\">"), 6U);
}

TEST(HtmlReport, ManyRunsHaveNoDetails) {
    std::vector<Example> many(30, report_examples::short_command());
    for (std::size_t i = 0; i < many.size(); ++i) {
        many[i].run.run_id = fmt::format("01KAT05Q7N3P8R2S6T1V4W9X{:02}", i);
    }
    ASSERT_OK_AND_ASSIGN(const std::string page, render(many));
    EXPECT_EQ(count_of(page, "<details class=\"run\">"), 0U);
    EXPECT_THAT(page, HasSubstr("`finewatt report RUN` shows all of one"));
}

TEST(HtmlReport, SeriesOfUnequalLengthsAreRefused) {
    Example example = report_examples::short_command();
    example.power = {{"powercap:package-0", "cpu", "measured", {1, 2}, {5}}};
    for (const HtmlReportOptions& options : {HtmlReportOptions{}, drawn()}) {
        EXPECT_ERROR(kInvalidArgument, render({example}, options), "found 2 and 1");
    }
}

TEST(HtmlReport, FailedWriteLeavesNoFile) {
    testing::TempTree tree;
    const auto path = tree.path() / "missing" / "report.html";
    const auto power = [](const RunRecord&) { return Result<std::vector<PowerSeries>>{}; };
    EXPECT_ERROR(kNotFound, write_html_report(path, std::vector<RunRecord>(1), power),
                 "report.html");
    EXPECT_TRUE(std::filesystem::is_empty(tree.path()));
}

TEST(HtmlReport, WrittenPageIsTheRenderedOne) {
    testing::TempTree tree;
    const auto path = tree.path() / "report.html";
    const std::vector<RunRecord> runs{report_examples::run_without_samples().run};
    const auto power = [](const RunRecord&) { return Result<std::vector<PowerSeries>>{}; };
    ASSERT_OK(write_html_report(path, runs, power));
    ASSERT_OK_AND_ASSIGN(const std::string written, read_file(path));
    ASSERT_OK_AND_ASSIGN(const std::string page, render_html_report(runs, power));
    EXPECT_EQ(written, page);
}

}  // namespace
}  // namespace finewatt
