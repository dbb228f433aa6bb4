// `finewatt runs` as a real program: list, show, tag, delete, export, import.

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/testing/places.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <pty.h>

#include "runs_fixture.h"

namespace finewatt::e2e {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Runs : public RunsTest {
  protected:
    /// Run the program on a terminal of its own, type one line, and return the exit status.
    int on_terminal(const std::vector<std::string>& arguments, const std::string& typed) {
        std::vector<std::string> words{testing::bin_dir() + "/finewatt"};
        words.insert(words.end(), arguments.begin(), arguments.end());
        std::vector<char*> argv;
        for (std::string& word : words) {
            argv.push_back(word.data());
        }
        argv.push_back(nullptr);
        int terminal = -1;
        const pid_t child = ::forkpty(&terminal, nullptr, nullptr, nullptr);
        if (child == 0) {
            for (const auto& variable : environment()) {
                ::setenv(variable.first.c_str(), variable.second.c_str(), 1);
            }
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
        EXPECT_GT(child, 0);
        EXPECT_OK(write_all(terminal, typed + "\n"));
        // Read to the end, so that the program never waits for its terminal.
        char piece[256];
        while (::read(terminal, piece, sizeof(piece)) > 0) {
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        ::close(terminal);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    std::string file_text(const std::string& name) {
        const Result<std::string> text = read_file(tree_.path() / name);
        return text ? *text : std::string();
    }

    std::vector<std::string> file_names() {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::directory_iterator(tree_.path())) {
            names.push_back(entry.path().filename().string());
        }
        std::sort(names.begin(), names.end());
        return names;
    }
};

TEST_F(Runs, ListSortsFiltersAndCounts) {
    auto failed = run_of(4, "d", 400);
    failed["status"] = "failed";
    failed["tags"] = {"odd one"};
    store({run_of(1, "b", 300), run_of(2, "a", 100), run_of(3, "c", 200), failed});
    EXPECT_THAT(listed_ids(), ElementsAre(id_of(4), id_of(3), id_of(2), id_of(1)));
    EXPECT_THAT(listed_ids({"--reverse", "--limit", "1"}), ElementsAre(id_of(1)));
    EXPECT_THAT(listed_ids({"--sort", "energy"}),
                ElementsAre(id_of(4), id_of(1), id_of(3), id_of(2)));
    EXPECT_THAT(listed_ids({"--sort", "name", "--limit", "2"}), ElementsAre(id_of(2), id_of(1)));
    EXPECT_THAT(listed_ids({"--status", "complete", "--offset", "2"}), ElementsAre(id_of(1)));
    EXPECT_THAT(listed_ids({"--tag", "odd one"}), ElementsAre(id_of(4)));
    EXPECT_THAT(listed_ids({"--tag", "odd"}), IsEmpty());
    EXPECT_THAT(listed_ids({"--since", "2026-11-20T02:00:00Z", "--until", "2026-11-20T04:00:00Z"}),
                ElementsAre(id_of(3), id_of(2)));
    const auto text = finewatt({"runs", "list", "--limit", "2"});
    EXPECT_THAT(text.stdout_text, HasSubstr("2 of 4 runs; --limit N shows more."));
    EXPECT_THAT(finewatt({"runs", "list", "--name", "none"}).stdout_text,
                HasSubstr("No run passes the filter"));
    EXPECT_EQ(finewatt({"runs", "list", "--sort", "colour"}).exit_status, 2);
    const auto time = finewatt({"runs", "list", "--since", "soon"});
    EXPECT_EQ(time.exit_status, 4);
    EXPECT_THAT(time.stderr_text, HasSubstr("found 'soon'"));
}

TEST_F(Runs, ShowOfOneIsAnObjectAndOfSeveralAList) {
    store({run_of(1, "a", 1), run_of(2, "b", 2)});
    EXPECT_EQ(json_of({"runs", "show", "a"})["run_id"], id_of(1));
    const auto both = json_of({"runs", "show", "b", id_of(1)});
    ASSERT_EQ(both.size(), 2U);
    EXPECT_EQ(both[0]["run_id"], id_of(2));
    EXPECT_THAT(finewatt({"runs", "show", "a", "b"}).stdout_text, HasSubstr(id_of(2)));
}

TEST_F(Runs, WrongKeysNameWhatIsNearAndWhatIsAmbiguous) {
    store({run_of(1, "baseline", 1), run_of(2, "twin", 2), run_of(3, "twin", 3)});
    const auto near = finewatt({"runs", "show", "baselnie"});
    EXPECT_EQ(near.exit_status, 4);
    EXPECT_THAT(near.stderr_text, HasSubstr("nearly the same: 'baseline'"));
    const auto twins = finewatt({"runs", "show", "twin"});
    EXPECT_EQ(twins.exit_status, 4);
    EXPECT_THAT(twins.stderr_text, HasSubstr(id_of(2)));
    EXPECT_THAT(twins.stderr_text, HasSubstr(id_of(3)));
    const auto beginning = finewatt({"runs", "show", "01KB"});
    EXPECT_EQ(beginning.exit_status, 4);
    EXPECT_THAT(beginning.stderr_text, HasSubstr("several"));
    EXPECT_EQ(finewatt({"runs", "show", "baseline", "nothing"}).stdout_text, "")
        << "no half of a document";
}

TEST_F(Runs, TagsAreAddedAndRemoved) {
    store({run_of(1, "a", 1), run_of(2, "b", 2)});
    auto tagged = json_of({"runs", "tag", "a", "b", "+x", "+two words", "+verified"});
    ASSERT_EQ(tagged.size(), 2U);
    EXPECT_EQ(tagged[1]["tags"], (nlohmann::json{"x", "two words", "verified"}));
    tagged = json_of({"runs", "tag", "a", "-verified", "--remove", "x", "--add", "y"});
    EXPECT_EQ(tagged[0]["tags"], (nlohmann::json{"two words", "y"}));
    EXPECT_THAT(listed_ids({"--tag", "verified"}), ElementsAre(id_of(2)));
    EXPECT_EQ(json_of({"runs", "show", "a"})["tags"], (nlohmann::json{"two words", "y"}));
    EXPECT_THAT(finewatt({"runs", "tag", "b", "-x"}).stdout_text, HasSubstr("two words, verified"));
}

TEST_F(Runs, WrongTagChangesChangeNothing) {
    store({run_of(1, "a", 1)});
    EXPECT_EQ(finewatt({"runs", "tag", "a"}).exit_status, 2);
    EXPECT_EQ(finewatt({"runs", "tag", "+x"}).exit_status, 2);
    EXPECT_EQ(finewatt({"runs", "tag", "a", "+"}).exit_status, 2);
    EXPECT_EQ(finewatt({"runs", "tag", "a", "+x", "-x"}).exit_status, 2);
    EXPECT_EQ(finewatt({"runs", "tag", "a", "nothing", "+x"}).exit_status, 4);
    EXPECT_EQ(json_of({"runs", "show", "a"})["tags"].size(), 0U);
}

TEST_F(Runs, DeleteWithoutATerminalWantsYes) {
    store({run_of(1, "a", 1), run_of(2, "b", 2), run_of(3, "c", 3)});
    const auto refused = finewatt({"runs", "delete", "a", "b"});
    EXPECT_EQ(refused.exit_status, 2);
    EXPECT_THAT(refused.stderr_text, HasSubstr("--yes"));
    EXPECT_THAT(refused.stderr_text, HasSubstr(id_of(1)));
    EXPECT_THAT(refused.stderr_text, HasSubstr(id_of(2)));
    EXPECT_EQ(listed_ids().size(), 3U);
    const auto unknown = finewatt({"runs", "delete", "a", "nothing", "--yes"});
    EXPECT_EQ(unknown.exit_status, 4);
    EXPECT_EQ(listed_ids().size(), 3U) << "nothing goes before all are found";
    EXPECT_EQ(json_of({"runs", "delete", "a", id_of(1), "b", "--yes"})["deleted"],
              (nlohmann::json{id_of(1), id_of(2)}));
    EXPECT_THAT(listed_ids(), ElementsAre(id_of(3)));
}

TEST_F(Runs, DeleteAsksOnATerminal) {
    store({run_of(1, "a", 1), run_of(2, "b", 2)});
    EXPECT_EQ(on_terminal({"runs", "delete", "a"}, "y"), 0);
    EXPECT_EQ(listed_ids().size(), 2U) << "only 'yes' is yes";
    EXPECT_EQ(on_terminal({"runs", "delete", "a"}, ""), 0);
    EXPECT_EQ(listed_ids().size(), 2U);
    EXPECT_EQ(on_terminal({"runs", "delete", "a"}, "yes"), 0);
    EXPECT_THAT(listed_ids(), ElementsAre(id_of(2)));
}

TEST_F(Runs, ExportAndImportLoseNothing) {
    ASSERT_EQ(finewatt({"measure", "--name", "real", "--", "sleep", "0.3"}).exit_status, 0);
    auto odd = run_of(1, kHostile, 0.1 + 0.2);
    odd["tags"] = {kHostile, "plain"};
    odd["settings"] = {{kHostile, kHostile}, {"seed", 7}, {"lr", 2e-5}, {"none", nullptr}};
    odd["scores"] = {{"f1", 1.0 / 3}};
    store({odd});
    ASSERT_EQ(finewatt({"runs", "export", "--all", "--out", "one.json"}).exit_status, 0);
    extra_environment_ = {{"FINEWATT_STORE", "sqlite:" + (tree_.path() / "other.db").string()}};
    const auto imported = json_of({"runs", "import", "one.json"});
    EXPECT_EQ(imported["files"][0]["stored"], 2);
    ASSERT_EQ(finewatt({"runs", "export", "--all", "--out", "two.json"}).exit_status, 0);
    EXPECT_EQ(file_text("one.json"), file_text("two.json"));
    EXPECT_EQ(json_of({"runs", "show", id_of(1)})["name"], kHostile);
    const auto document = nlohmann::json::parse(file_text("two.json"));
    EXPECT_EQ(document["runs"].size(), 2U);
    EXPECT_EQ(document["runs"][0]["power_series"][0]["power_w"],
              (nlohmann::json{10.5, 1e-300, 12.000000000000002}));
    // The same on standard output.
    EXPECT_EQ(finewatt({"runs", "export", "--all"}).stdout_text, file_text("two.json"));
}

TEST_F(Runs, ImportTwiceStoresOnce) {
    const std::string file = write_export("a.json", {run_of(1, "a", 1), run_of(2, "b", 2)});
    EXPECT_THAT(finewatt({"runs", "import", file}).stdout_text, HasSubstr("2 runs stored"));
    const auto again = json_of({"runs", "import", file});
    EXPECT_EQ(again["files"][0]["stored"], 0);
    EXPECT_EQ(again["files"][0]["already_stored"], 2);
    EXPECT_EQ(listed_ids().size(), 2U);
}

TEST_F(Runs, ImportStoresAllOfAFileOrNothing) {
    store({run_of(2, "b", 2)});
    const std::string before = finewatt({"runs", "export", "--all"}).stdout_text;
    // The second run is another one under a stored id.
    const std::string conflict =
        write_export("c.json", {run_of(1, "a", 1), run_of(2, "other", 3), run_of(3, "c", 3)});
    const auto refused = finewatt({"runs", "import", conflict});
    EXPECT_EQ(refused.exit_status, 4);
    EXPECT_THAT(refused.stderr_text, HasSubstr(id_of(2)));
    EXPECT_EQ(finewatt({"runs", "export", "--all"}).stdout_text, before);
    // A fault at the end is found before anything is stored.
    std::string cut = export_of({run_of(4, "d", 4), run_of(5, "e", 5)}).dump(1);
    cut.resize(cut.size() - 30);
    tree_.write("cut.json", cut);
    const auto broken = finewatt({"runs", "import", "cut.json"});
    EXPECT_EQ(broken.exit_status, 4);
    EXPECT_THAT(broken.stderr_text, HasSubstr("line "));
    EXPECT_EQ(finewatt({"runs", "export", "--all"}).stdout_text, before);
}

TEST_F(Runs, WrongFilesAreNamedAndDoNotHoldUpTheOthers) {
    const std::string good = write_export("good.json", {run_of(1, "a", 1)});
    tree_.write("newer.json", R"({"finewatt_export":99,"runs":[]})");
    tree_.write("words.json", "Not JSON at all\n");
    tree_.write("empty.json", "");
    const auto result = finewatt({"runs", "import", "newer.json", "words.json", "missing.json",
                                  "empty.json", tree_.path().string(), good, "--json"});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_THAT(result.stderr_text,
                HasSubstr("newer.json: expected an export of version 1, found"));
    EXPECT_THAT(result.stderr_text, HasSubstr("words.json"));
    EXPECT_THAT(result.stderr_text, HasSubstr("missing.json"));
    EXPECT_THAT(result.stderr_text, HasSubstr("empty.json"));
    const auto document = nlohmann::json::parse(result.stdout_text);
    ASSERT_EQ(document["files"].size(), 6U);
    EXPECT_TRUE(document["files"][0].contains("error"));
    EXPECT_EQ(document["files"][5]["stored"], 1);
    EXPECT_EQ(finewatt({"runs", "import", good, "--format", "papyrus"}).exit_status, 2);
}

TEST_F(Runs, ExportsAppearWholeOrNotAtAll) {
    store({run_of(1, "a", 1)});
    tree_.write("kept.json", "as it was");
    const auto names_before = file_names();
    EXPECT_EQ(finewatt({"runs", "export", "a", "nothing", "--out", "kept.json"}).exit_status, 4);
    EXPECT_EQ(file_text("kept.json"), "as it was");
    EXPECT_EQ(finewatt({"runs", "export", "a", "nothing"}).stdout_text, "");
    EXPECT_NE(finewatt({"runs", "export", "a", "--out", "no/such/folder/x.json"}).exit_status, 0);
    EXPECT_EQ(finewatt({"runs", "export", "--tag", "none", "--out", "new.json"}).exit_status, 4);
    EXPECT_EQ(file_names(), names_before) << "no file, and no temporary one";
    EXPECT_EQ(finewatt({"runs", "export"}).exit_status, 2);
    EXPECT_EQ(finewatt({"runs", "export", "a", "--all"}).exit_status, 2);
    const auto told = json_of({"runs", "export", "a", "--out", "kept.json"});
    EXPECT_EQ(told["runs"], 1);
    EXPECT_EQ(nlohmann::json::parse(file_text("kept.json"))["runs"].size(), 1U);
}

TEST_F(Runs, ForeignFormatsGoOutAndIn) {
    store({run_of(1, "a", 3600)});
    ASSERT_EQ(finewatt({"runs", "export", "a", "--format", "codecarbon", "--out", "emissions.csv"})
                  .exit_status,
              0);
    EXPECT_THAT(file_text("emissions.csv"), HasSubstr("energy_consumed"));
    extra_environment_ = {{"FINEWATT_STORE", "sqlite:" + (tree_.path() / "other.db").string()}};
    const auto first = json_of({"runs", "import", "--format", "codecarbon", "emissions.csv"});
    EXPECT_EQ(first["files"][0]["stored"], 1);
    const auto again = json_of({"runs", "import", "--format", "codecarbon", "emissions.csv"});
    EXPECT_EQ(again["files"][0]["already_stored"], 1);
    const auto runs = json_of({"runs", "list"});
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_NEAR(runs[0]["energy_j"].get<double>(), 3600, 1e-6);
    // Without its format the file is no export, and the message says what to add.
    const auto wrong = finewatt({"runs", "import", "emissions.csv"});
    EXPECT_EQ(wrong.exit_status, 4);
    EXPECT_THAT(wrong.stderr_text, HasSubstr("--format NAME"));
}

TEST_F(Runs, TimesWithoutAZoneAreReadWithTheOffsetThatIsGiven) {
    store({run_of(1, "a", 3600)});
    extra_environment_ = {{"TZ", "UTC"}};
    ASSERT_EQ(finewatt({"runs", "export", "a", "--format", "codecarbon", "--out", "emissions.csv"})
                  .exit_status,
              0);
    const auto started_with = [this](const std::string& offset) {
        std::filesystem::remove(tree_.path() / "other.db");
        extra_environment_ = {{"FINEWATT_STORE", "sqlite:" + (tree_.path() / "other.db").string()}};
        json_of(
            {"runs", "import", "--format", "codecarbon", "--utc-offset", offset, "emissions.csv"});
        const auto text = json_of({"runs", "list"})[0]["started_at"].get<std::string>();
        return WallTime::parse_iso8601(text).value().as_unix_ns();
    };
    constexpr std::int64_t kHour_ns = 3'600'000'000'000;
    EXPECT_EQ(started_with("+00:00") - started_with("+05:30"), kHour_ns * 11 / 2);
    EXPECT_EQ(started_with("-08:00") - started_with("Z"), kHour_ns * 8);
    for (const char* offset : {"2", "+2:00", "+15:00", "+02:60", "UTC", ""}) {
        const auto refused = finewatt(
            {"runs", "import", "--format", "codecarbon", "--utc-offset", offset, "emissions.csv"});
        EXPECT_EQ(refused.exit_status, 4) << offset;
        EXPECT_THAT(refused.stderr_text, HasSubstr("such as +02:00")) << offset;
    }
}

TEST_F(Runs, HostileTextsDoNotReachTheTerminal) {
    auto odd = run_of(1, kHostile, 1);
    odd["kind"] = kHostile;
    odd["tags"] = {kHostile};
    store({odd});
    for (const auto& arguments :
         std::vector<std::vector<std::string>>{{"runs", "list"},
                                               {"runs", "show", id_of(1)},
                                               {"runs", "tag", id_of(1), "+" + kHostile},
                                               {"runs", "list", "--tag", kHostile},
                                               {"runs", "list", "--search", kHostile},
                                               {"runs", "delete", id_of(1)},
                                               {"runs", "show", "01KB0000000000000000000099"}}) {
        const auto result = finewatt(arguments);
        EXPECT_THAT(result.stdout_text, Not(HasSubstr("\x1b"))) << arguments[1];
        EXPECT_THAT(result.stderr_text, Not(HasSubstr("\x1b"))) << arguments[1];
    }
    EXPECT_THAT(listed_ids({"--tag", kHostile}), ElementsAre(id_of(1)));
    EXPECT_THAT(listed_ids({"--name", kHostile}), ElementsAre(id_of(1)));
    EXPECT_THAT(listed_ids({"--name", "' OR '1'='1"}), IsEmpty());
}

TEST_F(Runs, BrokenLedgerIsTheStoresFailure) {
    tree_.write("data/finewatt.db", "this is no database, and long enough to be looked at as one");
    const std::string file = write_export("a.json", {run_of(1, "a", 1)});
    for (const auto& arguments : std::vector<std::vector<std::string>>{{"list"},
                                                                       {"show", "a"},
                                                                       {"compare", "a", "b"},
                                                                       {"tag", "a", "+x"},
                                                                       {"delete", "a", "--yes"},
                                                                       {"export", "--all"},
                                                                       {"import", file}}) {
        std::vector<std::string> words = arguments;
        words.insert(words.begin(), "runs");
        const auto result = finewatt(words);
        EXPECT_EQ(result.exit_status, 6) << arguments[0] << ": " << result.stderr_text;
        EXPECT_EQ(result.stdout_text, "") << arguments[0];
    }
}

}  // namespace
}  // namespace finewatt::e2e
