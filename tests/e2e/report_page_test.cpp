// The page of `finewatt report` in a real browser: figures are drawn, can be explored with the
// keyboard, and nothing goes wrong or outside.

#include "finewatt/store/store.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "browser.h"
#include "example_runs.h"
#include "program.h"

namespace finewatt::e2e {
namespace {

using report_examples::Example;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::string_view kChart = "Object.values(Chart.instances)";

/// How many pixels of a canvas have about a colour, "r,g,b".
std::string pixels_of(std::string_view figure, std::string_view colour) {
    return fmt::format(
        "(() => {{ const canvas = document.querySelector('[data-figure={}] canvas');"
        "const d = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;"
        "const [r, g, b] = [{}]; let n = 0;"
        "for (let i = 0; i < d.length; i += 4) if (Math.abs(d[i] - r) + Math.abs(d[i + 1] - g) +"
        " Math.abs(d[i + 2] - b) < 12 && d[i + 3] > 200) ++n; return n; }})()",
        figure, colour);
}

class ReportPage : public ProgramTest {
  protected:
    void SetUp() override {
        auto started = Browser::start(tree_.path() / "profile");
        if (!started && started.error().code() == ErrorCode::kNotFound) {
            GTEST_SKIP() << "Chromium is not installed";
        }
        ASSERT_OK(started);
        browser_ = *std::move(started);
    }

    /// Store the examples, make the page by the program, and show it.
    void show(const std::vector<Example>& examples) {
        ASSERT_OK_AND_ASSIGN(const auto store, open_store("sqlite:" + store_path().string()));
        for (const Example& example : examples) {
            ASSERT_OK(store->insert(example.run, example.power));
        }
        const auto page = tree_.path() / "report.html";
        const auto result = finewatt({"report", "--out", page.string()});
        ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
        ASSERT_OK(browser_->show(page));
        if (value("typeof Chart") == "undefined") {
            GTEST_SKIP() << "built without scripts (FINEWATT_WITH_WEB=OFF)";
        }
    }

    nlohmann::json value(const std::string& expression) {
        Result<nlohmann::json> result = browser_->evaluate(expression);
        if (!result) {
            ADD_FAILURE() << result.error().describe();
            return {};
        }
        return *std::move(result);
    }

    std::string text(const std::string& expression) { return value(expression).dump(); }

    void focus(const std::string& figure) {
        value(fmt::format("document.querySelector('[data-figure={}] canvas').focus()", figure));
    }

    std::string reading(const std::string& figure) {
        return value(fmt::format("document.querySelector('[data-figure={}] .reading').textContent",
                                 figure))
            .get<std::string>();
    }

    /// First and last second that the figure of power shows.
    double shown_seconds() {
        return value(
                   "(() => { const x = Chart.getChart(document.querySelector("
                   "'[data-figure=power] canvas')).scales.x; return x.max - x.min; })()")
            .get<double>();
    }

    std::unique_ptr<Browser> browser_;
};

TEST_F(ReportPage, FiguresAreDrawnInLightAndDark) {
    ASSERT_NO_FATAL_FAILURE(show(report_examples::repeated_runs()));
    if (IsSkipped()) {
        return;
    }
    EXPECT_EQ(value("document.documentElement.dataset.figures"), "3");
    EXPECT_EQ(value(fmt::format("{}.length", kChart)), 3);
    for (const bool is_dark : {false, true}) {
        ASSERT_OK(browser_->set_dark(is_dark));
        for (const char* figure : {"power", "bars", "tokens"}) {
            // The first colour of series, #3b82c4, and the colour of texts.
            EXPECT_GT(value(pixels_of(figure, "59,130,196")), 50) << figure << is_dark;
            EXPECT_GT(value(pixels_of(figure, is_dark ? "232,234,237" : "27,31,36")), 50)
                << figure << is_dark;
        }
    }
    EXPECT_THAT(browser_->faults(), IsEmpty());
}

TEST_F(ReportPage, HostileNamesRunNothing) {
    ASSERT_NO_FATAL_FAILURE(show({[] {
                                      Example hostile = report_examples::hostile_run();
                                      hostile.run.run_id = "01KAT0F2Q7N3P8R2S6T1V4W9X0";
                                      return hostile;
                                  }(),
                                  report_examples::short_command()}));
    if (IsSkipped()) {
        return;
    }
    EXPECT_EQ(value("document.documentElement.dataset.figures"), "2");
    EXPECT_EQ(value("document.querySelectorAll('script').length"), 3);
    EXPECT_EQ(value("document.querySelectorAll('main svg, main script').length"), 0);
    EXPECT_THAT(browser_->faults(), IsEmpty());
}

TEST_F(ReportPage, InjectedScriptsAreRefused) {
    ASSERT_NO_FATAL_FAILURE(show({report_examples::short_command()}));
    if (IsSkipped()) {
        return;
    }
    value(
        "document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.ran = 1\">x</b>');"
        "document.body.lastElementChild.click(); 0");
    value(
        "{ const made = document.createElement('script'); made.textContent = 'window.ran = 1';"
        "document.body.append(made); } 0");
    EXPECT_EQ(value("typeof window.ran"), "undefined");
    EXPECT_THAT(browser_->faults(), ::testing::Not(IsEmpty()));  // the policy's complaints
}

TEST_F(ReportPage, KeysReadValuesAndZoom) {
    ASSERT_NO_FATAL_FAILURE(show({report_examples::modelled_fine_tuning()}));
    if (IsSkipped()) {
        return;
    }
    focus("power");
    EXPECT_NEAR(shown_seconds(), 124.6, 0.5);
    for (int i = 0; i < 30; ++i) {
        ASSERT_OK(browser_->press("ArrowRight"));
    }
    EXPECT_THAT(reading("power"), AllOf(StartsWith("At 37.38 s, train: cpu "), HasSubstr(" W")));
    ASSERT_OK(browser_->press("+"));
    EXPECT_NEAR(shown_seconds(), 62.3, 0.5);
    ASSERT_OK(browser_->press("0"));
    EXPECT_NEAR(shown_seconds(), 124.6, 0.5);
    focus("bars");
    ASSERT_OK(browser_->press("ArrowDown"));
    EXPECT_THAT(reading("bars"), AllOf(StartsWith("load: cpu "), HasSubstr("range")));
    EXPECT_THAT(browser_->faults(), IsEmpty());
}

TEST_F(ReportPage, ButtonsHideSeries) {
    ASSERT_NO_FATAL_FAILURE(show({report_examples::modelled_fine_tuning()}));
    if (IsSkipped()) {
        return;
    }
    const std::string colour = "59,130,196";
    EXPECT_GT(value(pixels_of("power", colour)), 50);
    value("document.querySelector('[data-figure=power] .legend button').click()");
    EXPECT_EQ(value("document.querySelector('[data-figure=power] .legend button')"
                    ".getAttribute('aria-pressed')"),
              "false");
    EXPECT_EQ(value(pixels_of("power", colour)), 0);
    value("document.querySelector('[data-figure=power] .legend button').click()");
    EXPECT_GT(value(pixels_of("power", colour)), 50);
}

TEST_F(ReportPage, EachFigureHasATableOfItsValues) {
    ASSERT_NO_FATAL_FAILURE(show(report_examples::repeated_runs()));
    if (IsSkipped()) {
        return;
    }
    value("document.querySelectorAll('figure details').forEach((each) => { each.open = true; })");
    // The event that fills a table comes after the script that opens it.
    value("new Promise((done) => setTimeout(done, 100))");
    EXPECT_EQ(value("document.querySelectorAll('[data-figure=power] tbody tr').length"), 200);
    EXPECT_EQ(value("document.querySelectorAll('[data-figure=bars] tbody tr').length"), 6);
    EXPECT_EQ(value("document.querySelectorAll('[data-figure=tokens] tbody tr').length"), 6);
}

TEST_F(ReportPage, TheRunCanBeChosen) {
    ASSERT_NO_FATAL_FAILURE(
        show({report_examples::modelled_fine_tuning(), report_examples::measured_server_run()}));
    if (IsSkipped()) {
        return;
    }
    const std::string label =
        "document.querySelector('[data-figure=power] canvas').getAttribute('aria-label')";
    const std::string before = value(label).get<std::string>();
    value(
        "{ const select = document.querySelector('[data-figure=power] select');"
        "select.value = '1'; select.dispatchEvent(new Event('change')); } 0");
    const std::string after = value(label).get<std::string>();
    EXPECT_NE(before, after);
    EXPECT_THAT(after, HasSubstr("largest"));
    EXPECT_THAT(browser_->faults(), IsEmpty());
}

TEST_F(ReportPage, RunWithoutSamplesHasNotesInsteadOfFigures) {
    ASSERT_NO_FATAL_FAILURE(show({report_examples::run_without_samples()}));
    if (IsSkipped()) {
        return;
    }
    EXPECT_EQ(value("document.querySelectorAll('canvas').length"), 0);
    EXPECT_EQ(value("document.documentElement.dataset.figures"), "0");
    EXPECT_THAT(browser_->faults(), IsEmpty());
}

TEST_F(ReportPage, NothingIsWiderThanASmallScreen) {
    ASSERT_NO_FATAL_FAILURE(show(report_examples::repeated_runs()));
    if (IsSkipped()) {
        return;
    }
    ASSERT_OK(browser_->set_width(390));
    EXPECT_LE(value("document.documentElement.scrollWidth"), 390);
}

}  // namespace
}  // namespace finewatt::e2e
