#include "finewatt/study/keep_run.h"

#include "finewatt/meter/journal.h"
#include "finewatt/record/json.h"
#include "finewatt/study/recover_run.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <string>
#include <vector>

namespace finewatt {
namespace {

constexpr const char* kId = "01KAQQ6Z3M5V8W9X0Y1Z2A3B4C";

class KeepRun : public ::testing::Test {
  protected:
    void SetUp() override {
        result_.record.run_id = kId;
        result_.record.name = "nap";
        result_.record.status = "complete";
        result_.record.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000);
        result_.record.energy.energy = joules(12.5);
        result_.record.exit_status = 0;
        result_.series = {{"powercap:package-0", "cpu", "measured", {0.1, 0.2}, {80, 81}}};
        result_.journal_path = tree_.path() / "journal" / (std::string(kId) + ".jsonl");
        JournalHeader header;
        header.run_id = kId;
        header.process = {1, 1, ""};  // process 1 did not start at tick 1
        std::filesystem::create_directories(result_.journal_path.parent_path());
        ASSERT_OK(JournalWriter::create(result_.journal_path, header));
    }

    Result<std::unique_ptr<Store>> open_ledger() {
        return open_store("sqlite:" + (tree_.path() / "ledger.db").string());
    }

    static Result<std::unique_ptr<Store>> no_ledger() {
        return FINEWATT_ERROR(kIo, "the server is on fire");
    }

    bool is_journal_folder_empty() const {
        return std::filesystem::is_empty(result_.journal_path.parent_path());
    }

    testing::TempTree tree_;
    JobResult result_;
};

TEST_F(KeepRun, StoredRunNeedsNoJournal) {
    ASSERT_OK(keep_run(result_, [this] { return open_ledger(); }));
    EXPECT_EQ(to_json(open_ledger().value()->get(kId).value()), to_json(result_.record));
    EXPECT_TRUE(is_journal_folder_empty());
}

TEST_F(KeepRun, RunThatCannotBeStoredIsRecoveredToTheLastBit) {
    EXPECT_ERROR(kIo, keep_run(result_, no_ledger), "finewatt runs recover");
    ASSERT_OK_AND_ASSIGN(const RecoveredRun run, recover_run(result_.journal_path, {}));
    EXPECT_EQ(to_json(run.record), to_json(result_.record));
    ASSERT_EQ(run.series.size(), 1U);
    EXPECT_EQ(run.series[0].t_s, result_.series[0].t_s);
    EXPECT_EQ(run.series[0].power_w, result_.series[0].power_w);
    EXPECT_FALSE(run.dead_time.has_value());
    ASSERT_OK(remove_journal(result_.journal_path));
    EXPECT_TRUE(is_journal_folder_empty());
}

TEST_F(KeepRun, FinishedRunIsFoundThoughItsJournalIsBroken) {
    EXPECT_ERROR(kIo, keep_run(result_, no_ledger), "on fire");
    tree_.write("journal/" + std::string(kId) + ".jsonl", "");
    const auto found = find_journals(result_.journal_path.parent_path(), "boot");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].state, JournalState::kLeft);
    EXPECT_EQ(found[0].run_id, kId);
    EXPECT_EQ(recover_run(found[0].path, {}).value().record.status, "complete");
}

TEST_F(KeepRun, FinishedRunThatIsDamagedFallsBackToItsJournal) {
    EXPECT_ERROR(kIo, keep_run(result_, no_ledger), "on fire");
    tree_.write("journal/" + std::string(kId) + ".run.db", std::string(4096, 'x'));
    ASSERT_OK_AND_ASSIGN(const RecoveredRun run, recover_run(result_.journal_path, {}));
    EXPECT_EQ(run.record.status, "recovered");
    ASSERT_FALSE(run.record.notes.empty());
    EXPECT_THAT(run.record.notes.back(), ::testing::HasSubstr("expected a SQLite database"));
}

TEST_F(KeepRun, WhereNothingCanBeKeptTheJournalStaysAndIsNamed) {
    // A folder stands where the finished run would lie.
    std::filesystem::create_directory(finished_run_path(result_.journal_path));
    EXPECT_ERROR(kIo, keep_run(result_, no_ledger),
                 "its journal stays at " + result_.journal_path.string());
    EXPECT_TRUE(std::filesystem::exists(result_.journal_path));
    result_.journal_path.clear();
    EXPECT_ERROR(kIo, keep_run(result_, no_ledger), "there is no journal");
}

TEST_F(KeepRun, RemovingAJournalThatIsGoneIsNoError) {
    ASSERT_OK(remove_journal(result_.journal_path));
    EXPECT_OK(remove_journal(result_.journal_path));
}

}  // namespace
}  // namespace finewatt
