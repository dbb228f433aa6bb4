#include "finewatt/data/feature_cache.h"

#include "finewatt/base/file.h"
#include "finewatt/base/log.h"
#include "finewatt/data/feature_cache_file_internal.h"
#include "finewatt/data/feature_cache_limit_internal.h"

#include <unistd.h>
#define XXH_INLINE_ALL
#include <system_error>

#include <array>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>
#include <xxhash.h>

namespace finewatt {
namespace {

namespace fs = std::filesystem;

/// Changes when features are made in another way from the same input.
constexpr std::uint32_t kRecipeVersion = 1;

/// Hashes fields one after the other; each text with its length before it, so that no two rows of
/// fields are the same bytes.
class FieldHasher {
  public:
    FieldHasher() { XXH3_128bits_reset(&state_); }

    void add(std::string_view text) {
        add(static_cast<std::int64_t>(text.size()));
        XXH3_128bits_update(&state_, text.data(), text.size());
    }

    void add(std::int64_t number) { XXH3_128bits_update(&state_, &number, sizeof(number)); }

    void add(const std::vector<std::string>& texts) {
        add(static_cast<std::int64_t>(texts.size()));
        for (const std::string& text : texts) {
            add(text);
        }
    }

    std::string digits() const {
        const XXH128_hash_t hash = XXH3_128bits_digest(&state_);
        return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
    }

  private:
    XXH3_state_t state_{};
};

void add_examples(const Dataset& dataset, FieldHasher& hasher) {
    for (const Example& example : dataset.examples) {
        hasher.add(example.text);
        hasher.add(example.pair ? 1 : 0);
        hasher.add(example.pair.value_or(std::string()));
        hasher.add(example.label);
    }
}

void add_examples(const std::vector<TaggedSentence>& sentences, FieldHasher& hasher) {
    for (const TaggedSentence& sentence : sentences) {
        hasher.add(sentence.words);
        hasher.add(sentence.tags);
    }
}

void add_examples(const SquadData& data, FieldHasher& hasher) {
    hasher.add(data.contexts);
    for (const SquadExample& example : data.examples) {
        hasher.add(example.question);
        hasher.add(static_cast<std::int64_t>(example.context));
        hasher.add(static_cast<std::int64_t>(example.answers.size()));
        for (const SquadAnswer& answer : example.answers) {
            hasher.add(answer.text);
            hasher.add(answer.start);
        }
    }
}

/// A folder of its own below the system's temporary folder, deleted with its content.
class TemporaryFolder {
  public:
    static Result<TemporaryFolder> create() {
        std::error_code error;
        std::string name = (fs::temp_directory_path(error) / "finewatt-XXXXXX").string();
        if (error || ::mkdtemp(name.data()) == nullptr) {
            return FINEWATT_ERROR(kIo, "cannot make a temporary folder; set TMPDIR to one");
        }
        return TemporaryFolder(std::move(name));
    }

    TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    ~TemporaryFolder() {
        std::error_code ignored;
        if (!path_.empty()) {
            fs::remove_all(path_, ignored);
        }
    }

    const fs::path& path() const { return path_; }

  private:
    explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}

    fs::path path_;
};

/// Add all that decides how a tokenizer cuts: its own files say it, added tokens included.
Status add_tokenizer(const WordPieceTokenizer& tokenizer, FieldHasher& hasher) {
    FINEWATT_ASSIGN(const TemporaryFolder folder, TemporaryFolder::create());
    FINEWATT_TRY(tokenizer.save(folder.path()));
    for (const char* name : {"vocab.txt", "tokenizer.json", "tokenizer_config.json"}) {
        FINEWATT_ASSIGN(const std::string content, read_file(folder.path() / name));
        hasher.add(content);
    }
    return {};
}

Result<FeatureSet> make_and_keep(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                 const FeatureOptions& options, const FeatureCache& cache,
                                 const std::string& key) {
    FINEWATT_ASSIGN(FeatureSet features, make_features(data, tokenizer, options));
    std::error_code error;
    fs::create_directories(*cache.folder, error);
    const fs::path file = *cache.folder / key;
    const Status written = FeatureCacheFile::write(file, key, features);
    if (!written) {
        log_warning(fmt::format("the cache of features {} could not be written: {}", file.string(),
                                written.error().describe()));
    }
    keep_below_limit(*cache.folder, cache.limit_bytes);
    return features;
}

/// What of the options changes the features of such a task: only questions have windows and
/// answers.
FeatureOptions options_that_count(TaskKind kind, const FeatureOptions& options) {
    if (kind == TaskKind::kQuestionAnswering) {
        return options;
    }
    FeatureOptions counted;
    counted.max_length = options.max_length;
    return counted;
}

std::string variable(const char* name) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing here changes the environment.
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

/// Nothing where the environment turns the cache off, or names no place for it.
std::optional<fs::path> default_folder() {
    const std::string off = variable("FINEWATT_NO_CACHE");
    if (!off.empty() && off != "0") {
        return std::nullopt;
    }
    // A relative XDG_CACHE_HOME must be ignored (XDG Base Directory Specification 0.8).
    const fs::path cache = variable("XDG_CACHE_HOME");
    if (cache.is_absolute()) {
        return cache / "finewatt" / "features";
    }
    const fs::path home = variable("HOME");
    if (home.is_absolute()) {
        return home / ".cache" / "finewatt" / "features";
    }
    return std::nullopt;
}

}  // namespace

FeatureCache default_feature_cache() {
    FeatureCache cache;
    cache.folder = default_folder();
    const std::string limit = variable("FINEWATT_CACHE_LIMIT");
    if (limit.empty()) {
        return cache;
    }
    const Result<std::int64_t> bytes = parse_cache_limit(limit);
    if (bytes) {
        cache.limit_bytes = *bytes;
    } else {
        log_warning(fmt::format("FINEWATT_CACHE_LIMIT: {}; the cache may have {} bytes",
                                bytes.error().describe(), cache.limit_bytes));
    }
    return cache;
}

Result<std::string> feature_cache_key(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                      const FeatureOptions& options) {
    FieldHasher hasher;
    hasher.add(kRecipeVersion);
    hasher.add(static_cast<std::int64_t>(data.kind));
    const FeatureOptions counted = options_that_count(data.kind, options);
    hasher.add(counted.max_length);
    hasher.add(counted.doc_stride);
    hasher.add(counted.is_training ? 1 : 0);
    hasher.add(static_cast<std::int64_t>(counted.answer_check));
    FINEWATT_TRY_CONTEXT(add_tokenizer(tokenizer, hasher), "looking at the tokenizer");
    hasher.add(data.label_names);
    std::visit([&](const auto& examples) { add_examples(examples, hasher); }, data.examples);
    return hasher.digits();
}

Result<FeatureSet> make_cached_features(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                        const FeatureOptions& options, const FeatureCache& cache) {
    if (!cache.folder) {
        return make_features(data, tokenizer, options);
    }
    const Result<std::string> key = feature_cache_key(data, tokenizer, options);
    if (!key) {
        log_warning("features are not cached: " + key.error().describe());
        return make_features(data, tokenizer, options);
    }
    const fs::path file = *cache.folder / *key;
    Result<FeatureSet> cached = FeatureCacheFile::open(file, *key);
    if (cached) {
        mark_as_used(file);
        return cached;
    }
    if (cached.error().code() != ErrorCode::kNotFound) {
        log_warning(fmt::format("the cached features {} are made anew: {}", file.string(),
                                cached.error().describe()));
    }
    return make_and_keep(data, tokenizer, options, cache, *key);
}

}  // namespace finewatt
