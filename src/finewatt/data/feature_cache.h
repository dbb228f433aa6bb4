// Cache of features: what was tokenized once is mapped from a file the next time.
//
// Main function: make_cached_features. The format is in docs/formats/feature-cache.md. Every file
// can be deleted at any time; above a size the least recently used ones are. Not for the texts
// themselves: they are read again, since labels and answers are needed anyway.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/features.h"
#include "finewatt/data/task_data.h"
#include "finewatt/token/tokenizer.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace finewatt {

/// Where features are kept, and how many. As it is made, it keeps nothing.
struct FeatureCache {
    std::optional<std::filesystem::path> folder;       ///< nothing = no cache
    std::int64_t limit_bytes = std::int64_t{4} << 30;  ///< of all files together
};

/// Return the user's cache: $XDG_CACHE_HOME/finewatt/features, else the same under $HOME/.cache,
/// of at most FINEWATT_CACHE_LIMIT (such as 500M; a text that is no size is a warning). No cache
/// where FINEWATT_NO_CACHE is set (and not empty or 0), or where neither folder is known.
FeatureCache default_feature_cache();

/// Return the name of the features' file: 32 hexadecimal digits over the examples with their
/// labels, the tokenizer (vocabulary, added tokens, settings) and those options that change the
/// features of such a task. Error: those of writing the tokenizer's files, which is how they are
/// looked at.
Result<std::string> feature_cache_key(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                      const FeatureOptions& options);

/// As make_features, but map the features from the cache when they are there (is_mapped), and put
/// them there when they are not; then delete what the cache's limit does not allow. Warnings of
/// make_features come only where features are made. A broken file is replaced, with a warning; a
/// cache that cannot be written is only a warning. Several processes may use one folder at once.
Result<FeatureSet> make_cached_features(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                        const FeatureOptions& options, const FeatureCache& cache);

}  // namespace finewatt
