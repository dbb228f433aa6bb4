// The real programs and their ledgers: several writers at once, and ledgers that go away while a
// run is measured.

#include "finewatt/testing/local_postgres.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "program.h"

namespace finewatt::e2e {
namespace {

using ::testing::HasSubstr;
using testing::LocalPostgres;

class StoreOf : public ProgramTest {
  protected:
    nlohmann::json json_of(const std::vector<std::string>& arguments) {
        const auto result = finewatt(arguments);
        EXPECT_EQ(result.exit_status, 0) << result.stderr_text << result.stdout_text;
        return nlohmann::json::parse(result.stdout_text, nullptr, false);
    }

    /// Three processes measure a short command several times each, at the same time.
    void measure_in_three_processes() {
        std::vector<std::thread> writers;
        for (int writer = 0; writer < 3; ++writer) {
            writers.emplace_back([this] {
                for (int i = 0; i < 4; ++i) {
                    const auto result = finewatt({"measure", "--quiet", "--", "true"});
                    EXPECT_EQ(result.exit_status, 0) << result.stderr_text;
                }
            });
        }
        for (std::thread& writer : writers) {
            writer.join();
        }
        const nlohmann::json runs = json_of({"runs", "list", "--json"});
        std::set<std::string> ids;
        for (const nlohmann::json& run : runs) {
            ids.insert(run["run_id"].get<std::string>());
            EXPECT_EQ(run["status"], "complete");
        }
        EXPECT_EQ(runs.size(), 12U);
        EXPECT_EQ(ids.size(), 12U);
        EXPECT_TRUE(std::filesystem::is_empty(journal_folder()));
    }

    /// What is left after a run whose ledger went away.
    void expect_kept(const SubprocessResult& measured) {
        EXPECT_EQ(measured.exit_status, 6) << measured.stderr_text;
        EXPECT_THAT(measured.stderr_text, HasSubstr("finewatt runs recover"));
        EXPECT_THAT(measured.stderr_text, HasSubstr(".run.db"));
    }

    /// The run is stored as it had ended, once, and nothing of it is left beside.
    void expect_recovered_whole() {
        EXPECT_EQ(json_of({"runs", "recover", "--json"})["recovered"].size(), 1U);
        EXPECT_EQ(json_of({"runs", "recover", "--json"})["recovered"].size(), 0U);
        EXPECT_EQ(json_of({"runs", "list", "--json"}).size(), 1U);
        const nlohmann::json record = json_of({"runs", "show", "kept", "--json"});
        EXPECT_EQ(record["status"], "complete");
        EXPECT_EQ(record["exit_status"], 0);
        EXPECT_FALSE(record["machine"].empty()) << "a journal does not hold the machine";
        EXPECT_TRUE(std::filesystem::is_empty(journal_folder()));
    }
};

// ---- SQLite

class StoreOnSqlite : public StoreOf {
  protected:
    /// Measure a command that harms the ledger's file while it runs.
    SubprocessResult measure_while(const std::string& harm) {
        return finewatt({"measure", "--name", "kept", "--", "sh", "-c", harm});
    }
};

TEST_F(StoreOnSqlite, ProcessesThatMeasureAtOnceLoseNoRun) {
    measure_in_three_processes();
}

TEST_F(StoreOnSqlite, RunOfALedgerThatWasDamagedIsStoredLater) {
    const std::string file = store_path().string();
    std::filesystem::create_directories(store_path().parent_path());
    const auto measured = measure_while("printf 'no database at all, but rubbish' > " + file);
    expect_kept(measured);
    EXPECT_THAT(measured.stderr_text, HasSubstr("expected a SQLite database"));
    EXPECT_EQ(finewatt({"runs", "recover"}).exit_status, 6) << "it is damaged still";
    std::filesystem::remove(file);
    expect_recovered_whole();
}

TEST_F(StoreOnSqlite, RunOfALedgerThatAnotherProcessHoldsIsStoredLater) {
    ASSERT_EQ(finewatt({"runs", "list"}).exit_status, 0);
    SubprocessOptions version;
    version.argv = {"sqlite3", "--version"};
    const auto found = run_subprocess(version);
    if (!found || found->exit_status != 0) {
        GTEST_SKIP() << "no sqlite3 program is installed (package sqlite3)";
    }
    const std::string release = (tree_.path() / "release").string();
    // Holds the write lock until the file is there, for at most a minute.
    const auto measured = measure_while("(echo 'BEGIN IMMEDIATE;'; for i in $(seq 600); do [ -e " +
                                        release + " ] && break; sleep 0.1; done) | sqlite3 " +
                                        store_path().string() + " >/dev/null 2>&1 & sleep 0.5");
    expect_kept(measured);
    EXPECT_THAT(measured.stderr_text, HasSubstr("another process holds it"));
    tree_.write("release", "");
    std::this_thread::sleep_for(std::chrono::seconds(1));
    expect_recovered_whole();
}

TEST_F(StoreOnSqlite, RunOfALedgerThatANewerVersionTookIsStoredLater) {
    ASSERT_EQ(finewatt({"runs", "list"}).exit_status, 0);
    const std::string sqlite = "sqlite3 " + store_path().string();
    const auto measured = measure_while(sqlite + " 'PRAGMA user_version = 99'");
    if (measured.exit_status == 127) {
        GTEST_SKIP() << "no sqlite3 program is installed (package sqlite3)";
    }
    expect_kept(measured);
    EXPECT_THAT(measured.stderr_text, HasSubstr("a newer finewatt wrote it"));
    SubprocessOptions mend;
    mend.argv = {"sqlite3", store_path().string(), "PRAGMA user_version = 2"};
    ASSERT_OK(run_subprocess(mend));
    expect_recovered_whole();
}

TEST_F(StoreOnSqlite, RunOfALedgerWhoseFolderIsGoneIsStoredLater) {
    const std::string folder = store_path().parent_path().string();
    std::filesystem::create_directories(folder);
    expect_kept(measure_while("rmdir " + folder + " && touch " + folder));
    std::filesystem::remove(folder);
    expect_recovered_whole();
}

TEST_F(StoreOnSqlite, HostileNamesComeBackAsTheyWere) {
    const std::string name = "x'); DROP TABLE run; --<b>\\LaTeX{}\x1b[31m\n\"";
    ASSERT_EQ(finewatt({"measure", "--quiet", "--name", name, "--", "true"}).exit_status, 0);
    EXPECT_EQ(json_of({"runs", "show", name, "--json"})["name"], name);
    EXPECT_EQ(json_of({"runs", "list", "--name", name, "--json"}).size(), 1U);
    EXPECT_EQ(finewatt({"runs", "show", "' OR '1'='1"}).exit_status, 4);
}

// ---- PostgreSQL

class StoreOnPostgres : public StoreOf {
  protected:
    void SetUp() override {
        const Result<LocalPostgres*> server = LocalPostgres::shared();
        if (!server && server.error().code() == ErrorCode::kUnsupported) {
            GTEST_SKIP() << server.error().message();
        }
        ASSERT_OK(server);
        server_ = *server;
        extra_environment_.emplace_back("FINEWATT_STORE", server_->make_database());
        if (finewatt({"runs", "list"}).stderr_text.find("this build has no PostgreSQL") !=
            std::string::npos) {
            GTEST_SKIP() << "this build has no PostgreSQL (FINEWATT_WITH_POSTGRES)";
        }
    }

    LocalPostgres* server_ = nullptr;
};

TEST_F(StoreOnPostgres, ProcessesThatMeasureAtOnceLoseNoRun) {
    measure_in_three_processes();
}

TEST_F(StoreOnPostgres, RunOfAServerThatWentAwayIsStoredLater) {
    on_started_ = [this](pid_t) { server_->stop(); };
    const auto measured = finewatt({"measure", "--name", "kept", "--", "sleep", "0.3"});
    on_started_ = nullptr;
    expect_kept(measured);
    EXPECT_THAT(measured.stderr_text, HasSubstr("expected a server that answers"));
    EXPECT_EQ(finewatt({"runs", "recover"}).exit_status, 6) << "it is away still";
    ASSERT_OK(server_->start_again());
    expect_recovered_whole();
}

TEST_F(StoreOnPostgres, PasswordIsInNoOutput) {
    const std::string url =
        LocalPostgres::url_for(extra_environment_.back().second, "guarded", "hunter2");
    for (const char* command : {"list", "recover"}) {
        const auto result = finewatt({"--store", url, "runs", command});
        EXPECT_EQ((result.stdout_text + result.stderr_text).find("hunter2"), std::string::npos)
            << result.stderr_text;
    }
    const auto measured = finewatt({"--store", url, "measure", "--json", "--", "true"});
    EXPECT_EQ(measured.exit_status, 6) << measured.stderr_text;
    EXPECT_EQ((measured.stdout_text + measured.stderr_text).find("hunter2"), std::string::npos);
}

}  // namespace
}  // namespace finewatt::e2e
