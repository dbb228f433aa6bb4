#include "finewatt/data/dataset.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"
#include "finewatt/testing/temp_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace finewatt {
namespace {

const DatasetOptions& imdb_options() {
    static const DatasetOptions kOptions{.label_names = std::vector<std::string>{"neg", "pos"}};
    return kOptions;
}

/// A folder in aclImdb's form with two splits.
void write_reviews(const testing::TempTree& tree) {
    tree.write("aclImdb/train/pos/10_9.txt", "ten");
    tree.write("aclImdb/train/pos/9_8.txt", "nine");
    tree.write("aclImdb/train/neg/1_2.txt", "one");
    tree.write("aclImdb/train/unsup/3_0.txt", "not labelled");
    tree.write("aclImdb/train/urls_pos.txt", "not a review");
    tree.write("aclImdb/test/pos/0_7.txt", "zero");
    tree.write("aclImdb/test/neg/2_3.txt", "two");
}

std::vector<std::string> texts_of(const Dataset& data) {
    std::vector<std::string> texts;
    for (const Example& example : data.examples) {
        texts.push_back(fmt::format("{} {}", example.label, example.text));
    }
    return texts;
}

TEST(ClassFolder, SubfoldersAreClassesInTheOrderOfTheirNumbers) {
    const testing::TempTree tree;
    write_reviews(tree);
    ASSERT_OK_AND_ASSIGN(const Dataset data,
                         read_dataset(tree.path() / "aclImdb/train", imdb_options()));
    EXPECT_THAT(texts_of(data), ::testing::ElementsAre("0 one", "1 nine", "1 ten"));
}

TEST(ClassFolder, ArchiveReadsAsItsFolder) {
    const testing::TempTree tree;
    write_reviews(tree);
    const auto archive = tree.path() / "aclImdb.tar.gz";
    ASSERT_EQ(std::system(fmt::format("tar czf '{}' -C '{}' aclImdb", archive.string(),
                                      tree.path().string())
                              .c_str()),
              0);
    ASSERT_OK_AND_ASSIGN(const Dataset train, read_dataset(archive / "train", imdb_options()));
    EXPECT_THAT(texts_of(train), ::testing::ElementsAre("0 one", "1 nine", "1 ten"));
    ASSERT_OK_AND_ASSIGN(const Dataset test,
                         read_dataset(archive / "aclImdb/test", imdb_options()));
    EXPECT_THAT(texts_of(test), ::testing::ElementsAre("0 two", "1 zero"));
    EXPECT_ERROR(kInvalidArgument, read_dataset(archive, imdb_options()),
                 "found several: aclImdb/test/, aclImdb/train/; add the name of one");
    EXPECT_ERROR(kInvalidArgument, read_dataset(tree.path() / "aclImdb", imdb_options()),
                 "found several: test/, train/");
    EXPECT_ERROR(kInvalidArgument, read_dataset(archive / "dev", imdb_options()),
                 "a subfolder of .txt files for each class");
}

TEST(ClassFolder, OneSplitInAnArchiveNeedsNoName) {
    const testing::TempTree tree;
    write_reviews(tree);
    const auto archive = tree.path() / "train.tar";
    ASSERT_EQ(std::system(fmt::format("tar cf '{}' -C '{}/aclImdb' train", archive.string(),
                                      tree.path().string())
                              .c_str()),
              0);
    ASSERT_OK_AND_ASSIGN(const Dataset data, read_dataset(archive, imdb_options()));
    EXPECT_EQ(data.examples.size(), 3U);
}

TEST(ClassFolder, BrokenInputNamesTheFile) {
    const testing::TempTree tree;
    tree.write("d/pos/1.txt", "fine");
    tree.write("d/neg/2.txt", "not \xFF utf8");
    EXPECT_ERROR(kCorrupt, read_dataset(tree.path() / "d", imdb_options()), "neg/2.txt: line 1");
    tree.write("d/neg/2.txt", "\n");
    EXPECT_ERROR(kInvalidArgument, read_dataset(tree.path() / "d", imdb_options()),
                 "neg/2.txt: expected a text, found an empty file");
    tree.write("d/neg/2.txt", "ok");
    tree.write("d/odd/2.txt", "ok");
    EXPECT_ERROR(kInvalidArgument, read_dataset(tree.path() / "d", imdb_options()),
                 "odd/2.txt: label 'odd' is not known");
    const auto no_archive = tree.write("x.tar.gz", "no archive at all");
    EXPECT_ERROR(kCorrupt, read_dataset(no_archive, imdb_options()), "expected a whole tar");
}

TEST(ClassFolder, PairsOfTextsAreRefused) {
    const testing::TempTree tree;
    write_reviews(tree);
    const DatasetOptions options{.columns = {{.text = "a", .pair = "b", .label = "c"}}};
    EXPECT_ERROR(kInvalidArgument, read_dataset(tree.path() / "aclImdb/train", options),
                 "a table with pairs of texts");
}

TEST(ClassFolderShared, ImdbArchiveHoldsTheTable) {
    FINEWATT_SHARED_OR_SKIP(archive, "data/imdb/aclImdb_subset.tar.gz");
    FINEWATT_SHARED_OR_SKIP(table, "data/imdb/imdb_4k.tsv.gz");
    ASSERT_OK_AND_ASSIGN(const Dataset train, read_dataset(archive / "train", imdb_options()));
    ASSERT_OK_AND_ASSIGN(const Dataset test, read_dataset(archive / "test", imdb_options()));
    ASSERT_OK_AND_ASSIGN(const Dataset rows, read_dataset(table, imdb_options()));
    EXPECT_EQ(train.examples.size(), 2000U);
    EXPECT_EQ(test.examples.size(), 2000U);
    EXPECT_EQ(rows.examples.size(), 4000U);
    EXPECT_EQ(train.examples.front().label, 0);
    EXPECT_EQ(train.examples.back().label, 1);
}

}  // namespace
}  // namespace finewatt
