// Cache of features: what was tokenized once is mapped from a file the next time.
//
// Main function: make_cached_features. The format is in docs/formats/feature-cache.md. Every file
// can be deleted at any time. Not for the texts themselves: they are read again, since labels and
// answers are needed anyway.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/features.h"
#include "finewatt/data/task_data.h"
#include "finewatt/token/tokenizer.h"

#include <filesystem>
#include <optional>
#include <string>

namespace finewatt {

/// Where features are kept. Nothing = no cache.
using FeatureCacheFolder = std::optional<std::filesystem::path>;

/// Return $XDG_CACHE_HOME/finewatt/features, else the same under $HOME/.cache. Nothing where
/// FINEWATT_NO_CACHE is set (and not empty or 0), or where neither folder is known.
FeatureCacheFolder default_feature_cache();

/// Return the name of the features' file: 32 hexadecimal digits over the examples with their
/// labels, the tokenizer (vocabulary, added tokens, settings) and the options. Error: those of
/// writing the tokenizer's files, which is how they are looked at.
Result<std::string> feature_cache_key(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                      const FeatureOptions& options);

/// As make_features, but map the features from the cache when they are there, and put them there
/// when they are not. A broken file is replaced, with a warning; a cache that cannot be written is
/// only a warning. Several processes may use one folder at once.
Result<FeatureSet> make_cached_features(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                        const FeatureOptions& options,
                                        const FeatureCacheFolder& folder = default_feature_cache());

}  // namespace finewatt
