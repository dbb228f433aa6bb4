// What every Store promises: the suite is part of one test program for each database.
#include "finewatt/record/json.h"
#include "finewatt/store/store.h"
#include "finewatt/store/store_contract_test_internal.h"
#include "finewatt/testing/matchers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(StoreContract, StoredRunReadsBackAsItWas) {
    RunRecord run = make_example_run(kId1, "a run; DROP TABLE run; --'\"");
    run.settings["lr"] = 2e-5;
    run.tags = {"x"};
    ASSERT_OK(store_->insert(run, {}));
    ASSERT_OK_AND_ASSIGN(const RunRecord back, store_->get(kId1));
    EXPECT_EQ(to_json(back), to_json(run));
}

TEST_F(StoreContract, RunSurvivesClosingAndOpening) {
    ASSERT_OK(store_->insert(make_example_run(kId1), {}));
    store_.reset();
    ASSERT_OK_AND_ASSIGN(store_, ledger_.open());
    EXPECT_OK(store_->get(kId1));
}

TEST_F(StoreContract, PowerSeriesReadBackToTheLastBit) {
    const std::vector<PowerSeries> series{
        {"nvml:0", "gpu", "derived", {0.1, 0.2, 0.30000000000000004}, {251.5, 0.0, -0.0}},
        {"powercap:package-0", "cpu", "measured", {}, {}}};
    ASSERT_OK(store_->insert(make_example_run(kId1), series));
    ASSERT_OK_AND_ASSIGN(const auto back, store_->power_series(kId1));
    ASSERT_EQ(back.size(), 2U);
    EXPECT_EQ(back[0].channel, "nvml:0");
    EXPECT_EQ(back[0].component, "gpu");
    EXPECT_EQ(back[0].provenance, "derived");
    EXPECT_EQ(back[0].t_s, series[0].t_s);
    EXPECT_EQ(back[0].power_w, series[0].power_w);
    EXPECT_THAT(back[1].t_s, IsEmpty());
}

TEST_F(StoreContract, SameIdTwiceIsRefusedAndTheFirstStays) {
    ASSERT_OK(store_->insert(make_example_run(kId1, "first"), {}));
    EXPECT_ERROR(kInvalidArgument, store_->insert(make_example_run(kId1, "second"), {}),
                 "has it already");
    EXPECT_EQ(store_->get(kId1).value().name, "first");
}

TEST_F(StoreContract, FailedInsertLeavesNothing) {
    const std::vector<PowerSeries> twice{{"c", "cpu", "measured", {1}, {2}},
                                         {"c", "cpu", "measured", {1}, {2}}};
    EXPECT_ERROR(kInvalidArgument, store_->insert(make_example_run(kId1), twice), "");
    const std::vector<PowerSeries> ragged{{"c", "cpu", "measured", {1, 2}, {2}}};
    EXPECT_ERROR(kInvalidArgument, store_->insert(make_example_run(kId1), ragged), "as many times");
    EXPECT_ERROR(kInvalidArgument, store_->insert(make_example_run("no-ulid"), {}),
                 "expected a ULID");
    EXPECT_THAT(ids_of(store_->list({})), IsEmpty());
    EXPECT_OK(store_->insert(make_example_run(kId1), {}));
}

TEST_F(StoreContract, UpdateReplacesTheRecordAndKeepsTheSeries) {
    RunRecord run = make_example_run(kId1);
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

TEST_F(StoreContract, UpdateWithSeriesReplacesThem) {
    const std::vector<PowerSeries> one{{"c", "cpu", "measured", {1}, {2}}};
    const std::vector<PowerSeries> other{{"d", "cpu", "measured", {1}, {2}}};
    ASSERT_OK(store_->insert(make_example_run(kId1), one));
    ASSERT_OK(store_->update(make_example_run(kId1), other));
    ASSERT_OK_AND_ASSIGN(const auto series, store_->power_series(kId1));
    ASSERT_EQ(series.size(), 1U);
    EXPECT_EQ(series[0].channel, "d");
}

TEST_F(StoreContract, UpdateOfAnUnknownRunIsNotFound) {
    EXPECT_ERROR(kNotFound, store_->update(make_example_run(kId1)), kId1);
    EXPECT_ERROR(kNotFound, store_->update(make_example_run(kId1), {}), kId1);
}

TEST_F(StoreContract, KeyIsIdNameOrUniqueBeginning) {
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

TEST_F(StoreContract, EraseRemovesTheRunAndAllOfIt) {
    const std::vector<PowerSeries> series{{"c", "cpu", "measured", {1}, {2}}};
    RunRecord run = make_example_run(kId1);
    run.tags = {"t"};
    ASSERT_OK(store_->insert(run, series));
    ASSERT_OK(store_->erase(kId1));
    EXPECT_ERROR(kNotFound, store_->get(kId1), kId1);
    EXPECT_ERROR(kNotFound, store_->erase(kId1), kId1);
    // The id is free again, with nothing of the old run left behind.
    ASSERT_OK(store_->insert(make_example_run(kId1), {}));
    EXPECT_THAT(store_->power_series(kId1).value(), IsEmpty());
    EXPECT_THAT(store_->list({}).value()[0].tags, IsEmpty());
}

TEST_F(StoreContract, EraseTakesOnlyAFullId) {
    ASSERT_OK(store_->insert(make_example_run(kId1, "alpha"), {}));
    EXPECT_ERROR(kNotFound, store_->erase("alpha"), "alpha");
    EXPECT_ERROR(kNotFound, store_->erase("01JDCAFE"), "01JDCAFE");
}

// ---- Texts that mean something to somebody

/// Names, tags and filters that a careless program would run, render or lose.
std::vector<std::string> hostile_texts() {
    return {"'; DROP TABLE run; --",
            "x' OR '1'='1",
            "100%",
            "a_b",
            R"(back\slash)",
            "$1 ?1 :name {0} %s",
            "<script>alert(1)</script>",
            R"(\input{/etc/passwd}$x^2$)",
            "\x1b[31mred\x1b[0m\x07",
            "two\nlines\tand\rmore",
            "Größe 模型 🔥",
            "\"quoted\"",
            "null",
            " "};
}

TEST_F(StoreContract, HostileTextsAreOnlyTexts) {
    const std::vector<std::string> texts = hostile_texts();
    for (std::size_t i = 0; i < texts.size(); ++i) {
        RunRecord run = make_example_run(fmt::format("01JDCAFE00000000000000{:04}", i), texts[i]);
        run.tags = {texts[i]};
        run.kind = texts[i];
        run.status = texts[i];
        run.settings[texts[i]] = texts[i];
        const std::vector<PowerSeries> series{{texts[i], texts[i], texts[i], {1}, {2}}};
        ASSERT_OK(store_->insert(run, series));
        EXPECT_EQ(to_json(store_->get(run.run_id).value()), to_json(run));
        EXPECT_EQ(store_->power_series(run.run_id).value()[0].channel, texts[i]);
        EXPECT_EQ(store_->resolve(texts[i]).value(), run.run_id);
    }
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string id = fmt::format("01JDCAFE00000000000000{:04}", i);
        EXPECT_THAT(filtered([&](RunFilter& f) { f.name = texts[i]; }), ElementsAre(id));
        EXPECT_THAT(filtered([&](RunFilter& f) { f.tag = texts[i]; }), ElementsAre(id));
        EXPECT_THAT(filtered([&](RunFilter& f) { f.kind = texts[i]; }), ElementsAre(id));
        EXPECT_THAT(filtered([&](RunFilter& f) { f.status = texts[i]; }), ElementsAre(id));
        EXPECT_THAT(filtered([&](RunFilter& f) { f.text = texts[i]; }), ::testing::Contains(id));
    }
    EXPECT_EQ(store_->count({}).value(), texts.size());
}

TEST_F(StoreContract, TextsThatAreNotUtf8AreMadeSo) {
    const std::string text("a\xff\0b", 4);
    RunRecord run = make_example_run(kId1, text);
    run.tags = {text};
    run.settings["x"] = text;
    const std::vector<PowerSeries> series{{text, "cpu", "measured", {1}, {2}}};
    ASSERT_OK(store_->insert(run, series));
    EXPECT_EQ(store_->list({}).value()[0].name, "a\uFFFD\uFFFDb");
    EXPECT_THAT(filtered([&](RunFilter& f) { f.name = text; }), ElementsAre(kId1));
    EXPECT_THAT(filtered([&](RunFilter& f) { f.tag = text; }), ElementsAre(kId1));
    EXPECT_THAT(filtered([&](RunFilter& f) { f.text = text; }), ElementsAre(kId1));
    EXPECT_EQ(store_->resolve(text).value(), kId1);
    EXPECT_OK(store_->get(kId1));
}

TEST_F(StoreContract, LongTextsAreKept) {
    const std::string text(100'000, 'x');
    RunRecord run = make_example_run(kId1, text);
    run.tags = {text, text + "y"};
    const std::vector<PowerSeries> series{{text, "cpu", "measured", {1}, {2}}};
    ASSERT_OK(store_->insert(run, series));
    EXPECT_EQ(store_->list({}).value()[0].tags.size(), 2U);
    EXPECT_THAT(filtered([&](RunFilter& f) { f.tag = text; }), ElementsAre(kId1));
    EXPECT_THAT(filtered([&](RunFilter& f) { f.text = text; }), ElementsAre(kId1));
}

TEST_F(StoreContract, NumbersThatJsonHasNotAreUnknown) {
    RunRecord run = make_example_run(kId1);
    run.duration_s = std::numeric_limits<double>::infinity();
    run.energy.energy = joules(std::nan(""));
    ASSERT_OK(store_->insert(run, {}));
    ASSERT_OK_AND_ASSIGN(const auto runs, store_->list({}));
    EXPECT_FALSE(runs[0].duration_s.has_value());
    EXPECT_FALSE(runs[0].energy.has_value());
    EXPECT_EQ(store_->import_run(run, {}).value(), ImportOutcome::kAlreadyStored);
}

// ---- Tags

TEST_F(StoreContract, TagsAreAddedAndRemovedInListAndRecord) {
    RunRecord run = make_example_run(kId1, "alpha");
    run.tags = {"old", "both", "old"};
    ASSERT_OK(store_->insert(run, {}));
    const std::vector<std::string> add{"new", "both", "new"};
    const std::vector<std::string> remove{"old", "never there"};
    EXPECT_THAT(store_->set_tags(kId1, add, remove).value(), ElementsAre("both", "new"));
    EXPECT_THAT(store_->get(kId1).value().tags, ElementsAre("both", "new"));
    EXPECT_THAT(store_->list({}).value()[0].tags, ElementsAre("both", "new"));
    EXPECT_THAT(filtered([](RunFilter& f) { f.tag = "old"; }), IsEmpty());
    EXPECT_THAT(filtered([](RunFilter& f) { f.text = "new"; }), ElementsAre(kId1));
    EXPECT_EQ(store_->get(kId1).value().name, "alpha");
}

TEST_F(StoreContract, TagsOfNoRunAndEmptyTagsAreRefused) {
    const std::vector<std::string> tag{"t"};
    EXPECT_ERROR(kNotFound, store_->set_tags(kId1, tag, {}), kId1);
    ASSERT_OK(store_->insert(make_example_run(kId1, "alpha"), {}));
    EXPECT_ERROR(kNotFound, store_->set_tags("alpha", tag, {}), "alpha");
    const std::vector<std::string> empty{"t", ""};
    EXPECT_ERROR(kInvalidArgument, store_->set_tags(kId1, empty, {}), "at least one letter");
    EXPECT_THAT(store_->list({}).value()[0].tags, IsEmpty());
}

// ---- Import and export

TEST_F(StoreContract, ImportTwiceStoresOnce) {
    RunRecord run = make_example_run(kId1, "alpha");
    run.tags = {"t"};
    const std::vector<PowerSeries> series{{"d", "gpu", "measured", {0.1}, {251.5}},
                                          {"c", "cpu", "measured", {0.5, 1}, {2, -0.0}}};
    EXPECT_EQ(store_->import_run(run, series).value(), ImportOutcome::kStored);
    EXPECT_EQ(store_->import_run(run, series).value(), ImportOutcome::kAlreadyStored);
    ASSERT_OK_AND_ASSIGN(const RunRecord exported, store_->get(kId1));
    ASSERT_OK_AND_ASSIGN(const auto exported_series, store_->power_series(kId1));
    EXPECT_EQ(store_->import_run(exported, exported_series).value(), ImportOutcome::kAlreadyStored);
    EXPECT_EQ(store_->count({}).value(), 1U);
}

TEST_F(StoreContract, ImportOfAnotherContentNamesWhatDiffers) {
    const std::vector<PowerSeries> series{{"c", "cpu", "measured", {1}, {0.0}}};
    ASSERT_OK(store_->import_run(make_example_run(kId1, "alpha"), series));
    RunRecord other = make_example_run(kId1, "beta");
    other.energy.energy = joules(13);
    EXPECT_ERROR(kInvalidArgument, store_->import_run(other, series), "another: name, energy;");
    const std::vector<PowerSeries> minus_zero{{"c", "cpu", "measured", {1}, {-0.0}}};
    EXPECT_ERROR(kInvalidArgument, store_->import_run(make_example_run(kId1, "alpha"), minus_zero),
                 "another: power series;");
    EXPECT_ERROR(kInvalidArgument, store_->import_run(make_example_run(kId1, "alpha"), {}),
                 "another: power series;");
    EXPECT_ERROR(kInvalidArgument, store_->import_run(make_example_run("no-ulid"), {}), "a ULID");
    EXPECT_EQ(store_->get(kId1).value().name, "alpha");
}

TEST_F(StoreContract, WalkGivesEveryRunInOrderAndMayUseTheStore) {
    std::vector<std::string> inserted;
    for (int i = 0; i < 150; ++i) {  // more than are read at a time
        inserted.push_back(fmt::format("01JDCAFE00000000000000{:04}", i));
        ASSERT_OK(store_->insert(make_example_run(inserted.back()), {}));
    }
    std::vector<std::string> visited;
    RunFilter filter;
    filter.is_ascending = true;
    ASSERT_OK(for_each_run(*store_, filter, [&](const RunRecord& run) -> Status {
        visited.push_back(run.run_id);
        FINEWATT_TRY(store_->power_series(run.run_id));
        // Another run goes meanwhile: the walk leaves it out.
        return run.run_id == inserted.front() ? store_->erase(inserted.back()) : Status();
    }));
    inserted.pop_back();
    EXPECT_EQ(visited, inserted);
}

TEST_F(StoreContract, WalkEndsWithTheVisitorsError) {
    insert_three_runs();
    int visits = 0;
    const Status walked = for_each_run(*store_, {}, [&visits](const RunRecord&) -> Status {
        ++visits;
        return FINEWATT_ERROR(kIo, "the disk of the export is full");
    });
    EXPECT_ERROR(kIo, walked, "of the export");
    EXPECT_EQ(visits, 1);
}

TEST_F(StoreContract, RecordsComeInTheOrderOfTheirIds) {
    insert_three_runs();
    const std::vector<std::string> ids{std::string(kId2), "01JDCAFE0000000000000000ZZ",
                                       std::string(kId3), "'"};
    ASSERT_OK_AND_ASSIGN(const std::vector<RunRecord> runs, store_->get_all(ids));
    ASSERT_EQ(runs.size(), 2U);
    EXPECT_EQ(runs[0].run_id, kId2);
    EXPECT_EQ(runs[1].run_id, kId3);
    EXPECT_THAT(store_->get_all({}).value(), IsEmpty());
}

TEST_F(StoreContract, DamagedRecordNamesItsRunAndCanBeErased) {
    ASSERT_OK(store_->insert(make_example_run(kId1), {}));
    ASSERT_OK(store_->insert(make_example_run(kId2), {}));
    ledger_.run_sql(fmt::format("UPDATE run_record SET record = '{{}}' WHERE run_id = '{}'", kId1));
    EXPECT_ERROR(kCorrupt, store_->get(kId1), fmt::format("run {}", kId1));
    EXPECT_ERROR(kCorrupt, for_each_run(*store_, {}, [](const RunRecord&) { return Status(); }),
                 fmt::format("run {}", kId1));
    EXPECT_EQ(store_->list({}).value().size(), 2U);
    EXPECT_OK(store_->get(kId2));
    EXPECT_OK(store_->erase(kId1));
}

// ---- Several at once

/// Run `work` in that many processes at once; returns the sum of their exit statuses.
int in_processes(int count, const std::function<int(int process)>& work) {
    std::vector<pid_t> children;
    for (int process = 0; process < count; ++process) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::_exit(work(process));
        }
        children.push_back(child);
    }
    int failures = 0;
    for (const pid_t child : children) {
        int status = -1;
        ::waitpid(child, &status, 0);
        failures += WIFEXITED(status) ? WEXITSTATUS(status) : 100;
    }
    return failures;
}

TEST_F(StoreContract, ProcessesThatWriteAtOnceLoseNothing) {
    constexpr int kRunsEach = 15;
    store_.reset();
    const int failures = in_processes(3, [this](int writer) {
        Result<std::unique_ptr<Store>> mine = ledger_.open();
        int failed = mine ? 0 : 1;
        const std::vector<PowerSeries> series{{"c", "cpu", "measured", {1}, {2}}};
        for (int i = 0; i < kRunsEach && failed == 0; ++i) {
            const std::string id = fmt::format("01JDCAFE0000000000{:04}{:04}", writer, i);
            failed += (*mine)->insert(make_example_run(id), series).has_value() ? 0 : 1;
        }
        return failed;
    });
    EXPECT_EQ(failures, 0);
    ASSERT_OK_AND_ASSIGN(store_, ledger_.open());
    std::vector<std::string> ids = ids_of(store_->list({}));
    EXPECT_EQ(ids.size(), 3U * kRunsEach);
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
    for (const std::string& id : ids) {
        EXPECT_EQ(store_->power_series(id).value().size(), 1U) << id;
    }
}

TEST_F(StoreContract, ProcessesThatImportTheSameRunsStoreEachOnce) {
    store_.reset();
    constexpr int kRuns = 20;
    const int failures = in_processes(3, [this](int) {
        Result<std::unique_ptr<Store>> mine = ledger_.open();
        int failed = mine ? 0 : 1;
        for (int i = 0; i < kRuns && failed == 0; ++i) {
            const std::string id = fmt::format("01JDCAFE00000000000000{:04}", i);
            failed += (*mine)->import_run(make_example_run(id, "same"), {}).has_value() ? 0 : 1;
        }
        return failed;
    });
    EXPECT_EQ(failures, 0);
    ASSERT_OK_AND_ASSIGN(store_, ledger_.open());
    EXPECT_EQ(store_->count({}).value(), static_cast<std::size_t>(kRuns));
}

TEST_F(StoreContract, ProcessesThatTagOneRunLoseNoTag) {
    ASSERT_OK(store_->insert(make_example_run(kId1), {}));
    store_.reset();
    const int failures = in_processes(3, [this](int tagger) {
        Result<std::unique_ptr<Store>> mine = ledger_.open();
        int failed = mine ? 0 : 1;
        for (int i = 0; i < 10 && failed == 0; ++i) {
            const std::vector<std::string> tag{fmt::format("{}-{}", tagger, i)};
            failed += (*mine)->set_tags(kId1, tag, {}).has_value() ? 0 : 1;
        }
        return failed;
    });
    EXPECT_EQ(failures, 0);
    ASSERT_OK_AND_ASSIGN(store_, ledger_.open());
    EXPECT_EQ(store_->get(kId1).value().tags.size(), 30U);
    EXPECT_EQ(store_->list({}).value()[0].tags.size(), 30U);
}

TEST_F(StoreContract, ProcessesThatOpenANewLedgerAtOnceAllSucceed) {
    ASSERT_OK_AND_ASSIGN(const ContractLedger empty, make_contract_ledger());
    const int failures = in_processes(4, [&empty](int process) {
        Result<std::unique_ptr<Store>> mine = empty.open();
        const std::string id = fmt::format("01JDCAFE00000000000000{:04}", process);
        return mine && (*mine)->insert(make_example_run(id), {}) ? 0 : 1;
    });
    EXPECT_EQ(failures, 0);
    ASSERT_OK_AND_ASSIGN(const auto store, empty.open());
    EXPECT_EQ(store->count({}).value(), 4U);
}

TEST_F(StoreContract, WriterBesideAWalkIsNoConflict) {
    insert_three_runs();
    ASSERT_OK_AND_ASSIGN(const auto other, ledger_.open());
    ASSERT_OK(
        for_each_run(*store_, {}, [&](const RunRecord& run) { return other->update(run, {}); }));
    EXPECT_EQ(other->count({}).value(), 3U);
}

}  // namespace
}  // namespace finewatt
