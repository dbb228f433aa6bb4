// `finewatt report` from outside: tables in each format, files whole or not at all, exit statuses.

#include "finewatt/base/file.h"
#include "finewatt/store/store.h"

#include <gmock/gmock.h>

#include <set>

#include "example_runs.h"
#include "program.h"

namespace finewatt::e2e {
namespace {

using report_examples::Example;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class ReportCommand : public ProgramTest {
  protected:
    void store(const std::vector<Example>& examples) {
        ASSERT_OK_AND_ASSIGN(const auto ledger, open_store("sqlite:" + store_path().string()));
        for (const Example& example : examples) {
            ASSERT_OK(ledger->insert(example.run, example.power));
        }
    }

    std::string out(const std::string& name) { return (tree_.path() / name).string(); }

    /// Names of what is in a folder.
    static std::set<std::string> names_in(const std::filesystem::path& folder) {
        std::set<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            names.insert(entry.path().filename().string());
        }
        return names;
    }
};

TEST_F(ReportCommand, PrintsTablesOverAllRuns) {
    ASSERT_NO_FATAL_FAILURE(store(report_examples::repeated_runs()));
    const auto result = finewatt({"report"});
    EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
    for (const char* title :
         {"Runs\n", "\nRepeats\n", "\nEnergy by phase\n", "\nEnergy by component\n", "imdb-demo"}) {
        EXPECT_THAT(result.stdout_text, HasSubstr(title));
    }
    EXPECT_THAT(result.stderr_text, IsEmpty());
    EXPECT_EQ(finewatt({"report"}).stdout_text, result.stdout_text);
}

TEST_F(ReportCommand, JsonIsOneDocument) {
    ASSERT_NO_FATAL_FAILURE(store(report_examples::repeated_runs()));
    const auto result = finewatt({"report", "--kind", "fine-tuning", "--json"});
    EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
    const auto document = nlohmann::json::parse(result.stdout_text, nullptr, false);
    ASSERT_FALSE(document.is_discarded());
    EXPECT_EQ(document["runs"].size(), 6U);
    EXPECT_EQ(document["repeats"][0]["runs"], 5);
    EXPECT_TRUE(document["runs"][0]["co2_kg"].is_null());
    EXPECT_TRUE(document["files"].empty());
}

TEST_F(ReportCommand, NothingThatMatchesIsBadInputWithAdvice) {
    auto result = finewatt({"report"});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_THAT(result.stderr_text, HasSubstr("finewatt measure"));
    ASSERT_NO_FATAL_FAILURE(store({report_examples::short_command()}));
    result = finewatt({"report", "--tag", "none", "--json", "--out", out("x.html")});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_THAT(result.stdout_text, IsEmpty());
    EXPECT_THAT(result.stderr_text, AllOf(HasSubstr("--tag 'none'"), HasSubstr("runs list")));
    EXPECT_FALSE(std::filesystem::exists(out("x.html")));
    EXPECT_EQ(finewatt({"report", "nosuchrun"}).exit_status, 4);
    EXPECT_EQ(finewatt({"report", "--since", "yesterday"}).exit_status, 4);
}

TEST_F(ReportCommand, RunsAndFiltersChoose) {
    ASSERT_NO_FATAL_FAILURE(
        store({report_examples::short_command(), report_examples::modelled_fine_tuning(),
               report_examples::run_without_samples()}));
    const auto count = [this](std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"report", "--json"});
        return last_line_json(finewatt(arguments).stdout_text)["runs"].size();
    };
    EXPECT_EQ(count({}), 3U);
    EXPECT_EQ(count({"imdb-demo"}), 1U);
    EXPECT_EQ(count({"imdb-demo", "imdb-demo"}), 1U);
    EXPECT_EQ(count({"imdb-demo", "--kind", "command"}), 3U);
    EXPECT_EQ(count({"--kind", "command", "--status", "complete"}), 1U);
    EXPECT_EQ(count({"--limit", "2"}), 2U);
    EXPECT_THAT(finewatt({"report", "--limit", "2"}).stderr_text, HasSubstr("newest 2"));
}

TEST_F(ReportCommand, EachFormatGoesToStandardOutput) {
    ASSERT_NO_FATAL_FAILURE(store({report_examples::modelled_fine_tuning()}));
    EXPECT_THAT(finewatt({"report", "--format", "markdown"}).stdout_text, StartsWith("## Runs\n"));
    EXPECT_THAT(finewatt({"report", "--format", "latex"}).stdout_text, HasSubstr("\\toprule"));
    EXPECT_THAT(finewatt({"report", "--format", "csv"}).stdout_text,
                StartsWith("run_id,name,kind,status,started_at,duration_s,energy_j,"));
    EXPECT_THAT(finewatt({"report", "--format", "csv", "--table", "phases"}).stdout_text,
                StartsWith("run_id,phase,windows,duration_s,energy_j,"));
    EXPECT_THAT(finewatt({"report", "--format", "html"}).stdout_text,
                StartsWith("<!DOCTYPE html>"));
}

TEST_F(ReportCommand, FormatFollowsFromTheNameOfTheFile) {
    ASSERT_NO_FATAL_FAILURE(store({report_examples::modelled_fine_tuning()}));
    for (const auto& [name, begin] :
         {std::pair("a.html", "<!DOCTYPE html>"), std::pair("a.md", "## Runs"),
          std::pair("a.tex", "% Needs"), std::pair("a.csv", "run_id,"),
          std::pair("a.txt", "Runs\n")}) {
        const auto result = finewatt({"report", "--out", out(name)});
        EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
        ASSERT_OK_AND_ASSIGN(const std::string written, read_file(out(name)));
        EXPECT_THAT(written, StartsWith(begin)) << name;
        EXPECT_THAT(result.stdout_text, HasSubstr(std::string("wrote ") + out(name)));
    }
    EXPECT_EQ(finewatt({"report", "--out", out("a.docx")}).exit_status, 2);
}

TEST_F(ReportCommand, FolderTakesTablesAndFigures) {
    ASSERT_NO_FATAL_FAILURE(store({report_examples::modelled_fine_tuning()}));
    const auto result = finewatt(
        {"report", "--format", "csv", "--figures", "svg", "--out", out("tables"), "--json"});
    if (result.stderr_text.find("gnuplot") != std::string::npos) {
        EXPECT_FALSE(std::filesystem::exists(out("tables")));
        GTEST_SKIP() << "gnuplot is not installed";
    }
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const std::set<std::string> names = names_in(out("tables"));
    EXPECT_EQ(names.size(), 7U);
    EXPECT_TRUE(names.contains("runs.csv") && names.contains("energy-against-tokens.svg"));
    EXPECT_EQ(last_line_json(result.stdout_text)["files"].size(), 7U);
    const auto tables = finewatt({"report", "--figures", "png", "--out", out("figures/")});
    EXPECT_THAT(tables.stdout_text, HasSubstr("Energy by phase"));
    EXPECT_EQ(names_in(out("figures")).size(), 3U);
}

TEST_F(ReportCommand, FiguresNeedAFolder) {
    ASSERT_NO_FATAL_FAILURE(store({report_examples::short_command()}));
    const auto result = finewatt({"report", "--figures", "pdf"});
    EXPECT_EQ(result.exit_status, 2);
    EXPECT_THAT(result.stderr_text, HasSubstr("--out figures/"));
    EXPECT_EQ(finewatt({"report", "--figures", "gif", "--out", out("f/")}).exit_status, 2);
    EXPECT_EQ(finewatt({"report", "--open", "yes"}).exit_status, 2);
}

TEST_F(ReportCommand, FilesAreWrittenAllOrNone) {
    ASSERT_NO_FATAL_FAILURE(store({report_examples::short_command()}));
    const auto missing = finewatt({"report", "--out", out("no/such/report.html")});
    EXPECT_EQ(missing.exit_status, 4);
    EXPECT_THAT(missing.stderr_text, HasSubstr("no/such"));
    EXPECT_FALSE(std::filesystem::exists(out("no")));
    // The third of four files cannot take its place.
    std::filesystem::create_directories(out("tables/phases.csv"));
    const auto blocked = finewatt({"report", "--format", "csv", "--out", out("tables")});
    EXPECT_NE(blocked.exit_status, 0);
    EXPECT_THAT(blocked.stdout_text, Not(HasSubstr("wrote")));
    EXPECT_EQ(names_in(out("tables")), std::set<std::string>{"phases.csv"});
}

TEST_F(ReportCommand, HostileNamesReachNoTerminal) {
    Example hostile = report_examples::hostile_run();
    hostile.run.run_id = "01KAT0F2Q7N3P8R2S6T1V4W9X0";
    ASSERT_NO_FATAL_FAILURE(store({hostile}));
    for (const char* format : {"terminal", "markdown", "latex", "csv", "html"}) {
        const auto result = finewatt({"report", "--format", format});
        EXPECT_EQ(result.exit_status, 0) << format;
        EXPECT_THAT(result.stdout_text, Not(HasSubstr("\x1b"))) << format;
    }
    EXPECT_THAT(finewatt({"report", "--format", "html"}).stdout_text,
                Not(HasSubstr("<script>alert")));
}

}  // namespace
}  // namespace finewatt::e2e
