#include "finewatt/hub/fetch.h"

#include "finewatt/hub/blob_download_internal.h"
#include "finewatt/hub/cache.h"
#include "finewatt/hub/hub_client_internal.h"

#include <fmt/ranges.h>

#include <system_error>

#include <algorithm>
#include <array>
#include <fnmatch.h>

namespace finewatt::hub {
namespace {

namespace fs = std::filesystem;

/// What a model needs: globs of files in its top folder. Others there are weights in other formats.
constexpr std::array kModelGlobs{"config.json", "*.safetensors",   "*.safetensors.index.json",
                                 "vocab.txt",   "tokenizer*.json", "special_tokens_map.json"};

bool matches(const std::string& glob, const std::string& path) {
    // Without flags '*' matches '/' too, as Python's fnmatch does; '\' is no escape there.
    return ::fnmatch(glob.c_str(), path.c_str(), FNM_NOESCAPE) == 0;
}

bool is_needed_by_model(const std::string& path) {
    return path.find('/') == std::string::npos &&
           std::any_of(kModelGlobs.begin(), kModelGlobs.end(),
                       [&path](const char* glob) { return matches(glob, path); });
}

std::string glob_of(const std::string& include) {
    return include.ends_with('/') ? include + "*" : include;
}

bool wants_model(RepoType type, const FetchOptions& options) {
    return type == RepoType::kModel && options.include.empty() && !options.all;
}

/// Return the first names of a list, for a message.
std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t kShown = 12;
    const auto shown = static_cast<std::ptrdiff_t>(std::min(names.size(), kShown));
    std::string text = fmt::format("{}", fmt::join(names.begin(), names.begin() + shown, ", "));
    return names.size() > kShown ? text + fmt::format(" and {} more", names.size() - kShown) : text;
}

/// Error: not found, when nothing, or nothing for one of the globs, was chosen.
Status require_choice(const Repo& repo, const std::vector<std::string>& there,
                      const std::vector<std::string>& chosen, const FetchOptions& options) {
    for (const std::string& include : options.include) {
        const auto matches_this = [&include](const std::string& path) {
            return matches(glob_of(include), path);
        };
        if (!options.all && std::none_of(there.begin(), there.end(), matches_this)) {
            return FINEWATT_ERROR(kNotFound, "{} {}: no file matches --include {}; there are {}",
                                  repo_type_name(repo.type), repo.text(), include, some_of(there));
        }
    }
    if (chosen.empty()) {
        return FINEWATT_ERROR(kNotFound,
                              "{} {}: expected files such as config.json and model.safetensors, "
                              "found {}; name what you want with --include GLOB, or take --all",
                              repo_type_name(repo.type), repo.text(),
                              there.empty() ? "no file at all" : some_of(there));
    }
    return {};
}

std::string note_without_weights(const std::vector<std::string>& there) {
    std::vector<std::string> others;
    std::copy_if(there.begin(), there.end(), std::back_inserter(others), [](const auto& path) {
        return matches("*.bin", path) || matches("*.h5", path) || matches("*.msgpack", path);
    });
    return fmt::format(
        "the model has no weights as safetensors at this revision{}, so finewatt cannot load it",
        others.empty() ? "" : " (only " + some_of(others) + ")");
}

bool has_weights(const std::vector<std::string>& files) {
    return std::any_of(files.begin(), files.end(),
                       [](const auto& path) { return matches("*.safetensors", path); });
}

std::uint64_t size_of(const fs::path& file) {
    std::error_code failed;
    const std::uint64_t size = fs::file_size(file, failed);
    return failed ? 0 : size;
}

/// What is in the cache, when the hub is not asked. Error: not found.
Result<FetchResult> take_from_cache(const HubSettings& settings, const Repo& repo,
                                    const FetchOptions& options) {
    const bool is_model = wants_model(repo.type, options);
    FINEWATT_ASSIGN(const fs::path folder,
                    is_model ? find_model(settings, repo) : find_snapshot(settings, repo));
    const RepoCache cache(settings, repo);
    FetchResult result;
    result.folder = folder;
    result.commit = folder.filename().string();
    const std::vector<std::string> there = cache.files(result.commit);
    const std::vector<std::string> chosen = choose_files(there, repo.type, options);
    FINEWATT_TRY(require_choice(repo, there, chosen, options));
    for (const std::string& path : chosen) {
        result.files.push_back({path, size_of(cache.file(result.commit, path))});
    }
    if (!is_model) {
        result.notes.emplace_back("only the hub could tell whether all files are here");
    }
    return result;
}

/// One fetch that asks the hub.
class Fetch {
  public:
    Fetch(HubClient& client, const RepoCache& cache, const FetchOptions& options)
        : client_(client),
          cache_(cache),
          options_(options) {}

    Result<FetchResult> run(const RepoListing& listing);

  private:
    struct Wanted {
        std::size_t at;  ///< in result_.files
        FileMetadata metadata;
    };

    Status ask_sizes();
    Status fetch_one(const Wanted& wanted);
    void tell(const std::string& file, std::uint64_t here_bytes, bool is_waiting) const;

    HubClient& client_;
    const RepoCache& cache_;
    const FetchOptions& options_;
    FetchResult result_;
    std::vector<Wanted> wanted_;
    std::size_t files_done_ = 0;
    std::uint64_t done_bytes_ = 0;  ///< of the files that are done
    std::optional<std::uint64_t> total_bytes_;
};

void Fetch::tell(const std::string& file, std::uint64_t here_bytes, bool is_waiting) const {
    if (options_.on_progress) {
        options_.on_progress({file, files_done_, wanted_.size(), done_bytes_ + here_bytes,
                              total_bytes_, is_waiting});
    }
}

/// Learn etag and size of each file that is not here.
Status Fetch::ask_sizes() {
    total_bytes_ = 0;
    for (std::size_t i = 0; i < result_.files.size(); ++i) {
        FetchedFile& file = result_.files[i];
        if (cache_.has_file(result_.commit, file.path)) {
            file.size_bytes = size_of(cache_.file(result_.commit, file.path));
            continue;
        }
        FINEWATT_ASSIGN(FileMetadata metadata,
                        client_.metadata(cache_.repo(), result_.commit, file.path));
        total_bytes_ = total_bytes_ && metadata.size_bytes
                           ? std::optional(*total_bytes_ + *metadata.size_bytes)
                           : std::nullopt;
        wanted_.push_back({i, std::move(metadata)});
    }
    return {};
}

Status Fetch::fetch_one(const Wanted& wanted) {
    FetchedFile& file = result_.files[wanted.at];
    const std::string& path = file.path;
    BlobRequest request{result_.commit, path, wanted.metadata};
    request.on_bytes = [this, &path](std::uint64_t here_bytes) { tell(path, here_bytes, false); };
    request.on_wait = [this, &path] { tell(path, 0, true); };
    tell(path, 0, false);
    FINEWATT_ASSIGN(const BlobResult blob, fetch_blob(client_, cache_, request));
    FINEWATT_TRY(cache_.link_file(result_.commit, path, wanted.metadata.etag));
    file.size_bytes = blob.size_bytes;
    file.state = blob.state;
    result_.downloaded_bytes += blob.downloaded_bytes;
    done_bytes_ += blob.size_bytes;
    ++files_done_;
    return {};
}

Result<FetchResult> Fetch::run(const RepoListing& listing) {
    const Repo& repo = cache_.repo();
    std::vector<std::string> there = listing.files;
    std::sort(there.begin(), there.end());
    const std::vector<std::string> chosen = choose_files(there, repo.type, options_);
    FINEWATT_TRY(require_choice(repo, there, chosen, options_));
    result_.commit = listing.commit;
    result_.folder = cache_.snapshot(listing.commit);
    for (const std::string& path : chosen) {
        result_.files.push_back({path});
    }
    FINEWATT_TRY(ask_sizes());
    for (const Wanted& wanted : wanted_) {
        FINEWATT_TRY(fetch_one(wanted));
    }
    FINEWATT_TRY(cache_.set_commit(listing.commit));
    if (wants_model(repo.type, options_) && !has_weights(chosen)) {
        result_.notes.push_back(note_without_weights(there));
    }
    return std::move(result_);
}

}  // namespace

std::string_view file_state_name(FileState state) {
    switch (state) {
        case FileState::kCached:
            return "cached";
        case FileState::kDownloaded:
            return "downloaded";
        case FileState::kResumed:
            return "resumed";
    }
    return "";
}

std::vector<std::string> choose_files(const std::vector<std::string>& files, RepoType type,
                                      const FetchOptions& options) {
    const auto is_chosen = [&](const std::string& path) {
        if (wants_model(type, options)) {
            return is_needed_by_model(path);
        }
        return options.all || options.include.empty() ||
               std::any_of(
                   options.include.begin(), options.include.end(),
                   [&path](const auto& include) { return matches(glob_of(include), path); });
    };
    std::vector<std::string> chosen;
    std::copy_if(files.begin(), files.end(), std::back_inserter(chosen), is_chosen);
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

Result<FetchResult> fetch(const HubSettings& settings, const Repo& repo,
                          const FetchOptions& options) {
    if (settings.is_offline) {
        Result<FetchResult> cached = take_from_cache(settings, repo, options);
        if (!cached) {
            return Error(std::move(cached).error())
                .with_context(
                    "offline (unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE to ask the hub)");
        }
        cached->notes.emplace_back("offline: the hub was not asked for a newer version");
        return cached;
    }
    FINEWATT_ASSIGN(HubClient client, HubClient::create(settings));
    const RepoCache cache(settings, repo);
    const Result<RepoListing> listing = client.list(repo);
    if (listing) {
        return Fetch(client, cache, options).run(*listing);
    }
    const ErrorCode code = listing.error().code();
    if (code == ErrorCode::kIo || code == ErrorCode::kBusy) {
        if (Result<FetchResult> cached = take_from_cache(settings, repo, options)) {
            cached->notes.push_back("this is what the cache has; the hub could not be asked: " +
                                    listing.error().describe());
            return cached;
        }
    }
    return listing.error();
}

}  // namespace finewatt::hub
