// What every Store promises. A new implementation joins by an entry at the end of this file.
#include "finewatt/record/json.h"
#include "finewatt/store/store.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>

namespace finewatt {
namespace {

using ::finewatt::testing::TempTree;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view kId1 = "01JDCAFE000000000000000001";
constexpr std::string_view kId2 = "01JDCAFE000000000000000002";
constexpr std::string_view kId3 = "01JF00D0000000000000000003";

struct Implementation {
    std::string name;
    /// Open the one ledger that belongs to this folder.
    std::function<Result<std::unique_ptr<Store>>(const TempTree& tree)> open;
};

RunRecord make_run(std::string_view id, std::optional<std::string> name = std::nullopt) {
    RunRecord run;
    run.run_id = id;
    run.name = std::move(name);
    run.status = "complete";
    run.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000);
    run.energy.energy = joules(12.5);
    run.energy.provenance = "measured";
    return run;
}

WallTime hours_after_start(int hours) {
    return WallTime::from_unix_ns(1'795'408'080'000'000'000 + hours * 3'600'000'000'000);
}

std::vector<std::string> ids_of(const Result<std::vector<RunOverview>>& runs) {
    std::vector<std::string> ids;
    for (const RunOverview& run : runs.value()) {
        ids.push_back(run.run_id);
    }
    return ids;
}

class StoreContract : public ::testing::TestWithParam<Implementation> {
  protected:
    void SetUp() override { ASSERT_OK_AND_ASSIGN(store_, GetParam().open(tree_)); }

    /// Three runs: kinds command, fine-tuning, fine-tuning; started an hour apart.
    void insert_three_runs() {
        RunRecord first = make_run(kId1, "alpha");
        RunRecord second = make_run(kId2, "beta");
        RunRecord third = make_run(kId3, "beta");
        second.kind = third.kind = "fine-tuning";
        second.started_at = hours_after_start(1);
        third.started_at = hours_after_start(2);
        third.status = "failed";
        first.tags = {"paper", "cold", "paper"};
        for (const RunRecord* run : {&first, &second, &third}) {
            ASSERT_OK(store_->insert(*run, {}));
        }
    }

    TempTree tree_;
    std::unique_ptr<Store> store_;
};

TEST_P(StoreContract, StoredRunReadsBackAsItWas) {
    RunRecord run = make_run(kId1, "a run; DROP TABLE run; --'\"");
    run.settings["lr"] = 2e-5;
    run.tags = {"x"};
    ASSERT_OK(store_->insert(run, {}));
    ASSERT_OK_AND_ASSIGN(const RunRecord back, store_->get(kId1));
    EXPECT_EQ(to_json(back), to_json(run));
}

TEST_P(StoreContract, RunSurvivesClosingAndOpening) {
    ASSERT_OK(store_->insert(make_run(kId1), {}));
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, GetParam().open(tree_));
    EXPECT_OK(store_->get(kId1));
}

TEST_P(StoreContract, PowerSeriesReadBackToTheLastBit) {
    const std::vector<PowerSeries> series{
        {"nvml:0", "gpu", "derived", {0.1, 0.2, 0.30000000000000004}, {251.5, 0.0, -0.0}},
        {"powercap:package-0", "cpu", "measured", {}, {}}};
    ASSERT_OK(store_->insert(make_run(kId1), series));
    ASSERT_OK_AND_ASSIGN(const auto back, store_->power_series(kId1));
    ASSERT_EQ(back.size(), 2U);
    EXPECT_EQ(back[0].channel, "nvml:0");
    EXPECT_EQ(back[0].component, "gpu");
    EXPECT_EQ(back[0].provenance, "derived");
    EXPECT_EQ(back[0].t_s, series[0].t_s);
    EXPECT_EQ(back[0].power_w, series[0].power_w);
    EXPECT_THAT(back[1].t_s, IsEmpty());
}

TEST_P(StoreContract, SameIdTwiceIsRefusedAndTheFirstStays) {
    ASSERT_OK(store_->insert(make_run(kId1, "first"), {}));
    EXPECT_ERROR(kInvalidArgument, store_->insert(make_run(kId1, "second"), {}), "has it already");
    EXPECT_EQ(store_->get(kId1).value().name, "first");
}

TEST_P(StoreContract, FailedInsertLeavesNothing) {
    const std::vector<PowerSeries> twice{{"c", "cpu", "measured", {1}, {2}},
                                         {"c", "cpu", "measured", {1}, {2}}};
    EXPECT_ERROR(kInvalidArgument, store_->insert(make_run(kId1), twice), "");
    const std::vector<PowerSeries> ragged{{"c", "cpu", "measured", {1, 2}, {2}}};
    EXPECT_ERROR(kInvalidArgument, store_->insert(make_run(kId1), ragged), "as many times");
    EXPECT_ERROR(kInvalidArgument, store_->insert(make_run("no-ulid"), {}), "expected a ULID");
    EXPECT_THAT(ids_of(store_->list({})), IsEmpty());
    EXPECT_OK(store_->insert(make_run(kId1), {}));
}

TEST_P(StoreContract, UpdateReplacesTheRecordAndKeepsTheSeries) {
    RunRecord run = make_run(kId1);
    run.status = "running";
    run.tags = {"old"};
    const std::vector<PowerSeries> series{{"c", "cpu", "measured", {1}, {2}}};
    ASSERT_OK(store_->insert(run, series));
    run.status = "complete";
    run.tags = {"new"};
    ASSERT_OK(store_->update(run));
    ASSERT_OK_AND_ASSIGN(const auto runs, store_->list({}));
    EXPECT_EQ(runs[0].status, "complete");
    EXPECT_THAT(runs[0].tags, ElementsAre("new"));
    EXPECT_EQ(store_->power_series(kId1).value().size(), 1U);
}

TEST_P(StoreContract, UpdateWithSeriesReplacesThem) {
    const std::vector<PowerSeries> one{{"c", "cpu", "measured", {1}, {2}}};
    const std::vector<PowerSeries> other{{"d", "cpu", "measured", {1}, {2}}};
    ASSERT_OK(store_->insert(make_run(kId1), one));
    ASSERT_OK(store_->update(make_run(kId1), other));
    ASSERT_OK_AND_ASSIGN(const auto series, store_->power_series(kId1));
    ASSERT_EQ(series.size(), 1U);
    EXPECT_EQ(series[0].channel, "d");
}

TEST_P(StoreContract, UpdateOfAnUnknownRunIsNotFound) {
    EXPECT_ERROR(kNotFound, store_->update(make_run(kId1)), kId1);
    EXPECT_ERROR(kNotFound, store_->update(make_run(kId1), {}), kId1);
}

TEST_P(StoreContract, KeyIsIdNameOrUniqueBeginning) {
    insert_three_runs();
    for (const std::string_view key :
         {kId1, std::string_view("01jdcafe000000000000000001"), std::string_view("alpha")}) {
        EXPECT_EQ(store_->resolve(key).value(), kId1) << key;
    }
    EXPECT_EQ(store_->resolve("01JF").value(), kId3);
    EXPECT_EQ(store_->resolve("01jf00d").value(), kId3);
    EXPECT_ERROR(kInvalidArgument, store_->resolve("beta"), "several with this name");
    EXPECT_ERROR(kInvalidArgument, store_->resolve("01JD"), "several with this beginning");
    EXPECT_ERROR(kNotFound, store_->resolve("gamma"), "runs list");
    EXPECT_ERROR(kNotFound, store_->resolve(""), "no run matches");
    EXPECT_ERROR(kNotFound, store_->resolve("%"), "no run matches");
    EXPECT_ERROR(kNotFound, store_->get("gamma"), "gamma");
    EXPECT_ERROR(kNotFound, store_->power_series("gamma"), "gamma");
}

TEST_P(StoreContract, ListIsNewestFirstAndFilters) {
    insert_three_runs();
    EXPECT_THAT(ids_of(store_->list({})), ElementsAre(kId3, kId2, kId1));
    const auto filtered = [this](auto&& set) {
        RunFilter filter;
        set(filter);
        return ids_of(store_->list(filter));
    };
    EXPECT_THAT(filtered([](RunFilter& f) { f.kind = "fine-tuning"; }), ElementsAre(kId3, kId2));
    EXPECT_THAT(filtered([](RunFilter& f) { f.status = "failed"; }), ElementsAre(kId3));
    EXPECT_THAT(filtered([](RunFilter& f) { f.name = "alpha"; }), ElementsAre(kId1));
    EXPECT_THAT(filtered([](RunFilter& f) { f.tag = "paper"; }), ElementsAre(kId1));
    EXPECT_THAT(filtered([](RunFilter& f) { f.since = hours_after_start(1); }),
                ElementsAre(kId3, kId2));
    EXPECT_THAT(filtered([](RunFilter& f) { f.limit = 1; }), ElementsAre(kId3));
    EXPECT_THAT(filtered([](RunFilter& f) { f.limit = 0; }), IsEmpty());
    EXPECT_THAT(filtered([](RunFilter& f) { f.name = "x' OR '1'='1"; }), IsEmpty());
}

TEST_P(StoreContract, OverviewKeepsUnknownApartFromZero) {
    RunRecord known = make_run(kId1);
    known.duration_s = 0.0;
    known.tags = {"b", "a"};
    RunRecord unknown = make_run(kId2);
    unknown.energy = {};
    ASSERT_OK(store_->insert(known, {}));
    ASSERT_OK(store_->insert(unknown, {}));
    ASSERT_OK_AND_ASSIGN(const auto runs, store_->list({}));
    EXPECT_FALSE(runs[0].energy.has_value());
    EXPECT_FALSE(runs[0].duration_s.has_value());
    EXPECT_EQ(runs[0].provenance, "");
    EXPECT_EQ(runs[1].energy, joules(12.5));
    EXPECT_EQ(runs[1].duration_s, 0.0);
    EXPECT_FALSE(runs[1].energy_low || runs[1].co2_kg);
    EXPECT_THAT(runs[1].tags, ElementsAre("a", "b"));
    EXPECT_EQ(runs[1].started_at, hours_after_start(0));
}

TEST_P(StoreContract, EraseRemovesTheRunAndAllOfIt) {
    const std::vector<PowerSeries> series{{"c", "cpu", "measured", {1}, {2}}};
    RunRecord run = make_run(kId1);
    run.tags = {"t"};
    ASSERT_OK(store_->insert(run, series));
    ASSERT_OK(store_->erase(kId1));
    EXPECT_ERROR(kNotFound, store_->get(kId1), kId1);
    EXPECT_ERROR(kNotFound, store_->erase(kId1), kId1);
    // The id is free again, with nothing of the old run left behind.
    ASSERT_OK(store_->insert(make_run(kId1), {}));
    EXPECT_THAT(store_->power_series(kId1).value(), IsEmpty());
    EXPECT_THAT(store_->list({}).value()[0].tags, IsEmpty());
}

TEST_P(StoreContract, EraseTakesOnlyAFullId) {
    ASSERT_OK(store_->insert(make_run(kId1, "alpha"), {}));
    EXPECT_ERROR(kNotFound, store_->erase("alpha"), "alpha");
    EXPECT_ERROR(kNotFound, store_->erase("01JDCAFE"), "01JDCAFE");
}

TEST_P(StoreContract, ProcessesThatWriteAtOnceLoseNothing) {
    constexpr int kRunsEach = 15;
    store_.reset();
    std::vector<pid_t> writers;
    for (int writer = 0; writer < 2; ++writer) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            Result<std::unique_ptr<Store>> mine = GetParam().open(tree_);
            int failures = mine ? 0 : 1;
            for (int i = 0; i < kRunsEach && failures == 0; ++i) {
                const std::string id = fmt::format("01JDCAFE0000000000{:04}{:04}", writer, i);
                failures += (*mine)->insert(make_run(id), {}).has_value() ? 0 : 1;
            }
            ::_exit(failures);
        }
        writers.push_back(child);
    }
    for (const pid_t writer : writers) {
        int status = -1;
        ::waitpid(writer, &status, 0);
        EXPECT_EQ(status, 0);
    }
    ASSERT_OK_AND_ASSIGN(store_, GetParam().open(tree_));
    EXPECT_EQ(store_->list({}).value().size(), 2U * kRunsEach);
}

INSTANTIATE_TEST_SUITE_P(Implementations, StoreContract,
                         ::testing::Values(Implementation{
                             "Sqlite",
                             [](const TempTree& tree) {
                                 return open_store("sqlite:" +
                                                   (tree.path() / "ledger.db").string());
                             }}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace finewatt
