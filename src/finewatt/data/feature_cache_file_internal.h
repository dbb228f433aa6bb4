// The file of a cached FeatureSet: a header, then the arrays one after the other. The layout is in
// docs/formats/feature-cache.md.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/features.h"

#include <filesystem>
#include <string>

namespace finewatt {

/// Bytes of the file, and back.
class FeatureCacheFile {
  public:
    /// Map a file. Errors: not found; corrupt for another magic, version or key, sizes that do not
    /// fit, or a wrong checksum. `key` is the 32 digits of feature_cache_key.
    static Result<FeatureSet> open(const std::filesystem::path& file, const std::string& key);

    /// Write under a temporary name in the same folder, then rename. Errors: those of writing.
    static Status write(const std::filesystem::path& file, const std::string& key,
                        const FeatureSet& features);
};

}  // namespace finewatt
