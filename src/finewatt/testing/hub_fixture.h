// FetchTest: what tests of fetch() share: a fake hub, an empty cache, and looks into both.
// Header-only; a test that uses it links finewatt::hub.
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/hub/cache.h"
#include "finewatt/hub/fetch.h"
#include "finewatt/testing/fake_hub.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <algorithm>

namespace finewatt::testing {

/// A fixture with a fake hub and the settings that lead to it.
class FetchTest : public ::testing::Test {
  protected:
    Result<hub::FetchResult> fetch_model(const std::string& text,
                                         const hub::FetchOptions& options = {}) {
        return hub::fetch(settings_, *hub::parse_repo(text), options);
    }

    hub::RepoCache cache(const std::string& text) const {
        return {settings_, *hub::parse_repo(text)};
    }

    /// Where the bytes of the fake model's weights go.
    std::filesystem::path weights_blob(const std::string& name) const {
        return cache(name).blob(FakeHub::sha256(FakeHub::weights()));
    }

    std::filesystem::path partial_weights(const std::string& name) const {
        return weights_blob(name).string() + ".incomplete";
    }

    static std::vector<std::string> paths(const hub::FetchResult& result) {
        std::vector<std::string> all;
        for (const hub::FetchedFile& file : result.files) {
            all.push_back(file.path);
        }
        return all;
    }

    static hub::FetchedFile file_of(const hub::FetchResult& result, const std::string& path) {
        for (const hub::FetchedFile& file : result.files) {
            if (file.path == path) {
                return file;
            }
        }
        ADD_FAILURE() << "no file " << path;
        return {};
    }

    TempTree tree_;
    FakeHub hub_;
    hub::HubSettings settings_ = hub_.settings(tree_.path() / "hub");
};

}  // namespace finewatt::testing
