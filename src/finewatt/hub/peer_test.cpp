// The cache against the Python package huggingface_hub, live: each reads what the other fetched
// from the same hub, and waits for the other's locks. Skipped where the Python environment
// (FINEWATT_VENV, default build/venv) is absent.
#include "finewatt/base/subprocess.h"
#include "finewatt/hub/file_lock_internal.h"
#include "finewatt/testing/hub_fixture.h"
#include "finewatt/testing/places.h"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <thread>

namespace finewatt::hub {
namespace {

using testing::FakeHub;

class HubPeer : public testing::FetchTest {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(testing::venv_python())) {
            GTEST_SKIP() << "no Python environment: " << testing::venv_python()
                         << " (run scripts/setup, or set "
                         << "FINEWATT_VENV)";
        }
        hub_.add_model("org/name");
    }

    SubprocessOptions peer_options(const std::vector<std::string>& arguments) const {
        SubprocessOptions options;
        options.argv = {testing::venv_python().string(),
                        testing::source_dir() + "/tests/parity/hub_peer.py"};
        options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
        options.environment = {{"HF_HUB_CACHE", settings_.cache.string()},
                               {"HF_HOME", tree_.path().string()},
                               {"HF_ENDPOINT", hub_.endpoint()},
                               {"HF_HUB_DISABLE_TELEMETRY", "1"},
                               {"HF_TOKEN", ""},
                               {"HF_HUB_OFFLINE", ""},
                               {"TRANSFORMERS_OFFLINE", ""},
                               {"PYTHONDONTWRITEBYTECODE", "1"},
                               {"no_proxy", "127.0.0.1,localhost"}};
        options.timeout = std::chrono::seconds(120);
        return options;
    }

    nlohmann::json peer(const std::vector<std::string>& arguments) const {
        const Result<SubprocessResult> result = run_subprocess(peer_options(arguments));
        if (!result || !result->succeeded()) {
            ADD_FAILURE() << (result ? result->stderr_text : result.error().describe());
            return {};
        }
        return nlohmann::json::parse(result->stdout_text, nullptr, false);
    }
};

TEST_F(HubPeer, ItReadsWhatWeFetched) {
    ASSERT_OK_AND_ASSIGN(const FetchResult ours, fetch_model("org/name"));
    std::vector<std::string> arguments{"read", "org/name"};
    for (const std::string& path : paths(ours)) {
        arguments.push_back(path);
    }
    const nlohmann::json theirs = peer(arguments);
    EXPECT_EQ(theirs["snapshot"], ours.folder.string());
    EXPECT_EQ(theirs["files"].size(), 6U);
    for (const std::string& path : paths(ours)) {
        EXPECT_EQ(theirs["files"][path], (ours.folder / path).string());
    }
}

TEST_F(HubPeer, WeReadWhatItDownloaded) {
    const nlohmann::json theirs = peer({"download", "org/name"});
    EXPECT_EQ(theirs["snapshot"], find_model(settings_, *parse_repo("org/name"))->string());
    settings_.is_offline = true;
    ASSERT_OK_AND_ASSIGN(const FetchResult ours, fetch_model("org/name"));
    EXPECT_EQ(theirs["snapshot"], ours.folder.string());
    EXPECT_EQ(ours.files.size(), 6U);
    EXPECT_EQ(*read_file(ours.folder / "model.safetensors"), FakeHub::weights());
}

TEST_F(HubPeer, NeitherDownloadsWhatTheOtherHas) {
    peer({"download", "org/name"});
    const std::size_t before = hub_.storage().requests().size();
    FetchOptions all;
    all.all = true;
    ASSERT_OK_AND_ASSIGN(const FetchResult ours, fetch_model("org/name", all));
    EXPECT_EQ(ours.files.size(), 9U);
    EXPECT_EQ(ours.downloaded_bytes, 0U);

    hub_.add_model("org/other");
    ASSERT_OK(fetch_model("org/other", all));
    const std::size_t fetched = hub_.storage().requests().size();
    EXPECT_GT(fetched, before);
    peer({"download", "org/other"});
    EXPECT_EQ(hub_.storage().requests().size(), fetched);
}

TEST_F(HubPeer, ItsLockHoldsUsBack) {
    // The peer's standard input is a pipe of ours: it lets go when we close it.
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const std::string etag = FakeHub::sha256(FakeHub::weights());
    SubprocessOptions options = peer_options({"lock", "org/name", etag});
    options.argv = {"/bin/sh",
                    "-c",
                    "exec \"$0\" \"$@\" <&3 >" + (tree_.path() / "said").string(),
                    options.argv[0],
                    options.argv[1],
                    options.argv[2],
                    options.argv[3],
                    options.argv[4]};
    options.inherited = {{ends[0], 3}};
    std::thread holder([&options] { EXPECT_OK(run_subprocess(options)); });
    while (read_file(tree_.path() / "said").value_or("") != "locked\n") {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    bool has_waited = false;
    ASSERT_OK(FileLock::acquire(cache("org/name").lock(etag), [&] {
        has_waited = true;
        ::close(ends[1]);
    }));
    EXPECT_TRUE(has_waited);
    holder.join();
    ::close(ends[0]);
}

}  // namespace
}  // namespace finewatt::hub
