#include "finewatt/hub/settings.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <map>

namespace finewatt::hub {
namespace {

using Variables = std::map<std::string, std::string>;

Result<HubSettings> read(const Variables& variables) {
    return HubSettings::from_environment(
        [&variables](const std::string& name) -> std::optional<std::string> {
            const auto found = variables.find(name);
            return found == variables.end() ? std::nullopt : std::optional(found->second);
        });
}

TEST(HubSettings, CacheFollowsTheVariablesInTheirOrder) {
    const std::vector<std::pair<Variables, std::string>> cases{
        {{{"HOME", "/h"}}, "/h/.cache/huggingface/hub"},
        {{{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}}, "/x/huggingface/hub"},
        {{{"HOME", "/h"}, {"HF_HOME", "~/hf"}}, "/h/hf/hub"},
        {{{"HF_HOME", "/hf"}, {"XDG_CACHE_HOME", "/x"}}, "/hf/hub"},
        {{{"HF_HOME", "/hf"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}, "/old"},
        {{{"HF_HOME", "/hf"}, {"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new"}}, "/new"},
        {{{"HF_HOME", "/hf"}, {"HF_HUB_CACHE", ""}}, "/hf/hub"},
        {{{"HF_HOME", "$SCRATCH/hf"}, {"SCRATCH", "/s"}}, "/s/hf/hub"},
        {{{"HF_HOME", "/a${SCRATCH}b"}, {"SCRATCH", "/s"}}, "/a/sb/hub"},
        {{{"HF_HOME", "/a/$ABSENT/${ABSENT}/$/${"}}, "/a/$ABSENT/${ABSENT}/$/${/hub"},
        {{{"HF_HUB_CACHE", "here"}, {"HOME", "/h"}},
         (std::filesystem::current_path() / "here").string()},
    };
    for (const auto& [variables, cache] : cases) {
        ASSERT_OK_AND_ASSIGN(const HubSettings settings, read(variables));
        EXPECT_EQ(settings.cache.string(), cache);
    }
}

TEST(HubSettings, WithoutAHomeThePlaceIsAskedFor) {
    EXPECT_ERROR(kInvalidArgument, read({}), "HF_HOME");
}

TEST(HubSettings, TokenComesFromVariableThenFile) {
    const testing::TempTree tree;
    tree.write("token", "of the file\n");
    const auto other = tree.write("other", " other\r\n");
    const std::string home = tree.path().string();
    EXPECT_EQ(read({{"HF_HOME", home}})->token, "of the file");
    EXPECT_EQ(read({{"HF_HOME", home}, {"HF_TOKEN", " t\n"}})->token, "t");
    EXPECT_EQ(read({{"HF_HOME", home}, {"HUGGING_FACE_HUB_TOKEN", "old"}})->token, "old");
    EXPECT_EQ(read({{"HF_HOME", home}, {"HF_TOKEN_PATH", other.string()}})->token, "other");
    EXPECT_EQ(read({{"HF_HOME", home}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"}})->token,
              std::nullopt);
    EXPECT_EQ(read({{"HF_HOME", home + "/absent"}})->token, std::nullopt);
}

TEST(HubSettings, OfflineIsSaidByEitherVariable) {
    const auto is_offline = [](Variables variables) {
        variables["HF_HOME"] = "/nowhere";
        return read(variables)->is_offline;
    };
    EXPECT_FALSE(is_offline({}));
    EXPECT_TRUE(is_offline({{"HF_HUB_OFFLINE", "1"}}));
    EXPECT_TRUE(is_offline({{"HF_HUB_OFFLINE", "yes"}}));
    EXPECT_TRUE(is_offline({{"TRANSFORMERS_OFFLINE", "True"}}));
    EXPECT_FALSE(is_offline({{"HF_HUB_OFFLINE", "0"}, {"TRANSFORMERS_OFFLINE", "1"}}));
}

TEST(HubSettings, EndpointAndTimesAreChecked) {
    const Variables home{{"HF_HOME", "/nowhere"}};
    EXPECT_EQ(read(home)->endpoint, "https://huggingface.co");
    const auto with = [&home](const std::string& name, const std::string& value) {
        Variables all = home;
        all[name] = value;
        return read(all);
    };
    EXPECT_EQ(with("HF_ENDPOINT", "http://mirror/hub//")->endpoint, "http://mirror/hub");
    EXPECT_ERROR(kInvalidArgument, with("HF_ENDPOINT", "mirror"), "HF_ENDPOINT");
    EXPECT_EQ(with("HF_HUB_ETAG_TIMEOUT", "3")->answer_timeout.count(), 3);
    EXPECT_EQ(with("HF_HUB_DOWNLOAD_TIMEOUT", "60")->stall_timeout.count(), 60);
    EXPECT_ERROR(kInvalidArgument, with("HF_HUB_ETAG_TIMEOUT", "3s"), "HF_HUB_ETAG_TIMEOUT");
    EXPECT_ERROR(kInvalidArgument, with("HF_HUB_ETAG_TIMEOUT", "0"), "from 1 on");
    EXPECT_EQ(with("REQUESTS_CA_BUNDLE", "/ca.pem")->ca_file, "/ca.pem");
}

}  // namespace
}  // namespace finewatt::hub
