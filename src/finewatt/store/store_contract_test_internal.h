// What the files of the contract suite share: the fixture, example runs, and which database it runs
// against. Each test program that holds the suite defines make_contract_ledger() once.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/store/store.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace finewatt {

/// One empty ledger.
struct ContractLedger {
    /// Open it; every call gives a connection of its own.
    std::function<Result<std::unique_ptr<Store>>()> open;
    /// Run SQL beside the store, to do damage.
    std::function<void(const std::string& sql)> run_sql;
    /// Keeps what lies under it.
    std::shared_ptr<void> keeper;
};

/// Make a new empty ledger. Error: unsupported, with the reason, where the database is not
/// installed.
Result<ContractLedger> make_contract_ledger();

// ---- the suite ----

inline constexpr std::string_view kId1 = "01JDCAFE000000000000000001";
inline constexpr std::string_view kId2 = "01JDCAFE000000000000000002";
inline constexpr std::string_view kId3 = "01JF00D0000000000000000003";

inline RunRecord make_example_run(std::string_view id,
                                  std::optional<std::string> name = std::nullopt) {
    RunRecord run;
    run.run_id = id;
    run.name = std::move(name);
    run.status = "complete";
    run.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000);
    run.energy.energy = joules(12.5);
    run.energy.provenance = "measured";
    return run;
}

inline WallTime hours_after_start(int hours) {
    return WallTime::from_unix_ns(1'795'408'080'000'000'000 + hours * 3'600'000'000'000);
}

inline std::vector<std::string> ids_of(const Result<std::vector<RunOverview>>& runs) {
    std::vector<std::string> ids;
    for (const RunOverview& run : runs.value()) {
        ids.push_back(run.run_id);
    }
    return ids;
}

class StoreContract : public ::testing::Test {
  protected:
    void SetUp() override {
        Result<ContractLedger> ledger = make_contract_ledger();
        if (!ledger && ledger.error().code() == ErrorCode::kUnsupported) {
            GTEST_SKIP() << ledger.error().message();
        }
        ASSERT_OK(ledger);
        ledger_ = *std::move(ledger);
        ASSERT_OK_AND_ASSIGN(store_, ledger_.open());
    }

    std::vector<std::string> filtered(const std::function<void(RunFilter& filter)>& set) {
        RunFilter filter;
        set(filter);
        return ids_of(store_->list(filter));
    }

    /// Three runs: kinds command, fine-tuning, fine-tuning; started an hour apart.
    void insert_three_runs() {
        RunRecord first = make_example_run(kId1, "alpha");
        RunRecord second = make_example_run(kId2, "beta");
        RunRecord third = make_example_run(kId3, "beta");
        second.kind = third.kind = "fine-tuning";
        second.started_at = hours_after_start(1);
        third.started_at = hours_after_start(2);
        third.status = "failed";
        first.tags = {"paper", "cold", "paper"};
        for (const RunRecord* run : {&first, &second, &third}) {
            ASSERT_OK(store_->insert(*run, {}));
        }
    }

    ContractLedger ledger_;
    std::unique_ptr<Store> store_;
};

}  // namespace finewatt
