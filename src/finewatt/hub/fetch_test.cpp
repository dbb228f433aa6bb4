// What a fetch brings, from a hub on the loopback interface.
#include "finewatt/hub/fetch.h"

#include "finewatt/hub/file_lock_internal.h"
#include "finewatt/testing/hub_fixture.h"

#include <future>
#include <thread>

namespace finewatt::hub {
namespace {

namespace fs = std::filesystem;
using testing::FakeHub;
using testing::ServedAnswer;
using testing::ServedRequest;

class Fetch : public testing::FetchTest {};

TEST_F(Fetch, ModelBringsWhatFinewattNeedsAndNoMore) {
    hub_.add_model("org/name");
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("org/name"));
    EXPECT_EQ(paths(result), (std::vector<std::string>{"config.json", "model.safetensors",
                                                       "special_tokens_map.json", "tokenizer.json",
                                                       "tokenizer_config.json", "vocab.txt"}));
    EXPECT_EQ(result.commit, FakeHub::kCommit);
    EXPECT_EQ(result.folder, cache("org/name").snapshot(FakeHub::kCommit));
    EXPECT_EQ(*read_file(result.folder / "model.safetensors"), FakeHub::weights());
    EXPECT_EQ(*read_file(result.folder / "vocab.txt"), "[PAD]\n[UNK]\n");
    EXPECT_EQ(file_of(result, "model.safetensors").size_bytes, FakeHub::weights().size());
    EXPECT_EQ(file_of(result, "model.safetensors").state, FileState::kDownloaded);
    EXPECT_EQ(*find_model(settings_, *parse_repo("org/name")), result.folder);
    EXPECT_EQ(*read_file(cache("org/name").folder() / "refs" / "main"), FakeHub::kCommit);
    EXPECT_TRUE(fs::exists(weights_blob("org/name")));
    EXPECT_FALSE(fs::exists(partial_weights("org/name")));
}

TEST_F(Fetch, SecondFetchAsksOnlyForTheListing) {
    hub_.add_model("org/name");
    ASSERT_OK(fetch_model("org/name"));
    const std::size_t before = hub_.hub().requests().size();
    ASSERT_OK_AND_ASSIGN(const FetchResult again, fetch_model("org/name"));
    EXPECT_EQ(hub_.hub().requests().size(), before + 1);
    EXPECT_EQ(again.downloaded_bytes, 0U);
    EXPECT_EQ(file_of(again, "model.safetensors").state, FileState::kCached);
    EXPECT_EQ(file_of(again, "model.safetensors").size_bytes, FakeHub::weights().size());
}

TEST_F(Fetch, RevisionIsAskedForAndRemembered) {
    hub_.add_model("n");
    ASSERT_OK(fetch_model("n@refs/pr/1"));
    EXPECT_EQ(hub_.hub().requests().at(0).target, "/api/models/n/revision/refs%2Fpr%2F1");
    EXPECT_EQ(cache("n@refs/pr/1").commit(), FakeHub::kCommit);
    EXPECT_EQ(cache("n").commit(), std::nullopt);
    EXPECT_ERROR(kNotFound, fetch_model("n@v9"), "no branch, tag or commit 'v9'");
}

TEST_F(Fetch, IncludeTakesTheGlobsInsteadOfTheUsualFiles) {
    hub_.add_model("n");
    FetchOptions options;
    options.include = {"*.bin", "onnx/"};
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("n", options));
    EXPECT_EQ(paths(result), (std::vector<std::string>{"onnx/config.json", "pytorch_model.bin"}));
    options.include = {"*.bin", "*.h5"};
    EXPECT_ERROR(kNotFound, fetch_model("n", options), "no file matches --include *.h5; there are");
    options.include.clear();
    options.all = true;
    ASSERT_OK_AND_ASSIGN(const FetchResult all, fetch_model("n", options));
    EXPECT_EQ(all.files.size(), 9U);
}

TEST_F(Fetch, DataSetBringsAllItsFiles) {
    hub_.add("datasets/org/data", "data/train.tsv", "text\tlabel\n");
    hub_.add("datasets/org/data", "README.md", "read me");
    ASSERT_OK_AND_ASSIGN(const Repo repo, parse_repo("org/data", RepoType::kDataset));
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch(settings_, repo));
    EXPECT_EQ(paths(result), (std::vector<std::string>{"README.md", "data/train.tsv"}));
    EXPECT_EQ(*read_file(settings_.cache / "datasets--org--data" / "snapshots" / FakeHub::kCommit /
                         "data" / "train.tsv"),
              "text\tlabel\n");
}

TEST_F(Fetch, FileNamesAreEncodedInAddresses) {
    hub_.add("datasets/d", "a b#%.txt", "x");
    ASSERT_OK_AND_ASSIGN(const Repo repo, parse_repo("d", RepoType::kDataset));
    EXPECT_ERROR(kNotFound, fetch(settings_, repo), "a b#%.txt");  // the fake hub decodes nothing
    EXPECT_EQ(hub_.hub().requests().at(1).target,
              std::string("/datasets/d/resolve/") + FakeHub::kCommit + "/a%20b%23%25.txt");
}

TEST_F(Fetch, InterruptedDownloadGoesOnWhereItStopped) {
    hub_.add_model("n");
    fs::create_directories(cache("n").folder() / "blobs");
    ASSERT_OK(write_file_atomically(partial_weights("n"), FakeHub::weights().substr(0, 150'000)));
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("n"));
    EXPECT_EQ(file_of(result, "model.safetensors").state, FileState::kResumed);
    EXPECT_EQ(*read_file(result.folder / "model.safetensors"), FakeHub::weights());
    ASSERT_EQ(hub_.storage().requests().size(), 1U);
    EXPECT_EQ(hub_.storage().requests().at(0).headers.at("range"), "bytes=150000-");
    EXPECT_LT(result.downloaded_bytes, FakeHub::weights().size());
}

TEST_F(Fetch, WholePartialFileIsOnlyChecked) {
    hub_.add_model("n");
    fs::create_directories(cache("n").folder() / "blobs");
    ASSERT_OK(write_file_atomically(partial_weights("n"), FakeHub::weights()));
    ASSERT_OK(fetch_model("n"));
    EXPECT_EQ(hub_.storage().requests().size(), 0U);
    EXPECT_EQ(*read_file(weights_blob("n")), FakeHub::weights());
}

TEST_F(Fetch, DamagedPartialFileIsFetchedAnew) {
    hub_.add_model("n");
    fs::create_directories(cache("n").folder() / "blobs");
    ASSERT_OK(write_file_atomically(partial_weights("n"), std::string(150'000, 'x')));
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("n"));
    EXPECT_EQ(file_of(result, "model.safetensors").state, FileState::kDownloaded);
    EXPECT_EQ(*read_file(weights_blob("n")), FakeHub::weights());
}

TEST_F(Fetch, ServerWithoutRangesSendsTheWholeFileAgain) {
    hub_.add_model("n");
    hub_.override_storage([](const ServedRequest&) {
        return ServedAnswer{200, FakeHub::weights()};
    });
    fs::create_directories(cache("n").folder() / "blobs");
    ASSERT_OK(write_file_atomically(partial_weights("n"), std::string(150'000, 'x')));
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("n"));
    EXPECT_EQ(file_of(result, "model.safetensors").state, FileState::kDownloaded);
    EXPECT_EQ(*read_file(weights_blob("n")), FakeHub::weights());
    EXPECT_EQ(hub_.storage().requests().size(), 1U);
}

TEST_F(Fetch, BlobOfTheWrongSizeIsReplaced) {
    hub_.add_model("n");
    fs::create_directories(cache("n").folder() / "blobs");
    ASSERT_OK(write_file_atomically(weights_blob("n"), "cut off"));
    ASSERT_OK(fetch_model("n"));
    EXPECT_EQ(*read_file(weights_blob("n")), FakeHub::weights());
}

TEST_F(Fetch, ConnectionThatBreaksIsTakenUpAgain) {
    hub_.add_model("n");
    int times = 0;
    hub_.override_storage([&times](const ServedRequest& request) -> std::optional<ServedAnswer> {
        if (++times > 3) {
            return std::nullopt;
        }
        const ServedAnswer rest = FakeHub::serve(request, FakeHub::weights());
        std::string raw =
            fmt::format("HTTP/1.1 {} x\r\nContent-Length: {}\r\n", rest.status, rest.body.size());
        for (const auto& [name, value] : rest.headers) {
            raw += fmt::format("{}: {}\r\n", name, value);
        }
        ServedAnswer cut;
        cut.raw = raw + "\r\n" + rest.body.substr(0, 30'000);
        return cut;
    });
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("n"));
    EXPECT_EQ(*read_file(weights_blob("n")), FakeHub::weights());
    EXPECT_EQ(file_of(result, "model.safetensors").state, FileState::kDownloaded);
    EXPECT_EQ(hub_.storage().requests().back().headers.at("range"), "bytes=90000-");
}

TEST_F(Fetch, OneProcessWaitsForTheOther) {
    hub_.add_model("n");
    const fs::path lock_file = cache("n").lock(FakeHub::sha256(FakeHub::weights()));
    fs::create_directories(lock_file.parent_path());
    Result<FileLock> other = FileLock::acquire(lock_file, {});
    ASSERT_OK(other);
    std::promise<void> is_waiting;
    FetchOptions options;
    options.on_progress = [&is_waiting](const FetchProgress& progress) {
        if (progress.is_waiting) {
            is_waiting.set_value();
        }
    };
    auto fetched = std::async(std::launch::async, [&] { return fetch_model("n", options); });
    is_waiting.get_future().wait();
    // The other process finishes and lets go.
    ASSERT_OK(write_file_atomically(weights_blob("n"), FakeHub::weights()));
    other = FINEWATT_ERROR(kCancelled, "let go");
    const Result<FetchResult> result = fetched.get();
    ASSERT_OK(result);
    EXPECT_EQ(file_of(*result, "model.safetensors").state, FileState::kCached);
    EXPECT_EQ(hub_.storage().requests().size(), 0U);
}

TEST_F(Fetch, ProgressEndsWithAllBytesOfAllFiles) {
    hub_.add_model("n");
    std::uint64_t last = 0;
    FetchProgress end;
    FetchOptions options;
    options.on_progress = [&](const FetchProgress& progress) {
        EXPECT_GE(progress.done_bytes, last);
        last = progress.done_bytes;
        end = progress;
    };
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("n", options));
    EXPECT_EQ(end.files, 6U);
    std::uint64_t sum = 0;
    for (const FetchedFile& file : result.files) {
        sum += file.size_bytes;
    }
    EXPECT_EQ(end.done_bytes, sum);
    EXPECT_EQ(end.total_bytes, sum);
}

TEST_F(Fetch, OfflineTheCacheIsTheAnswer) {
    hub_.add_model("n");
    ASSERT_OK_AND_ASSIGN(const FetchResult online, fetch_model("n"));
    const std::size_t before = hub_.hub().requests().size();
    settings_.is_offline = true;
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("n"));
    EXPECT_EQ(result.folder, online.folder);
    EXPECT_EQ(paths(result), paths(online));
    EXPECT_THAT(result.notes.at(0), ::testing::HasSubstr("offline"));
    EXPECT_ERROR(kNotFound, fetch_model("org/other"), "HF_HUB_OFFLINE");
    EXPECT_ERROR(kNotFound, fetch_model("org/other"), "models--org--other");
    EXPECT_EQ(hub_.hub().requests().size(), before);
}

TEST_F(Fetch, HubThatCannotBeReachedLeavesTheCache) {
    hub_.add_model("n");
    ASSERT_OK_AND_ASSIGN(const FetchResult online, fetch_model("n"));
    hub_.hub().stop();
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("n"));
    EXPECT_EQ(result.folder, online.folder);
    EXPECT_THAT(result.notes.at(0), ::testing::HasSubstr("no connection to the hub"));
    EXPECT_ERROR(kIo, fetch_model("other"), "no connection to the hub");
}

TEST_F(Fetch, ModelWithoutSafetensorsGetsANote) {
    hub_.add("models/n", "config.json", "{}");
    hub_.add("models/n", "pytorch_model.bin", "pickle");
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("n"));
    EXPECT_THAT(result.notes.at(0), ::testing::HasSubstr("only pytorch_model.bin"));
    EXPECT_ERROR(kNotFound, find_model(settings_, *parse_repo("n")), "lacks model.safetensors");
}

TEST(ChooseFiles, ModelTakesPartsAndIndexFromTheTopFolderOnly) {
    const std::vector<std::string> there{"model-00001-of-00002.safetensors",
                                         "model.safetensors.index.json",
                                         "sub/model.safetensors",
                                         "tokenizer.model",
                                         "1_Pooling/config.json",
                                         "vocab.json"};
    EXPECT_EQ(choose_files(there, RepoType::kModel, {}),
              (std::vector<std::string>{"model-00001-of-00002.safetensors",
                                        "model.safetensors.index.json"}));
}

}  // namespace
}  // namespace finewatt::hub
