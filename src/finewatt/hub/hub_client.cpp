#include "finewatt/hub/hub_client_internal.h"
#include "finewatt/hub/url_internal.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace finewatt::hub {
namespace {

constexpr int kMaxRedirects = 5;
/// A listing with a million files is about 100 MB.
constexpr std::size_t kMaxListingBytes = std::size_t{512} << 20;
constexpr int kRangeNotSatisfiable = 416;

bool is_redirect(const HttpResponse& answer) {
    return answer.status >= 300 && answer.status < 400 && answer.header("location");
}

std::string plural_of(RepoType type) {
    return type == RepoType::kModel ? "models" : "datasets";
}

/// Return an etag without quotes and the mark of weak ones, or nothing when it cannot name a file.
std::optional<std::string> clean_etag(std::optional<std::string> etag) {
    if (!etag) {
        return std::nullopt;
    }
    if (etag->starts_with("W/")) {
        etag->erase(0, 2);
    }
    etag->erase(std::remove(etag->begin(), etag->end(), '"'), etag->end());
    const bool is_name = is_safe_path(*etag) && etag->find('/') == std::string::npos;
    return is_name ? etag : std::nullopt;
}

std::optional<std::uint64_t> parse_size(const std::optional<std::string>& text) {
    std::uint64_t size = 0;
    if (!text ||
        std::from_chars(text->data(), text->data() + text->size(), size).ec != std::errc()) {
        return std::nullopt;
    }
    return size;
}

/// Return where the bytes of a partial answer begin: "bytes 4-7/8" gives 4.
std::optional<std::uint64_t> range_begin(const HttpResponse& answer) {
    const std::string range = answer.header("content-range").value_or("");
    return range.starts_with("bytes ") ? parse_size(range.substr(6)) : std::nullopt;
}

Result<RepoListing> parse_listing(const std::string& url, const std::string& text) {
    const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
    const auto is_text = [](const nlohmann::json& object, const char* key) {
        return object.is_object() && object.contains(key) && object[key].is_string();
    };
    if (!is_text(document, "sha") || !document.contains("siblings") ||
        !document["siblings"].is_array()) {
        return FINEWATT_ERROR(kCorrupt,
                              "{}: expected a JSON object with sha and siblings, found something "
                              "else; is HF_ENDPOINT the address of a model hub?",
                              printable_url(url));
    }
    RepoListing listing;
    listing.commit = document["sha"].get<std::string>();
    if (!is_safe_path(listing.commit) || listing.commit.find('/') != std::string::npos) {
        return FINEWATT_ERROR(kCorrupt, "{}: '{}' is no commit", printable_url(url),
                              listing.commit);
    }
    for (const nlohmann::json& sibling : document["siblings"]) {
        if (!is_text(sibling, "rfilename") ||
            !is_safe_path(sibling["rfilename"].get<std::string>())) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: a file's name is missing, or would lead out of the cache; "
                                  "nothing was fetched",
                                  printable_url(url));
        }
        listing.files.push_back(sibling["rfilename"].get<std::string>());
    }
    return listing;
}

}  // namespace

bool FileMetadata::has_sha256() const {
    constexpr std::size_t kDigits = 64;
    return etag.size() == kDigits &&
           etag.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Result<HubClient> HubClient::create(const HubSettings& settings) {
    FINEWATT_ASSIGN(std::unique_ptr<HttpClient> http, HttpClient::create());
    return HubClient(settings, std::move(http));
}

HttpRequest HubClient::make_request(const std::string& url) const {
    HttpRequest request;
    request.url = url;
    request.timeout = settings_.answer_timeout;
    request.use_proxy = settings_.use_proxy;
    request.ca_file = settings_.ca_file;
    // The size that is stated must be that of the file, not of a compressed answer.
    request.headers = {{"User-Agent", "finewatt"}, {"Accept-Encoding", "identity"}};
    if (settings_.token && origin_of(url) == origin_of(settings_.endpoint)) {
        request.headers.emplace_back("Authorization", "Bearer " + *settings_.token);
    }
    return request;
}

Result<HttpResponse> HubClient::send(HttpRequest& request) {
    Result<HttpResponse> answer = http_->send(request);
    if (!answer && answer.error().code() == ErrorCode::kNotFound) {
        // Nobody answers: that says nothing about the model.
        return FINEWATT_ERROR(kIo,
                              "no connection to the hub: {}; check the network, the proxy "
                              "(https_proxy) and HF_ENDPOINT",
                              answer.error().message());
    }
    return answer;
}

Status HubClient::redirect(HttpRequest& request, const HttpResponse& answer) const {
    FINEWATT_ASSIGN(const std::string url, join_url(request.url, *answer.header("location")));
    if (request.url.starts_with("https:") && !url.starts_with("https:")) {
        return FINEWATT_ERROR(kCorrupt, "{}: it leads from https to {}, which is not followed",
                              printable_url(request.url), printable_url(url));
    }
    request.url = url;
    if (origin_of(url) != origin_of(settings_.endpoint)) {
        request.headers.erase(
            std::remove_if(request.headers.begin(), request.headers.end(),
                           [](const auto& header) { return header.first == "Authorization"; }),
            request.headers.end());
    }
    return {};
}

std::string HubClient::file_url(const Repo& repo, const std::string& commit,
                                const std::string& file) const {
    const std::string prefix = repo.type == RepoType::kModel ? "" : "datasets/";
    return fmt::format("{}/{}{}/resolve/{}/{}", settings_.endpoint, prefix, repo.name,
                       percent_encode(commit, ""), percent_encode(file, "/"));
}

Status HubClient::require_success(const Repo& repo, const std::string& file,
                                  const HttpResponse& answer) const {
    if (answer.is_success()) {
        return {};
    }
    const std::string what = fmt::format("{} {}", repo_type_name(repo.type), repo.name);
    const std::string why = answer.header("x-error-code").value_or("");
    const std::string hub = printable_url(settings_.endpoint);
    const std::string page =
        hub + (repo.type == RepoType::kDataset ? "/datasets/" : "/") + repo.name;
    if (why == "GatedRepo") {
        return FINEWATT_ERROR(
            kPermission, "{} is gated: accept its terms on {} in a browser, then {}", what, page,
            settings_.token ? "run this again with the same user's token"
                            : "give that user's token in HF_TOKEN");
    }
    if (why == "RevisionNotFound") {
        return FINEWATT_ERROR(kNotFound, "{} has no branch, tag or commit '{}'; see {}", what,
                              repo.revision, page);
    }
    if (why == "EntryNotFound" || (answer.status == 404 && !file.empty())) {
        return FINEWATT_ERROR(kNotFound, "{} has no file '{}' at '{}'; see {}", what, file,
                              repo.revision, page);
    }
    if (answer.status == 404) {
        return FINEWATT_ERROR(
            kNotFound, "there is no {} (revision '{}') on {}; check the name{}", what,
            repo.revision, hub,
            repo.type == RepoType::kModel ? ", or add --dataset for a data set" : "");
    }
    if (answer.status == 401 || answer.status == 403) {
        // The hub does not tell strangers whether a name is private or does not exist.
        return FINEWATT_ERROR(
            kPermission, "{}: {} gives it to nobody{} (HTTP status {}); check the name{}", what,
            hub, settings_.token ? " with this token" : " without a token", answer.status,
            settings_.token ? ", and that the token in HF_TOKEN is valid and may read it"
                            : "; if it is private or gated, give a token in HF_TOKEN");
    }
    if (answer.status == 429 || answer.status >= 500) {
        const std::optional<std::string> wait = answer.header("retry-after");
        return FINEWATT_ERROR(kBusy, "{}: {} is busy (HTTP status {}); try again {}", what, hub,
                              answer.status, wait ? fmt::format("after {} s", *wait) : "later");
    }
    return FINEWATT_ERROR(kIo, "{}: expected HTTP status 200 from {}, found {}", what, hub,
                          answer.status);
}

Result<RepoListing> HubClient::list(const Repo& repo) {
    HttpRequest request = make_request(fmt::format("{}/api/{}/{}/revision/{}", settings_.endpoint,
                                                   plural_of(repo.type), repo.name,
                                                   percent_encode(repo.revision, "")));
    request.max_body_bytes = kMaxListingBytes;
    request.stall_timeout = settings_.answer_timeout;  // a long listing may take longer
    for (int i = 0; i <= kMaxRedirects; ++i) {
        FINEWATT_ASSIGN(const HttpResponse answer, send(request));
        if (is_redirect(answer)) {  // of names that were changed
            FINEWATT_TRY(redirect(request, answer));
            continue;
        }
        FINEWATT_TRY(require_success(repo, "", answer));
        return parse_listing(request.url, answer.body);
    }
    return FINEWATT_ERROR(kCorrupt, "{}: more than {} redirects", printable_url(request.url),
                          kMaxRedirects);
}

Result<FileMetadata> HubClient::metadata(const Repo& repo, const std::string& commit,
                                         const std::string& file) {
    HttpRequest request = make_request(file_url(repo, commit, file));
    request.method = "HEAD";
    for (int i = 0; i <= kMaxRedirects; ++i) {
        FINEWATT_ASSIGN(const HttpResponse answer, send(request));
        std::optional<std::string> etag = clean_etag(answer.header("x-linked-etag"));
        if (!is_redirect(answer)) {
            FINEWATT_TRY(require_success(repo, file, answer));
            etag = etag ? etag : clean_etag(answer.header("etag"));
        } else if (!etag) {
            // The hub redirects to itself, for the etag must be asked there; or to the place of the
            // file, which knows another etag than the hub.
            const std::string from = origin_of(request.url);
            FINEWATT_TRY(redirect(request, answer));
            if (origin_of(request.url) == from || !answer.header("etag")) {
                continue;
            }
            etag = clean_etag(answer.header("etag"));
        }
        if (!etag) {
            return FINEWATT_ERROR(kCorrupt,
                                  "{}: expected an answer with an ETag, found none; is HF_ENDPOINT "
                                  "the address of a model hub?",
                                  printable_url(request.url));
        }
        const std::string stated = answer.header("x-repo-commit").value_or(commit);
        if (stated != commit) {
            return FINEWATT_ERROR(kCorrupt, "{}: expected the file of commit {}, found that of {}",
                                  printable_url(request.url), commit, stated);
        }
        std::optional<std::uint64_t> size = parse_size(answer.header("x-linked-size"));
        if (!size && !is_redirect(answer)) {
            size = parse_size(answer.header("content-length"));
        }
        return FileMetadata{*etag, size};
    }
    return FINEWATT_ERROR(kCorrupt, "{}: more than {} redirects", printable_url(request.url),
                          kMaxRedirects);
}

Status HubClient::get(const Repo& repo, const std::string& commit, const std::string& file,
                      std::uint64_t offset, const FileSink& sink) {
    HttpRequest request = make_request(file_url(repo, commit, file));
    request.stall_timeout = settings_.stall_timeout;
    if (offset > 0) {
        request.headers.emplace_back("Range", fmt::format("bytes={}-", offset));
    }
    bool is_file = false;
    request.on_head = [&](const HttpResponse& head) -> Status {
        is_file = head.is_success();
        if (!is_file) {
            return {};
        }
        constexpr int kPartialContent = 206;
        const std::uint64_t begin =
            head.status == kPartialContent ? range_begin(head).value_or(offset) : 0;
        return begin == offset || begin == 0
                   ? sink.begin(begin)
                   : FINEWATT_ERROR(kCorrupt, "{}: expected bytes from {} on, found {}",
                                    printable_url(request.url), offset, begin);
    };
    request.on_body = [&](std::string_view bytes) -> Status {
        return is_file ? sink.take(bytes) : Status();
    };
    for (int i = 0; i <= kMaxRedirects; ++i) {
        FINEWATT_ASSIGN(const HttpResponse answer, send(request));
        if (is_redirect(answer)) {
            FINEWATT_TRY(redirect(request, answer));
        } else if (answer.status == kRangeNotSatisfiable && offset > 0) {
            return get(repo, commit, file, 0, sink);  // what is here is longer than the file there
        } else {
            return require_success(repo, file, answer);
        }
    }
    return FINEWATT_ERROR(kCorrupt, "{}: more than {} redirects", printable_url(request.url),
                          kMaxRedirects);
}

}  // namespace finewatt::hub
