#include "finewatt/engine/weight_files.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace finewatt {
namespace {

using ::testing::ElementsAre;

/// A folder whose weights a test writes.
class WeightFolder : public ::testing::Test {
  protected:
    /// Write a file of vectors of three numbers, all equal to `value`.
    void write_shard(const std::string& file, const std::vector<std::string>& names, float value) {
        const std::vector<float> values(3, value);
        std::vector<TensorToWrite> tensors;
        for (const std::string& name : names) {
            tensors.push_back({name, {3}, values});
        }
        ASSERT_OK(write_tensor_file(tree_.path() / file, std::move(tensors)));
    }

    void write_index(const std::string& weight_map) {
        tree_.write("model.safetensors.index.json",
                    R"({"metadata": {"total_size": 24}, "weight_map": )" + weight_map + "}");
    }

    Result<WeightFiles> open() const { return WeightFiles::open(tree_.path()); }

    testing::TempTree tree_;
};

TEST_F(WeightFolder, ShardsAreReadAsOneModel) {
    write_shard("a.safetensors", {"w"}, 1);
    write_shard("b.safetensors", {"x", "v"}, 2);
    write_index(R"({"w": "a.safetensors", "x": "b.safetensors", "v": "b.safetensors"})");
    ASSERT_OK_AND_ASSIGN(const WeightFiles files, open());
    EXPECT_THAT(files.names(), ElementsAre("v", "w", "x"));
    ASSERT_OK_AND_ASSIGN(const auto w, files.read_float32("w", {3}));
    ASSERT_OK_AND_ASSIGN(const auto x, files.read_float32("x", {3}));
    EXPECT_THAT(w, ElementsAre(1, 1, 1));
    EXPECT_THAT(x, ElementsAre(2, 2, 2));
    EXPECT_EQ(files.find("y"), nullptr);
    EXPECT_ERROR(kNotFound, files.read_float32("y", {3}), "tensor 'y'");
}

TEST_F(WeightFolder, TheSingleFileWinsOverAnIndex) {
    write_shard("model.safetensors", {"w"}, 5);
    write_index(R"({"w": "a.safetensors"})");
    ASSERT_OK_AND_ASSIGN(const WeightFiles files, open());
    ASSERT_OK_AND_ASSIGN(const auto w, files.read_float32("w", {3}));
    EXPECT_THAT(w, ElementsAre(5, 5, 5));
}

TEST_F(WeightFolder, AMissingShardIsNamed) {
    write_shard("a.safetensors", {"w"}, 1);
    write_index(R"({"w": "a.safetensors", "x": "b.safetensors"})");
    EXPECT_ERROR(kNotFound, open(), "b.safetensors");
    EXPECT_ERROR(kNotFound, open(), "index.json");
}

TEST_F(WeightFolder, ATensorInTwoShardsIsAnError) {
    write_shard("a.safetensors", {"w"}, 1);
    write_shard("b.safetensors", {"x", "w"}, 2);
    write_index(R"({"w": "a.safetensors", "x": "b.safetensors"})");
    EXPECT_ERROR(kCorrupt, open(), "tensor 'w': expected in one shard");
}

TEST_F(WeightFolder, TensorsOfTheIndexThatAreNotThereAreNamed) {
    write_shard("a.safetensors", {"w", "x"}, 1);
    write_shard("b.safetensors", {"v"}, 1);
    write_index(R"({"w": "a.safetensors", "x": "b.safetensors", "v": "b.safetensors",
                    "u": "a.safetensors"})");
    EXPECT_ERROR(kCorrupt, open(), "2 of them missing: u in a.safetensors, x in b.safetensors");
}

TEST_F(WeightFolder, AnIndexMayNotLeaveTheFolder) {
    write_index(R"({"w": "../a.safetensors"})");
    EXPECT_ERROR(kInvalidArgument, open(), "'../a.safetensors'");
}

TEST_F(WeightFolder, ABrokenIndexIsAnError) {
    for (const char* text :
         {"", "[]", "{}", R"({"weight_map": ["a"]})", R"({"weight_map": {"w": 1}})"}) {
        tree_.write("model.safetensors.index.json", text);
        EXPECT_ERROR(kCorrupt, open(), "weight_map");
    }
}

TEST_F(WeightFolder, WithoutWeightsTheErrorSaysWhatToDo) {
    EXPECT_ERROR(kNotFound, open(), "model.safetensors.index.json, found neither");
    tree_.write("pytorch_model.bin", "x");
    EXPECT_ERROR(kNotFound, open(), "convert pytorch_model.bin");
}

TEST_F(WeightFolder, AFileCanBeGivenByItsPath) {
    write_shard("other.safetensors", {"w"}, 4);
    ASSERT_OK_AND_ASSIGN(const WeightFiles files,
                         WeightFiles::open(tree_.path() / "other.safetensors"));
    EXPECT_THAT(files.names(), ElementsAre("w"));
    EXPECT_ERROR(kNotFound, WeightFiles::open(tree_.path() / "none.safetensors"),
                 "none.safetensors");
}

}  // namespace
}  // namespace finewatt
