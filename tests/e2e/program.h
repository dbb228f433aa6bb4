// Runs the real programs as a person would, in a home of their own.
#pragma once

#include "finewatt/base/subprocess.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

namespace finewatt::e2e {

/// A fixture with a temporary home, ledger and journal folder.
class ProgramTest : public ::testing::Test {
  protected:
    /// Run build/…/bin/finewatt with arguments; fails the test when it cannot be started.
    SubprocessResult finewatt(const std::vector<std::string>& arguments) {
        return run("finewatt", arguments);
    }

    SubprocessResult run(const std::string& program, const std::vector<std::string>& arguments) {
        SubprocessOptions options;
        options.argv = {testing::bin_dir() + "/" + program};
        options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
        options.environment = extra_environment_;
        for (auto& [name, value] : environment()) {
            const bool is_replaced =
                std::any_of(extra_environment_.begin(), extra_environment_.end(),
                            [&name = name](const auto& extra) { return extra.first == name; });
            if (!is_replaced) {
                options.environment.emplace_back(name, value);
            }
        }
        options.working_directory = tree_.path();
        options.timeout = std::chrono::seconds(100);
        options.stdin_text = stdin_text_;
        options.on_started = on_started_;
        Result<SubprocessResult> result = run_subprocess(options);
        if (!result) {
            ADD_FAILURE() << result.error().describe();
            return {};
        }
        return *std::move(result);
    }

    std::vector<std::pair<std::string, std::string>> environment() const {
        return {{"HOME", tree_.path().string()},
                {"XDG_DATA_HOME", (tree_.path() / "data").string()},
                {"XDG_STATE_HOME", (tree_.path() / "state").string()},
                {"FINEWATT_STORE", "sqlite:" + store_path().string()},
                {"FINEWATT_RUN_DIR", (tree_.path() / "run").string()},
                {"FINEWATT_PLACE", ""},
                {"FINEWATT_SYSROOT", ""},
                {"NO_COLOR", "1"}};
    }

    std::filesystem::path store_path() const { return tree_.path() / "data" / "finewatt.db"; }

    std::filesystem::path journal_folder() const {
        return tree_.path() / "state" / "finewatt" / "journal";
    }

    /// Parse the last line of a program's standard output.
    static nlohmann::json last_line_json(const std::string& output) {
        std::string text = output;
        while (!text.empty() && text.back() == '\n') {
            text.pop_back();
        }
        const std::size_t begin = text.rfind('\n');
        const std::string line = begin == std::string::npos ? text : text.substr(begin + 1);
        const nlohmann::json document = nlohmann::json::parse(line, nullptr, false);
        EXPECT_FALSE(document.is_discarded()) << "not JSON: " << line;
        return document;
    }

    testing::TempTree tree_;
    /// Also replaces what environment() sets.
    std::vector<std::pair<std::string, std::string>> extra_environment_;
    std::optional<std::string> stdin_text_;
    std::function<void(pid_t)> on_started_;
};

}  // namespace finewatt::e2e
