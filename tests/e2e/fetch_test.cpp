// `finewatt fetch` as a real program, from a hub on the loopback interface.

#include "finewatt/base/file.h"
#include "finewatt/testing/fake_hub.h"

#include <gtest/gtest.h>

#include "program.h"

namespace finewatt::e2e {
namespace {

using testing::FakeHub;
using testing::ServedAnswer;
using testing::ServedRequest;

class Fetch : public ProgramTest {
  protected:
    Fetch() {
        hub_.add_model("org/name");
        set_environment("");
    }

    void set_environment(const std::string& offline) {
        extra_environment_ = {{"HF_ENDPOINT", hub_.endpoint()},
                              {"HF_HOME", (tree_.path() / "hf").string()},
                              {"HF_HUB_OFFLINE", offline},
                              {"no_proxy", "127.0.0.1,localhost"}};
        // What the machine's own user has set must play no part.
        for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN",
                                 "HF_TOKEN_PATH", "TRANSFORMERS_OFFLINE"}) {
            extra_environment_.emplace_back(name, "");
        }
    }

    std::filesystem::path snapshot() const {
        return tree_.path() / "hf" / "hub" / "models--org--name" / "snapshots" / FakeHub::kCommit;
    }

    FakeHub hub_;
};

TEST_F(Fetch, LastLineIsTheFolderWithTheFiles) {
    const auto result = finewatt({"fetch", "org/name"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    EXPECT_THAT(result.stdout_text, ::testing::EndsWith("\n" + snapshot().string() + "\n"));
    EXPECT_THAT(result.stdout_text, ::testing::HasSubstr("model.safetensors"));
    EXPECT_THAT(result.stdout_text, ::testing::HasSubstr("200.0 kB"));
    EXPECT_EQ(*read_file(snapshot() / "model.safetensors"), FakeHub::weights());
    EXPECT_FALSE(std::filesystem::exists(snapshot() / "pytorch_model.bin"));
}

TEST_F(Fetch, JsonIsOneDocument) {
    ASSERT_EQ(finewatt({"fetch", "--include", "*.json", "--include", "vocab.txt", "org/name"})
                  .exit_status,
              0);
    const auto result = finewatt({"fetch", "--json", "org/name"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json document = nlohmann::json::parse(result.stdout_text, nullptr, false);
    EXPECT_EQ(document["name"], "org/name");
    EXPECT_EQ(document["type"], "model");
    EXPECT_EQ(document["revision"], "main");
    EXPECT_EQ(document["commit"], FakeHub::kCommit);
    EXPECT_EQ(document["folder"], snapshot().string());
    EXPECT_EQ(document["downloaded_bytes"], 200'000);
    EXPECT_EQ(document["files"].size(), 6U);
    EXPECT_EQ(document["files"][0],
              (nlohmann::json{{"path", "config.json"}, {"size_bytes", 21}, {"state", "cached"}}));
    EXPECT_EQ(document["files"][1]["state"], "downloaded");
}

TEST_F(Fetch, DataSetAndRevisionGoWhereTheyBelong) {
    hub_.add("datasets/org/data", "train.tsv", "text\tlabel\n");
    const auto result = finewatt({"fetch", "org/data@refs/pr/1", "--dataset"});
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const auto folder = tree_.path() / "hf" / "hub" / "datasets--org--data";
    EXPECT_EQ(*read_file(folder / "refs" / "refs" / "pr" / "1"), FakeHub::kCommit);
    EXPECT_EQ(*read_file(folder / "snapshots" / FakeHub::kCommit / "train.tsv"), "text\tlabel\n");
}

TEST_F(Fetch, FailuresHaveTheirExitStatusAndPrintNoDocument) {
    const std::vector<std::tuple<std::vector<std::string>, int, std::string>> cases{
        {{"fetch", "--json", "org/absent"}, 4, "there is no model org/absent"},
        {{"fetch", "--json", "org/name@v9"}, 4, "'v9'"},
        {{"fetch", "--json", "a/b/c"}, 2, "expected the name of a model"},
        {{"fetch", "--json", "org/name", "--include", "*.h5"}, 4, "no file matches"},
        {{"fetch", "--json", "org/name", "--all", "--include", "*"}, 2, "--all"},
        {{"fetch"}, 2, "name"}};
    for (const auto& [arguments, status, text] : cases) {
        const auto result = finewatt(arguments);
        EXPECT_EQ(result.exit_status, status) << result.stderr_text;
        EXPECT_EQ(result.stdout_text, "") << text;
        EXPECT_THAT(result.stderr_text, ::testing::HasSubstr(text));
    }
    hub_.hub().stop();
    const auto result = finewatt({"fetch", "org/name"});
    EXPECT_EQ(result.exit_status, 5);
    EXPECT_THAT(result.stderr_text, ::testing::HasSubstr("no connection to the hub"));
}

TEST_F(Fetch, GatedModelNeedsTheTokenWhichIsNeverShown) {
    hub_.override_hub([](const ServedRequest& request) -> std::optional<ServedAnswer> {
        const auto token = request.headers.find("authorization");
        if (token != request.headers.end() && token->second == "Bearer hf_secret") {
            return std::nullopt;
        }
        return ServedAnswer{401, "", {{"X-Error-Code", "GatedRepo"}}};
    });
    const auto refused = finewatt({"fetch", "org/name"});
    EXPECT_EQ(refused.exit_status, 4);
    EXPECT_THAT(refused.stderr_text, ::testing::HasSubstr("HF_TOKEN"));
    tree_.write("hf/token", "hf_secret\n");
    const auto granted = finewatt({"fetch", "org/name", "-v"});
    EXPECT_EQ(granted.exit_status, 0) << granted.stderr_text;
    EXPECT_THAT(granted.stdout_text + granted.stderr_text,
                ::testing::Not(::testing::HasSubstr("hf_secret")));
}

TEST_F(Fetch, OfflineItOnlyLooks) {
    ASSERT_EQ(finewatt({"fetch", "org/name"}).exit_status, 0);
    const std::size_t asked = hub_.hub().requests().size();
    set_environment("1");
    const auto known = finewatt({"fetch", "org/name", "--json"});
    EXPECT_EQ(known.exit_status, 0) << known.stderr_text;
    EXPECT_EQ(last_line_json(known.stdout_text)["folder"], snapshot().string());
    const auto unknown = finewatt({"fetch", "org/other"});
    EXPECT_EQ(unknown.exit_status, 4);
    EXPECT_THAT(unknown.stderr_text, ::testing::HasSubstr("HF_HUB_OFFLINE"));
    EXPECT_EQ(hub_.hub().requests().size(), asked);
}

TEST_F(Fetch, FinetuneTellsHowToGetAModelThatIsNotThere) {
    const auto data = tree_.write("train.tsv", "text\tlabel\na\t0\nb\t1\n").string();
    const auto result = finewatt({"finetune", "--model", "org/name", "--data", data});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_THAT(result.stderr_text, ::testing::HasSubstr("`finewatt fetch org/name`"));
    EXPECT_EQ(hub_.hub().requests().size(), 0U) << "training must not download in silence";
}

}  // namespace
}  // namespace finewatt::e2e
