// The flat arrays of a FeatureSet, and who owns them. The cache file is these arrays one after the
// other.
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/data/features.h"

#include <array>
#include <optional>
#include <vector>

namespace finewatt {

/// N features of T tokens together. Arrays that a kind does not use are empty.
struct FeatureArrays {
    TaskKind kind = TaskKind::kClassification;
    std::span<const std::int64_t> begins;         ///< [N+1], first token; last = T
    std::span<const std::int64_t> examples;       ///< [N]
    std::span<const std::int32_t> ids;            ///< [T]
    std::span<const std::int32_t> type_ids;       ///< [T]
    std::span<const std::int32_t> labels;         ///< [N], classification
    std::span<const std::int32_t> token_labels;   ///< [T], token classification
    std::span<const std::int32_t> word_ids;       ///< [T], token classification
    std::span<const std::int32_t> answer_starts;  ///< [N], question answering
    std::span<const std::int32_t> answer_ends;    ///< [N], question answering
    std::span<const std::int32_t> offset_begins;  ///< [T], question answering
    std::span<const std::int32_t> offset_ends;    ///< [T], question answering
};

/// An array of 32-bit values: where it is, which kind has it, and whether it has one value per
/// token (else one per feature).
struct FeatureColumn {
    std::span<const std::int32_t> FeatureArrays::*array;
    std::optional<TaskKind> only_kind;
    bool is_per_token;

    bool is_of(TaskKind kind) const { return !only_kind || *only_kind == kind; }
};

/// Every 32-bit array, in the order of the cache file.
inline constexpr std::array<FeatureColumn, 9> kFeatureColumns = {{
    {&FeatureArrays::ids, std::nullopt, true},
    {&FeatureArrays::type_ids, std::nullopt, true},
    {&FeatureArrays::labels, TaskKind::kClassification, false},
    {&FeatureArrays::token_labels, TaskKind::kTokenClassification, true},
    {&FeatureArrays::word_ids, TaskKind::kTokenClassification, true},
    {&FeatureArrays::answer_starts, TaskKind::kQuestionAnswering, false},
    {&FeatureArrays::answer_ends, TaskKind::kQuestionAnswering, false},
    {&FeatureArrays::offset_begins, TaskKind::kQuestionAnswering, true},
    {&FeatureArrays::offset_ends, TaskKind::kQuestionAnswering, true},
}};

/// The arrays with what keeps them alive: vectors, or a mapped file.
class FeatureSet::Storage {
  public:
    FeatureArrays arrays;

    std::vector<std::int64_t> begins = {0};
    std::vector<std::int64_t> examples{};
    std::array<std::vector<std::int32_t>, kFeatureColumns.size()> columns{};
    std::optional<MappedFile> file{};

    /// Point `arrays` at the vectors, once they no longer grow.
    void use_vectors();
};

}  // namespace finewatt
