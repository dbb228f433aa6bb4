#include "model_name.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

namespace finewatt {
namespace {

constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

/// A cache with one model, which the environment names.
class ModelName : public ::testing::Test {
  protected:
    ModelName() {
        ::setenv("HF_HUB_CACHE", tree_.path().c_str(), 1);
        put("config.json");
        put("model.safetensors");
        tree_.write("models--org--name/refs/v2", kCommit);
    }

    ~ModelName() override { ::unsetenv("HF_HUB_CACHE"); }

    void put(const std::string& file) { tree_.write(snapshot_ + "/" + file, "x"); }

    const testing::TempTree tree_;
    const std::string snapshot_ = std::string("models--org--name/snapshots/") + kCommit;
};

TEST_F(ModelName, HubNameBecomesItsSnapshot) {
    ASSERT_OK_AND_ASSIGN(const std::string folder, resolve_model_name("org/name@v2"));
    EXPECT_EQ(folder, (tree_.path() / snapshot_).string());
}

TEST_F(ModelName, PathsAndRandomWeightsStayAsTheyAre) {
    for (const std::string& model :
         {std::string("random:config.json"), std::string("/no/such/folder"), std::string("./x"),
          tree_.path().string(), std::string()}) {
        EXPECT_EQ(*resolve_model_name(model), model);
    }
}

TEST_F(ModelName, FolderWithTheFormOfANameWins) {
    const std::filesystem::path before = std::filesystem::current_path();
    tree_.write("org/name/config.json", "x");
    std::filesystem::current_path(tree_.path());
    EXPECT_EQ(*resolve_model_name("org/name"), "org/name");
    std::filesystem::current_path(before);
}

TEST_F(ModelName, AbsentModelTellsTheCommandThatFetchesIt) {
    EXPECT_ERROR(kNotFound, resolve_model_name("org/name"), "`finewatt fetch org/name`");
    EXPECT_ERROR(kNotFound, resolve_model_name("org/name"), "no such folder");
}

}  // namespace
}  // namespace finewatt
