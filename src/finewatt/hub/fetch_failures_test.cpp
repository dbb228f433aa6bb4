// What a fetch says when it fails, and what it must never do: keep wrong bytes, write outside the
// cache, give the token away.
#include "finewatt/testing/hub_fixture.h"

namespace finewatt::hub {
namespace {

namespace fs = std::filesystem;
using testing::FakeHub;
using testing::ServedAnswer;
using testing::ServedRequest;

class FetchFailures : public testing::FetchTest {
  protected:
    void answer_always(const ServedAnswer& answer) {
        hub_.override_hub([answer](const ServedRequest&) { return answer; });
    }

    /// Everything below the test's folder whose name or bytes the fetch made.
    bool is_cache_empty() const { return !fs::exists(settings_.cache); }
};

TEST_F(FetchFailures, RefusalsSayWhatToDo) {
    struct Case {
        ServedAnswer answer;
        ErrorCode code;
        const char* text;
    };

    const std::vector<Case> cases{
        {{404, "", {{"X-Error-Code", "RepoNotFound"}}}, ErrorCode::kNotFound, "--dataset"},
        {{404, ""}, ErrorCode::kNotFound, "there is no model org/name"},
        {{401, ""}, ErrorCode::kPermission, "without a token"},
        {{403, "", {{"X-Error-Code", "GatedRepo"}}}, ErrorCode::kPermission, "accept its terms"},
        {{429, "", {{"Retry-After", "30"}}}, ErrorCode::kBusy, "after 30 s"},
        {{503, ""}, ErrorCode::kBusy, "busy"},
        {{418, ""}, ErrorCode::kIo, "found 418"},
        {{200, "<html>log in to the network</html>"}, ErrorCode::kCorrupt, "HF_ENDPOINT"},
        {{200, R"({"sha":"../..","siblings":[]})"}, ErrorCode::kCorrupt, "no commit"},
    };
    for (const Case& one : cases) {
        answer_always(one.answer);
        const Result<FetchResult> result = fetch_model("org/name");
        ASSERT_FALSE(result.has_value()) << one.text;
        EXPECT_EQ(result.error().code(), one.code) << one.text;
        EXPECT_THAT(result.error().describe(), ::testing::HasSubstr(one.text));
        EXPECT_TRUE(is_cache_empty()) << one.text;
    }
    settings_.token = "secret";
    answer_always({401, ""});
    EXPECT_ERROR(kPermission, fetch_model("org/name"), "with this token");
    EXPECT_THAT(fetch_model("org/name").error().describe(),
                ::testing::Not(::testing::HasSubstr("secret")));
}

TEST_F(FetchFailures, FileNamesThatLeadOutOfTheCacheAreRefused) {
    for (const char* name : {"../config.json", "/etc/config.json", "a/../../../config.json"}) {
        hub_.add("models/evil", name, "x");
        FetchOptions options;
        options.all = true;
        EXPECT_ERROR(kCorrupt, fetch_model("evil", options), "out of the cache");
        EXPECT_TRUE(is_cache_empty()) << name;
    }
}

TEST_F(FetchFailures, EtagThatLeadsOutOfTheCacheIsRefused) {
    hub_.add("models/evil", "config.json", "x");
    hub_.override_hub([](const ServedRequest& request) -> std::optional<ServedAnswer> {
        if (request.method != "HEAD") {
            return std::nullopt;
        }
        return ServedAnswer{200, "x", {{"ETag", "\"../../../../x\""}}};
    });
    EXPECT_ERROR(kCorrupt, fetch_model("evil"), "ETag");
    EXPECT_TRUE(is_cache_empty());
}

TEST_F(FetchFailures, WrongBytesAreThrownAway) {
    hub_.add_model("n");
    std::string wrong = FakeHub::weights();
    wrong[7] = 'x';
    hub_.override_storage(
        [&wrong](const ServedRequest& request) { return FakeHub::serve(request, wrong); });
    EXPECT_ERROR(kCorrupt, fetch_model("n"), "SHA-256");
    EXPECT_FALSE(fs::exists(weights_blob("n")));
    EXPECT_FALSE(fs::exists(partial_weights("n")));
    EXPECT_EQ(cache("n").commit(), std::nullopt) << "the revision must not stand for half a model";
}

TEST_F(FetchFailures, MoreBytesThanStatedAreRefusedAtOnce) {
    hub_.add_model("n");
    hub_.override_storage([](const ServedRequest&) {
        return ServedAnswer{200, FakeHub::weights() + FakeHub::weights()};
    });
    EXPECT_ERROR(kCorrupt, fetch_model("n"), "more came");
    EXPECT_FALSE(fs::exists(weights_blob("n")));
    EXPECT_EQ(hub_.storage().requests().size(), 1U);
}

TEST_F(FetchFailures, FewerBytesThanStatedAreNoFile) {
    hub_.add_model("n");
    hub_.override_storage([](const ServedRequest&) {
        return ServedAnswer{200, FakeHub::weights().substr(0, 1000)};
    });
    EXPECT_ERROR(kCorrupt, fetch_model("n"), "expected 200000 bytes, found 1000");
    EXPECT_FALSE(fs::exists(weights_blob("n")));
}

TEST_F(FetchFailures, DownloadThatStopsKeepsWhatCame) {
    hub_.add_model("n");
    int times = 0;
    hub_.override_storage([&times](const ServedRequest&) {
        ServedAnswer answer;
        answer.raw = ++times == 1 ? "HTTP/1.1 200 x\r\nContent-Length: 200000\r\n\r\n" +
                                        FakeHub::weights().substr(0, 777)
                                  : "";  // gone
        return answer;
    });
    EXPECT_ERROR(kCorrupt, fetch_model("n"), "777 of 200000 bytes are kept");
    EXPECT_EQ(*read_file(partial_weights("n")), FakeHub::weights().substr(0, 777));
    hub_.override_storage({});
    ASSERT_OK_AND_ASSIGN(const FetchResult result, fetch_model("n"));
    EXPECT_EQ(file_of(result, "model.safetensors").state, FileState::kResumed);
}

TEST_F(FetchFailures, TokenGoesToTheHubAndNowhereElse) {
    hub_.add_model("n");
    settings_.token = "secret";
    ASSERT_OK(fetch_model("n"));
    for (const ServedRequest& request : hub_.hub().requests()) {
        EXPECT_EQ(request.headers.at("authorization"), "Bearer secret") << request.target;
    }
    ASSERT_GE(hub_.storage().requests().size(), 1U);
    for (const ServedRequest& request : hub_.storage().requests()) {
        EXPECT_EQ(request.headers.count("authorization"), 0U);
    }
}

TEST_F(FetchFailures, EndlessRedirectsEnd) {
    answer_always({302, "", {{"Location", "/again"}}});
    EXPECT_ERROR(kCorrupt, fetch_model("n"), "more than 5 redirects");
}

TEST_F(FetchFailures, FileOfAnotherCommitIsRefused) {
    hub_.add("models/n", "config.json", "x");
    hub_.override_hub([](const ServedRequest& request) -> std::optional<ServedAnswer> {
        if (request.method != "HEAD") {
            return std::nullopt;
        }
        return ServedAnswer{200, "x", {{"ETag", "\"e\""}, {"X-Repo-Commit", "another"}}};
    });
    EXPECT_ERROR(kCorrupt, fetch_model("n"), "found that of another");
}

TEST_F(FetchFailures, CacheThatCannotBeMadeIsNamed) {
    hub_.add_model("n");
    settings_.cache = tree_.write("a file", "x");
    EXPECT_ERROR(kNotFound, fetch_model("n"), "HF_HUB_CACHE");
}

}  // namespace
}  // namespace finewatt::hub
