#include "finewatt/data/task.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finewatt {
namespace {

using ::testing::ElementsAre;

TEST(FindTask, KnowsEveryNameOfTheList) {
    EXPECT_THAT(task_names(),
                ElementsAre("rte", "mnli", "sst2", "imdb", "squad", "squad_v2", "conll2003",
                            "conll2012", "classification", "pair-classification", "qa", "ner"));
    for (const std::string_view name : task_names()) {
        const auto task = find_task(name);
        ASSERT_TRUE(task.has_value()) << name;
        EXPECT_EQ(task->name, name);
    }
    EXPECT_FALSE(find_task("RTE").has_value());
}

TEST(FindTask, ClassesStandInTheOrderOfTheHub) {
    EXPECT_THAT(find_task("rte")->label_names, ElementsAre("entailment", "not_entailment"));
    EXPECT_THAT(find_task("mnli")->label_names,
                ElementsAre("entailment", "neutral", "contradiction"));
    EXPECT_THAT(find_task("sst2")->label_names, ElementsAre("negative", "positive"));
    EXPECT_THAT(find_task("imdb")->label_names, ElementsAre("neg", "pos"));
    EXPECT_EQ(find_task("conll2003")->label_names.front(), "O");
    EXPECT_TRUE(find_task("ner")->label_names.empty());
}

TEST(FindTask, RecipesAreThePublishedOnes) {
    EXPECT_EQ(find_task("imdb")->recipe.epochs, 5);
    EXPECT_EQ(find_task("squad")->recipe.max_length, 384);
    EXPECT_EQ(find_task("squad_v2")->recipe.doc_stride, 128);
    EXPECT_TRUE(find_task("squad_v2")->has_no_answer);
    EXPECT_FALSE(find_task("squad")->has_no_answer);
    EXPECT_DOUBLE_EQ(find_task("rte")->recipe.lr, 2e-5);
    EXPECT_EQ(find_task("ner")->recipe.batch, 8);
}

TEST(ChooseColumns, TakesThePlaceOfTheTasksInEverySet) {
    Task task = *find_task("mnli");
    choose_columns(task, {.label = "mine"});
    EXPECT_EQ(task.columns.label, "mine");
    EXPECT_EQ(task.columns.text, "premise");
    ASSERT_FALSE(task.other_columns.empty());
    for (const ColumnNames& columns : task.other_columns) {
        EXPECT_EQ(columns.label, "mine");
        EXPECT_TRUE(columns.pair.has_value());
    }
}

}  // namespace
}  // namespace finewatt
