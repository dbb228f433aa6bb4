// FakeHub: a model hub on the loopback interface, for tests of who fetches from one. It speaks the
// paths and headers that huggingface_hub 1.33 uses; large files (*.safetensors) come from a second
// server, as from the hub's storage. Header-only; a test that uses it links finewatt::hub.
#pragma once

#include "finewatt/base/check.h"
#include "finewatt/hub/settings.h"
#include "finewatt/hub/sha256.h"
#include "finewatt/testing/local_server.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <charconv>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace finewatt::testing {

/// Serves repositories with one commit each. Add files before asking for them.
class FakeHub {
  public:
    /// Returns an answer instead of the usual one, or nothing.
    using Override = std::function<std::optional<ServedAnswer>(const ServedRequest&)>;

    static constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

    FakeHub()
        : storage_([this](const ServedRequest& request) { return answer_storage(request); }),
          hub_([this](const ServedRequest& request) { return answer_hub(request); }) {}

    /// Add a file. `repo` is "models/org/name" or "datasets/org/name".
    void add(const std::string& repo, const std::string& path, const std::string& content) {
        const std::lock_guard lock(mutex_);
        repos_[repo][path] = content;
    }

    /// Add the files of a small model, and some that finewatt does not need.
    void add_model(const std::string& name) {
        const std::string repo = "models/" + name;
        add(repo, "config.json", R"({"model_type":"bert"})");
        add(repo, "vocab.txt", "[PAD]\n[UNK]\n");
        add(repo, "tokenizer.json", "{}");
        add(repo, "tokenizer_config.json", "{}");
        add(repo, "special_tokens_map.json", "{}");
        add(repo, "model.safetensors", weights());
        add(repo, "pytorch_model.bin", "pickle");
        add(repo, "README.md", "read me");
        add(repo, "onnx/config.json", "{}");
    }

    /// The content of model.safetensors.
    static std::string weights() {
        std::string bytes;
        for (int i = 0; i < 40'000; ++i) {
            bytes += fmt::format("{:05d}", i);
        }
        return bytes;
    }

    static std::string sha256(const std::string& content) {
        const Result<std::string> sum = hub::sha256_of(content);
        FINEWATT_CHECK(sum.has_value(), "the fake hub needs libcrypto");
        return *sum;
    }

    std::string endpoint() const { return hub_.url(""); }

    hub::HubSettings settings(const std::filesystem::path& cache) const {
        hub::HubSettings settings;
        settings.cache = cache;
        settings.endpoint = endpoint();
        settings.use_proxy = false;
        return settings;
    }

    void override_hub(Override override) {
        const std::lock_guard lock(mutex_);
        override_hub_ = std::move(override);
    }

    void override_storage(Override override) {
        const std::lock_guard lock(mutex_);
        override_storage_ = std::move(override);
    }

    LocalHttpServer& hub() { return hub_; }

    LocalHttpServer& storage() { return storage_; }

    /// A file's bytes, or those from where the request's Range begins on.
    static ServedAnswer serve(const ServedRequest& request, const std::string& content) {
        const auto range = request.headers.find("range");
        std::size_t begin = 0;
        if (range == request.headers.end()) {
            return {200, content};
        }
        const std::string& text = range->second;  // "bytes=4-"
        std::from_chars(text.data() + 6, text.data() + text.size(), begin);
        if (begin >= content.size()) {
            return {416, ""};
        }
        return {206,
                content.substr(begin),
                {{"Content-Range",
                  fmt::format("bytes {}-{}/{}", begin, content.size() - 1, content.size())}}};
    }

  private:
    using Files = std::map<std::string, std::string>;

    static ServedAnswer refuse(const std::string& code) {
        return {404, "", {{"X-Error-Code", code}}};
    }

    static bool is_large(const std::string& path) { return path.ends_with(".safetensors"); }

    /// The name of small content: the hub's is the id of a git blob, also 40 digits.
    static std::string etag_of(const std::string& path, const std::string& content) {
        return is_large(path) ? sha256(content) : sha256(content).substr(0, 40);
    }

    static ServedAnswer answer_json(const nlohmann::json& document) {
        return {200, document.dump(), {{"Content-Type", "application/json"}}};
    }

    static ServedAnswer list(const Files& files) {
        nlohmann::json siblings = nlohmann::json::array();
        for (const auto& [path, content] : files) {
            siblings.push_back({{"rfilename", path}});
        }
        return answer_json({{"id", "x/y"}, {"sha", kCommit}, {"siblings", siblings}});
    }

    /// What huggingface_hub asks before it downloads a snapshot.
    static ServedAnswer list_tree(const Files& files) {
        nlohmann::json entries = nlohmann::json::array();
        for (const auto& [path, content] : files) {
            nlohmann::json entry{{"type", "file"},
                                 {"path", path},
                                 {"size", content.size()},
                                 {"oid", etag_of(path, content).substr(0, 40)}};
            if (is_large(path)) {
                entry["lfs"] = {
                    {"oid", sha256(content)}, {"size", content.size()}, {"pointerSize", 130}};
            }
            entries.push_back(entry);
        }
        return answer_json(entries);
    }

    /// Another host than the hub's, as huggingface_hub compares names only, not ports.
    std::string storage_url(const std::string& sum) const {
        return fmt::format("http://localhost:{}/{}?signed=1", storage_.port(), sum);
    }

    ServedAnswer resolve(const ServedRequest& request, const std::string& path,
                         const std::string& content) {
        const std::string etag = '"' + etag_of(path, content) + '"';
        if (is_large(path)) {
            return {302,
                    "",
                    {{"X-Repo-Commit", kCommit},
                     {"X-Linked-Etag", etag},
                     {"X-Linked-Size", std::to_string(content.size())},
                     {"ETag", "\"of the redirect\""},
                     {"Location", storage_url(sha256(content))}}};
        }
        if (!request.target.starts_with("/api/resolve-cache")) {
            // As the hub does: to itself, with the same path at the end.
            return {
                307,
                "",
                {{"X-Repo-Commit", kCommit}, {"Location", "/api/resolve-cache" + request.target}}};
        }
        ServedAnswer answer = serve(request, content);
        answer.headers.emplace_back("ETag", etag);
        answer.headers.emplace_back("X-Repo-Commit", kCommit);
        return answer;
    }

    ServedAnswer answer_hub(const ServedRequest& request) {
        const std::lock_guard lock(mutex_);
        if (override_hub_) {
            if (std::optional<ServedAnswer> answer = override_hub_(request)) {
                return *std::move(answer);
            }
        }
        std::string target = request.target.substr(0, request.target.find('?'));
        constexpr std::string_view kRedirected = "/api/resolve-cache";
        if (target.starts_with(kRedirected)) {
            target.erase(0, kRedirected.size());
        }
        for (const auto& [repo, files] : repos_) {
            const std::string api = "/api/" + repo + "/";
            if (target.starts_with(api + "revision/")) {
                const std::string revision = target.substr(api.size() + 9);
                return revision == "main" || revision == "refs%2Fpr%2F1" || revision == kCommit
                           ? list(files)
                           : refuse("RevisionNotFound");
            }
            if (target.starts_with(api + "tree/")) {
                return list_tree(files);
            }
            const std::string page = repo.starts_with("models/") ? repo.substr(6) : "/" + repo;
            const std::string prefix = page + "/resolve/" + kCommit + "/";
            if (target.starts_with(prefix)) {
                const auto file = files.find(target.substr(prefix.size()));
                return file == files.end() ? refuse("EntryNotFound")
                                           : resolve(request, file->first, file->second);
            }
        }
        return refuse("RepoNotFound");
    }

    ServedAnswer answer_storage(const ServedRequest& request) {
        const std::lock_guard lock(mutex_);
        if (override_storage_) {
            if (std::optional<ServedAnswer> answer = override_storage_(request)) {
                return *std::move(answer);
            }
        }
        for (const auto& [repo, files] : repos_) {
            for (const auto& [path, content] : files) {
                if (is_large(path) && request.target == "/" + sha256(content) + "?signed=1") {
                    return serve(request, content);
                }
            }
        }
        return {404, ""};
    }

    std::mutex mutex_;
    std::map<std::string, Files> repos_;
    Override override_hub_;
    Override override_storage_;
    LocalHttpServer storage_;
    LocalHttpServer hub_;  ///< last: it ends first
};

}  // namespace finewatt::testing
