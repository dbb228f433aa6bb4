// docs/reference/cli.md is what the program says of itself. FINEWATT_UPDATE_GOLDEN=1 rewrites it.

#include "finewatt/base/file.h"
#include "finewatt/testing/places.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "program.h"

namespace finewatt::e2e {
namespace {

class ReferencePage : public ProgramTest {
  protected:
    std::string help_of(const std::vector<std::string>& command) {
        std::vector<std::string> arguments = command;
        arguments.emplace_back("--help");
        const auto result = finewatt(arguments);
        EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
        return result.stdout_text;
    }

    std::string page() {
        std::string text =
            "# Command line\n\n"
            "What the programs print with `--help`; a test keeps this page fresh.\n\n"
            "| exit status | meaning |\n|---|---|\n"
            "| 0 | done |\n| 2 | wrong usage |\n"
            "| 3 | nothing could be measured, and `--require-measured` was given |\n"
            "| 4 | bad input |\n| 5 | the job failed |\n| 6 | the store failed |\n"
            "| 70 | a bug in finewatt |\n\n"
            "`measure` passes on its command's own status (128 + N for signal N).\n";
        const std::vector<std::vector<std::string>> commands{{},
                                                             {"doctor"},
                                                             {"measure"},
                                                             {"fetch"},
                                                             {"finetune"},
                                                             {"infer"},
                                                             {"evaluate"},
                                                             {"replay"},
                                                             {"phase"},
                                                             {"runs"},
                                                             {"runs", "list"},
                                                             {"runs", "show"},
                                                             {"runs", "compare"},
                                                             {"runs", "tag"},
                                                             {"runs", "delete"},
                                                             {"runs", "export"},
                                                             {"runs", "import"},
                                                             {"runs", "recover"},
                                                             {"carbon"},
                                                             {"carbon", "editions"},
                                                             {"carbon", "places"},
                                                             {"card"},
                                                             {"report"},
                                                             {"tokenize"},
                                                             {"data"},
                                                             {"data", "stats"},
                                                             {"calibrate"},
                                                             {"calibrate", "idle"},
                                                             {"calibrate", "run"},
                                                             {"calibrate", "fit"},
                                                             {"calibrate", "list"},
                                                             {"calibrate", "show"}};
        for (const auto& command : commands) {
            std::string title = "finewatt";
            for (const std::string& word : command) {
                title += " " + word;
            }
            text += "\n## " + title + "\n\n```\n" + help_of(command) + "```\n";
        }
        return text;
    }
};

TEST_F(ReferencePage, CliPageIsFresh) {
    const std::filesystem::path file =
        std::filesystem::path(testing::source_dir()) / "docs" / "reference" / "cli.md";
    const std::string want = page();
    if (std::getenv("FINEWATT_UPDATE_GOLDEN") != nullptr) {
        ASSERT_OK(write_file_atomically(file, want));
    }
    ASSERT_OK_AND_ASSIGN(const std::string committed, read_file(file));
    EXPECT_EQ(committed, want) << "run this test with FINEWATT_UPDATE_GOLDEN=1 and commit the page";
}

}  // namespace
}  // namespace finewatt::e2e
