// Features: encoded examples of a data set, all of them in a few flat arrays, in memory or mapped
// from a cache file.
//
// Main types: FeatureSet, FeatureView, FeatureSetBuilder. Made by make_features (task_data.h);
// batches of them are made in batch.h. Not for texts (dataset.h).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/task.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace finewatt {

/// The label of a token that is not scored: special, padding, or a later piece of a word. It is
/// what torch's cross-entropy ignores by default.
inline constexpr std::int32_t kIgnoredLabel = -100;

/// One feature. Its spans live as long as the FeatureSet it comes from. Which fields are filled
/// depends on the kind of task.
struct FeatureView {
    std::span<const std::int32_t> ids{};       ///< [tokens], special tokens included
    std::span<const std::int32_t> type_ids{};  ///< [tokens]
    /// Class, or kNoLabel (classification).
    std::int32_t label = kNoLabel;
    /// [tokens], kIgnoredLabel = not scored; all are without labels (token classification).
    std::span<const std::int32_t> token_labels{};
    /// [tokens], word of its sentence, -1 for special tokens (token classification). Words that
    /// were cut off, or that have no token at all, do not occur.
    std::span<const std::int32_t> word_ids{};
    /// First and last token of the answer; 0 = [CLS] = no answer here (question answering).
    std::int32_t answer_start = 0;
    std::int32_t answer_end = 0;
    /// [tokens], code points [begin, end) in the context, -1 outside it (question answering).
    std::span<const std::int32_t> offset_begins{};
    std::span<const std::int32_t> offset_ends{};
    /// Index of the example it was made of; one example may have several features, one after the
    /// other (question answering).
    std::int64_t example = 0;
};

struct FeatureArrays;

/// All features of a data set, in the order of their examples. Immutable and move-only; any thread
/// may read. A default-constructed (or moved-from) set is empty.
class FeatureSet {
  public:
    FeatureSet() noexcept;
    FeatureSet(FeatureSet&&) noexcept;
    FeatureSet& operator=(FeatureSet&&) noexcept;
    FeatureSet(const FeatureSet&) = delete;
    FeatureSet& operator=(const FeatureSet&) = delete;
    ~FeatureSet();

    TaskKind kind() const;
    /// Number of features.
    std::size_t size() const;

    bool empty() const { return size() == 0; }

    /// Whether it lies in a mapped file of the cache, and was not made by this process.
    bool is_mapped() const;
    /// Tokens of all features together.
    std::int64_t total_tokens() const;
    /// Tokens of feature i, which must exist.
    std::int64_t length(std::size_t i) const;
    /// Feature i, which must exist.
    FeatureView operator[](std::size_t i) const;

  private:
    friend class FeatureSetBuilder;
    friend class FeatureCacheFile;
    class Storage;
    explicit FeatureSet(std::unique_ptr<const Storage> storage);
    const FeatureArrays& arrays() const;

    std::unique_ptr<const Storage> storage_;
};

/// Gathers features into a FeatureSet. One thread at a time.
class FeatureSetBuilder {
  public:
    explicit FeatureSetBuilder(TaskKind kind);
    FeatureSetBuilder(FeatureSetBuilder&&) noexcept;
    FeatureSetBuilder& operator=(FeatureSetBuilder&&) noexcept;
    FeatureSetBuilder(const FeatureSetBuilder&) = delete;
    FeatureSetBuilder& operator=(const FeatureSetBuilder&) = delete;
    ~FeatureSetBuilder();

    /// Copy one feature. The fields of the builder's kind must have one entry per token; those of
    /// other kinds are not looked at.
    void add(const FeatureView& feature);

    FeatureSet finish() &&;

  private:
    std::unique_ptr<FeatureSet::Storage> storage_;
};

}  // namespace finewatt
