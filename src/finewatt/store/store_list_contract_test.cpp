// What every Store promises of its lists; part of the same suite as store_contract_test.cpp.
#include "finewatt/store/store.h"
#include "finewatt/store/store_contract_test_internal.h"
#include "finewatt/testing/matchers.h"

#include <algorithm>
#include <string>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST_F(StoreContract, ListIsNewestFirstAndFilters) {
    insert_three_runs();
    EXPECT_THAT(ids_of(store_->list({})), ElementsAre(kId3, kId2, kId1));
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

TEST_F(StoreContract, OverviewKeepsUnknownApartFromZero) {
    RunRecord known = make_example_run(kId1);
    known.duration_s = 0.0;
    known.tags = {"b", "a"};
    RunRecord unknown = make_example_run(kId2);
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

TEST_F(StoreContract, ListFiltersByEndOfTimeAndEnergy) {
    insert_three_runs();
    RunRecord unknown = make_example_run("01JF00D0000000000000000009");
    unknown.energy = {};
    ASSERT_OK(store_->insert(unknown, {}));
    EXPECT_THAT(filtered([](RunFilter& f) {
                    f.since = hours_after_start(1);
                    f.until = hours_after_start(2);
                }),
                ElementsAre(kId2));
    EXPECT_THAT(filtered([](RunFilter& f) { f.min_energy = joules(12.5); }),
                ElementsAre(kId3, kId2, kId1));
    EXPECT_THAT(filtered([](RunFilter& f) { f.min_energy = joules(12.6); }), IsEmpty());
    EXPECT_THAT(filtered([](RunFilter& f) { f.max_energy = joules(1e9); }),
                ElementsAre(kId3, kId2, kId1));
}

TEST_F(StoreContract, ListIsOrderedByAnyColumnAndTheUnknownComeLast) {
    const auto insert = [this](std::string_view id, const char* name,
                               std::optional<double> energy_j, std::optional<double> co2_kg) {
        RunRecord run = make_example_run(id);
        run.name = name == nullptr ? std::nullopt : std::optional<std::string>(name);
        run.duration_s = energy_j;
        run.energy.energy = energy_j ? std::optional(joules(*energy_j)) : std::nullopt;
        run.carbon.emplace().co2_kg = co2_kg;
        ASSERT_OK(store_->insert(run, {}));
    };
    insert(kId1, "b", 3, std::nullopt);
    insert(kId2, nullptr, 20, 2);
    insert(kId3, "B", std::nullopt, 1);
    const auto ordered = [this](RunOrder order, bool is_ascending) {
        return filtered([&](RunFilter& filter) {
            filter.order = order;
            filter.is_ascending = is_ascending;
        });
    };
    EXPECT_THAT(ordered(RunOrder::kStarted, true), ElementsAre(kId1, kId2, kId3));
    EXPECT_THAT(ordered(RunOrder::kEnergy, false), ElementsAre(kId2, kId1, kId3));
    EXPECT_THAT(ordered(RunOrder::kEnergy, true), ElementsAre(kId1, kId2, kId3));
    EXPECT_THAT(ordered(RunOrder::kDuration, false), ElementsAre(kId2, kId1, kId3));
    EXPECT_THAT(ordered(RunOrder::kDuration, true), ElementsAre(kId1, kId2, kId3));
    EXPECT_THAT(ordered(RunOrder::kCo2, false), ElementsAre(kId2, kId3, kId1));
    EXPECT_THAT(ordered(RunOrder::kName, true), ElementsAre(kId3, kId1, kId2)) << "by bytes";
    EXPECT_THAT(ordered(RunOrder::kName, false), ElementsAre(kId1, kId3, kId2));
}

TEST_F(StoreContract, PagesOfAListJoinToTheWhole) {
    insert_three_runs();
    const auto page = [this](std::optional<std::size_t> limit, std::size_t offset) {
        return filtered([&](RunFilter& filter) {
            filter.limit = limit;
            filter.offset = offset;
        });
    };
    EXPECT_THAT(page(2, 0), ElementsAre(kId3, kId2));
    EXPECT_THAT(page(2, 2), ElementsAre(kId1));
    EXPECT_THAT(page(2, 3), IsEmpty());
    EXPECT_THAT(page(std::nullopt, 1), ElementsAre(kId2, kId1));
    EXPECT_THAT(page(std::numeric_limits<std::size_t>::max(), 1), ElementsAre(kId2, kId1));
    EXPECT_THAT(page(1, std::numeric_limits<std::size_t>::max()), IsEmpty());
}

TEST_F(StoreContract, CountIsThatOfTheWholeList) {
    insert_three_runs();
    RunFilter filter;
    EXPECT_EQ(store_->count(filter).value(), 3U);
    filter.name = "beta";
    filter.limit = 1;
    filter.offset = 1;
    EXPECT_EQ(store_->count(filter).value(), 2U);
    filter.name = "gamma";
    EXPECT_EQ(store_->count(filter).value(), 0U);
}

TEST_F(StoreContract, TextIsFoundInIdNameKindTagsAndSettings) {
    RunRecord run = make_example_run(kId1, "Nightly");
    run.kind = "pre-training";
    run.tags = {"Paper"};
    run.settings["model"] = "bert-base-uncased";
    run.settings["batch"] = std::int64_t{4096};
    ASSERT_OK(store_->insert(run, {}));
    ASSERT_OK(store_->insert(make_example_run(kId3), {}));
    const auto with_text = [this](const std::string& text) {
        return filtered([&](RunFilter& filter) { filter.text = text; });
    };
    for (const char* text : {"night", "NIGHTLY", "e-train", "paper", "T-BASE", "01jdcafe"}) {
        EXPECT_THAT(with_text(text), ElementsAre(kId1)) << text;
    }
    EXPECT_THAT(with_text("4096"), IsEmpty()) << "numbers are no texts";
    EXPECT_THAT(with_text("energy_j"), IsEmpty()) << "nor are the names of fields";
    EXPECT_THAT(with_text(""), ElementsAre(kId3, kId1));
    run.name = "weekly";
    ASSERT_OK(store_->update(run));
    EXPECT_THAT(with_text("nightly"), IsEmpty());
    EXPECT_THAT(with_text("weekly"), ElementsAre(kId1));
}

TEST_F(StoreContract, WildcardsInATextFilterMeanThemselves) {
    ASSERT_OK(store_->insert(make_example_run(kId1, "abc"), {}));
    for (const char* text : {"%", "a%c", "_", "a_c", "a*", "a?c", "[a]bc", ".", "a.c", "\\"}) {
        EXPECT_THAT(filtered([&](RunFilter& f) { f.text = text; }), IsEmpty()) << text;
    }
}

}  // namespace
}  // namespace finewatt
