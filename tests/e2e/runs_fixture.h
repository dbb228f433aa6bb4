// A ledger filled with made-up runs, through `finewatt runs import`. For tests of `finewatt runs`.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "program.h"

namespace finewatt::e2e {

class RunsTest : public ProgramTest {
  protected:
    static std::string id_of(int number) {
        return fmt::format("01KB00000000000000000000{:02}", number);
    }

    /// A complete run of a measured package; run N started N hours after midnight.
    static nlohmann::json run_of(int number, const std::string& name, double energy_j) {
        return {{"run_id", id_of(number)},
                {"name", name},
                {"kind", "fine-tuning"},
                {"status", "complete"},
                {"started_at", fmt::format("2026-11-20T{:02}:00:00.000Z", number % 24)},
                {"duration_s", 10},
                {"energy",
                 {{"energy_j", energy_j},
                  {"energy_j_low", 0.99 * energy_j},
                  {"energy_j_high", 1.01 * energy_j},
                  {"provenance", "measured"},
                  {"domains", {"package"}},
                  {"components",
                   {{{"component", "cpu"},
                     {"domain", "package"},
                     {"energy_j", energy_j},
                     {"provenance", "measured"},
                     {"counted", true}}}}}}};
    }

    static nlohmann::json export_of(const std::vector<nlohmann::json>& records) {
        nlohmann::json runs = nlohmann::json::array();
        for (const nlohmann::json& record : records) {
            runs.push_back({{"record", record},
                            {"power_series",
                             {{{"channel", "powercap:package-0"},
                               {"component", "cpu"},
                               {"provenance", "measured"},
                               {"t_s", {0.1, 0.2, 0.30000000000000004}},
                               {"power_w", {10.5, 1e-300, 12.000000000000002}}}}}});
        }
        return {{"finewatt_export", 1}, {"runs", runs}};
    }

    /// Write an export and return its path.
    std::string write_export(const std::string& name, const std::vector<nlohmann::json>& records) {
        tree_.write(name, export_of(records).dump());
        return (tree_.path() / name).string();
    }

    /// Store runs.
    void store(const std::vector<nlohmann::json>& records) {
        const auto result = finewatt({"runs", "import", write_export("stored.json", records)});
        ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    }

    /// Run a command with --json and parse what it prints.
    nlohmann::json json_of(std::vector<std::string> arguments) {
        arguments.push_back("--json");
        const auto result = finewatt(arguments);
        EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
        const auto document = nlohmann::json::parse(result.stdout_text, nullptr, false);
        EXPECT_FALSE(document.is_discarded()) << result.stdout_text;
        return document;
    }

    std::vector<std::string> listed_ids(std::vector<std::string> arguments = {}) {
        arguments.insert(arguments.begin(), {"runs", "list"});
        std::vector<std::string> ids;
        for (const nlohmann::json& run : json_of(arguments)) {
            ids.push_back(run["run_id"]);
        }
        return ids;
    }

    /// What can steer a terminal, break a table, or mean something to SQL, HTML and LaTeX.
    inline static const std::string kHostile =
        "x\x1b[2J\r\n\"'; DROP TABLE run; --<script>&\\textbf{%_}\u202e\t|";
};

}  // namespace finewatt::e2e
