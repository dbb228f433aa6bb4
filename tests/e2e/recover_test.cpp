// `finewatt runs recover` after real kills.

#include <gtest/gtest.h>

#include <csignal>
#include <random>
#include <thread>

#include "program.h"

namespace finewatt::e2e {
namespace {

class Recover : public ProgramTest {
  protected:
    /// Start a measured command and kill its meter after a while.
    void kill_after(std::chrono::milliseconds lifetime) {
        on_started_ = [lifetime](pid_t pid) {
            std::this_thread::sleep_for(lifetime);
            ::kill(pid, SIGKILL);
        };
        const auto killed =
            finewatt(with_root({"measure", "--name", "victim", "--", "sleep", "5"}));
        EXPECT_EQ(killed.signal, SIGKILL);
        on_started_ = nullptr;
    }

    nlohmann::json recover() {
        const auto result = finewatt(with_root({"runs", "recover", "--json"}));
        EXPECT_EQ(result.exit_status, 0) << result.stderr_text << result.stdout_text;
        return nlohmann::json::parse(result.stdout_text, nullptr, false);
    }

    /// A machine with one package whose counter stands still until it is written anew.
    void write_counter(const std::string& energy_uj) {
        const std::string zone = "root/sys/class/powercap/intel-rapl:0/";
        tree_.write(zone + "name", "package-0\n");
        tree_.write(zone + "max_energy_range_uj", "262143328850\n");
        tree_.write(zone + "energy_uj", energy_uj);
        root_ = (tree_.path() / "root").string();
    }

    std::vector<std::string> with_root(std::vector<std::string> arguments) const {
        if (!root_.empty()) {
            arguments.insert(arguments.begin(), {"--sysroot", root_});
        }
        return arguments;
    }

    std::string root_;
};

TEST_F(Recover, RunKilledAtAnyTimeIsFinishedAndStored) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 6; ++round) {
        const std::chrono::milliseconds lifetime(50 + random() % 3000);
        kill_after(lifetime);
        const nlohmann::json recovered = recover()["recovered"];
        if (recovered.empty() && lifetime.count() < 500) {
            continue;  // killed before it had begun
        }
        ASSERT_EQ(recovered.size(), 1U) << lifetime.count() << " ms";
        const std::string run_id = recovered[0]["run_id"];
        const auto shown = finewatt({"runs", "show", run_id, "--json"});
        const nlohmann::json record = nlohmann::json::parse(shown.stdout_text);
        EXPECT_EQ(record["status"], "recovered");
        EXPECT_EQ(record["name"], "victim");
        EXPECT_EQ(record["settings"]["command"], "sleep 5");
        // The start of the program and the last second may be missing; a loaded machine adds some.
        EXPECT_GE(record["duration_s"].get<double>(),
                  static_cast<double>(lifetime.count()) * 1e-3 - 2.0);
        EXPECT_LE(record["duration_s"].get<double>(), static_cast<double>(lifetime.count()) * 1e-3);
        EXPECT_TRUE(std::filesystem::is_empty(journal_folder()));
    }
    EXPECT_EQ(recover()["recovered"].size(), 0U);
}

TEST_F(Recover, CounterThatWentOnGivesTheDeadTimeApart) {
    write_counter("1000000\n");
    kill_after(std::chrono::milliseconds(2500));
    write_counter("8000000\n");
    const nlohmann::json recovered = recover()["recovered"];
    ASSERT_EQ(recovered.size(), 1U);
    const auto& components = recovered[0]["energy"]["components"];
    ASSERT_GE(components.size(), 1U);
    EXPECT_EQ(components[0]["source"], "powercap:package-0");
    EXPECT_EQ(components[0]["energy_j"], 0.0) << "the counter stood still while the run lived";
    const nlohmann::json& dead = recovered[0]["dead_time"];
    ASSERT_TRUE(dead.is_object());
    EXPECT_NEAR(dead["energy"]["energy_j"].get<double>(), 7, 1e-9);
    EXPECT_GT(dead["duration_s"].get<double>(), 0);
}

TEST_F(Recover, RunThatGoesOnIsLeftAlone) {
    nlohmann::json found;
    on_started_ = [&](pid_t) {
        std::this_thread::sleep_for(std::chrono::milliseconds(700));
        on_started_ = nullptr;
        found = recover();
    };
    const auto measured = finewatt({"measure", "--json", "--", "sleep", "1.5"});
    ASSERT_EQ(measured.exit_status, 0) << measured.stderr_text;
    const nlohmann::json record = last_line_json(measured.stdout_text);
    ASSERT_EQ(found["running"].size(), 1U) << found.dump();
    EXPECT_EQ(found["running"][0]["run_id"], record["run_id"]);
    EXPECT_EQ(record["status"], "complete");
}

TEST_F(Recover, BrokenJournalIsNamedAndDoesNotHoldUpTheOthers) {
    kill_after(std::chrono::milliseconds(2500));
    tree_.write("state/finewatt/journal/00000000000000000000000000.jsonl", "{\"finewatt_jou");
    const auto result = finewatt({"runs", "recover", "--json"});
    EXPECT_EQ(result.exit_status, 4);
    const nlohmann::json document = nlohmann::json::parse(result.stdout_text);
    EXPECT_EQ(document["recovered"].size(), 1U);
    ASSERT_EQ(document["broken"].size(), 1U);
    EXPECT_NE(document["broken"][0]["reason"].get<std::string>().find("no whole line"),
              std::string::npos);
}

}  // namespace
}  // namespace finewatt::e2e
