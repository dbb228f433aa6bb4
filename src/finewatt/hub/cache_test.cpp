#include "finewatt/hub/cache.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

namespace finewatt::hub {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCommit = "89abcdef0123456789abcdef0123456789abcdef";

class RepoCacheTest : public ::testing::Test {
  protected:
    RepoCache cache(const std::string& text) const { return {settings(), *parse_repo(text)}; }

    HubSettings settings() const {
        HubSettings settings;
        settings.cache = tree_.path();
        return settings;
    }

    /// Put a file into the cache as a download does.
    void put(const std::string& repo, const std::string& path, const std::string& content) const {
        tree_.write(parse_repo(repo)->folder_name() + "/blobs/e-" + content, content);
        ASSERT_OK(cache(repo).link_file(kCommit, path, "e-" + content));
        ASSERT_OK(cache(repo).set_commit(kCommit));
    }

    const testing::TempTree tree_;
};

TEST_F(RepoCacheTest, LayoutIsThatOfHuggingfaceHub) {
    put("org/name", "config.json", "1");
    put("org/name", "data/part.json", "2");
    const fs::path folder = tree_.path() / "models--org--name";
    EXPECT_EQ(*read_file(folder / "refs" / "main"), kCommit);
    const fs::path snapshot = folder / "snapshots" / kCommit;
    EXPECT_EQ(fs::read_symlink(snapshot / "config.json"), "../../blobs/e-1");
    EXPECT_EQ(fs::read_symlink(snapshot / "data" / "part.json"), "../../../blobs/e-2");
    EXPECT_EQ(*read_file(snapshot / "data" / "part.json"), "2");
    EXPECT_EQ(cache("org/name").lock("e").string(),
              (tree_.path() / ".locks/models--org--name/e.lock").string());
}

TEST_F(RepoCacheTest, FilesAreThoseWhoseBytesAreThere) {
    put("n", "config.json", "1");
    put("n", "a/b.json", "2");
    put("n", "gone.json", "3");
    fs::remove(cache("n").blob("e-3"));
    EXPECT_EQ(cache("n").files(kCommit), (std::vector<std::string>{"a/b.json", "config.json"}));
    EXPECT_FALSE(cache("n").has_file(kCommit, "gone.json"));
    EXPECT_EQ(cache("other").files(kCommit), std::vector<std::string>());
}

TEST_F(RepoCacheTest, LinkReplacesADamagedOne) {
    put("n", "config.json", "1");
    put("n", "config.json", "2");
    EXPECT_EQ(*read_file(cache("n").file(kCommit, "config.json")), "2");
    EXPECT_EQ(cache("n").files(kCommit), std::vector<std::string>{"config.json"});
}

TEST_F(RepoCacheTest, RevisionsStandForCommits) {
    put("n@refs/pr/1", "config.json", "1");
    EXPECT_EQ(cache("n@refs/pr/1").commit(), kCommit);
    EXPECT_EQ(cache("n").commit(), std::nullopt);
    EXPECT_EQ(cache(std::string("n@") + kCommit).commit(), kCommit);
    ASSERT_OK(cache(std::string("n@") + kCommit).set_commit(kCommit));
    EXPECT_FALSE(fs::exists(cache("n").folder() / "refs" / kCommit));
    tree_.write("models--n/refs/evil", "../../../etc");
    EXPECT_EQ(cache("n@evil").commit(), std::nullopt);
}

TEST_F(RepoCacheTest, AbsentModelSaysWhereItWasLookedForAndWhatToDo) {
    const auto find = [this](const char* text, RepoType type = RepoType::kModel) {
        return find_snapshot(settings(), *parse_repo(text, type));
    };
    EXPECT_ERROR(kNotFound, find("org/name@v2"), "`finewatt fetch org/name@v2`");
    EXPECT_ERROR(kNotFound, find("org/name"), (tree_.path() / "models--org--name").string());
    EXPECT_ERROR(kNotFound, find("d", RepoType::kDataset), "`finewatt fetch d --dataset`");
    put("n", "config.json", "1");
    EXPECT_ERROR(kNotFound, find("n@v2"), "which commit 'v2' is");
    EXPECT_ERROR(kNotFound, find("n@0000000000000000000000000000000000000000"), "snapshots");
    EXPECT_EQ(*find("n"), cache("n").snapshot(kCommit));
}

TEST_F(RepoCacheTest, ModelNeedsConfigurationAndAllPartsOfItsWeights) {
    const Repo repo = *parse_repo("n");
    put("n", "vocab.txt", "1");
    EXPECT_ERROR(kNotFound, find_model(settings(), repo), "lacks config.json, model.safetensors");
    put("n", "config.json", "2");
    put("n", "model.safetensors.index.json",
        R"({"weight_map":{"a":"m-1.safetensors","b":"m-2.safetensors","c":"m-1.safetensors"}})");
    put("n", "m-1.safetensors", "3");
    EXPECT_ERROR(kNotFound, find_model(settings(), repo), "lacks m-2.safetensors;");
    put("n", "m-2.safetensors", "4");
    EXPECT_EQ(*find_model(settings(), repo), cache("n").snapshot(kCommit));
}

}  // namespace
}  // namespace finewatt::hub
