#include "finewatt/data/features.h"

#include "finewatt/base/check.h"
#include "finewatt/data/feature_arrays_internal.h"

#include <utility>

namespace finewatt {
namespace {

/// Where a builder finds the value or the values of a column in a feature; same order as
/// kFeatureColumns.
std::array<std::span<const std::int32_t>, kFeatureColumns.size()> columns_of(
    const FeatureView& feature) {
    return {{feature.ids,
             feature.type_ids,
             {&feature.label, 1},
             feature.token_labels,
             feature.word_ids,
             {&feature.answer_start, 1},
             {&feature.answer_end, 1},
             feature.offset_begins,
             feature.offset_ends}};
}

}  // namespace

void FeatureSet::Storage::use_vectors() {
    arrays.begins = begins;
    arrays.examples = examples;
    for (std::size_t i = 0; i < kFeatureColumns.size(); ++i) {
        arrays.*kFeatureColumns[i].array = columns[i];
    }
}

FeatureSet::FeatureSet() noexcept = default;
FeatureSet::FeatureSet(FeatureSet&&) noexcept = default;
FeatureSet& FeatureSet::operator=(FeatureSet&&) noexcept = default;
FeatureSet::~FeatureSet() = default;

FeatureSet::FeatureSet(std::unique_ptr<const Storage> storage) : storage_(std::move(storage)) {}

const FeatureArrays& FeatureSet::arrays() const {
    static const FeatureArrays kNone;
    return storage_ ? storage_->arrays : kNone;
}

TaskKind FeatureSet::kind() const {
    return arrays().kind;
}

std::size_t FeatureSet::size() const {
    return arrays().examples.size();
}

bool FeatureSet::is_mapped() const {
    return storage_ && storage_->file.has_value();
}

std::int64_t FeatureSet::total_tokens() const {
    return static_cast<std::int64_t>(arrays().ids.size());
}

std::int64_t FeatureSet::length(std::size_t i) const {
    FINEWATT_CHECK(i < size(), "a feature is asked for that exists");
    return arrays().begins[i + 1] - arrays().begins[i];
}

FeatureView FeatureSet::operator[](std::size_t i) const {
    FINEWATT_CHECK(i < size(), "a feature is asked for that exists");
    const FeatureArrays& all = arrays();
    const auto begin = static_cast<std::size_t>(all.begins[i]);
    const auto tokens = static_cast<std::size_t>(all.begins[i + 1]) - begin;
    FeatureView view;
    view.ids = all.ids.subspan(begin, tokens);
    view.type_ids = all.type_ids.subspan(begin, tokens);
    view.example = all.examples[i];
    switch (all.kind) {
        case TaskKind::kClassification:
            view.label = all.labels[i];
            break;
        case TaskKind::kTokenClassification:
            view.token_labels = all.token_labels.subspan(begin, tokens);
            view.word_ids = all.word_ids.subspan(begin, tokens);
            break;
        case TaskKind::kQuestionAnswering:
            view.answer_start = all.answer_starts[i];
            view.answer_end = all.answer_ends[i];
            view.offset_begins = all.offset_begins.subspan(begin, tokens);
            view.offset_ends = all.offset_ends.subspan(begin, tokens);
            break;
    }
    return view;
}

FeatureSetBuilder::FeatureSetBuilder(TaskKind kind)
    : storage_(std::make_unique<FeatureSet::Storage>()) {
    storage_->arrays.kind = kind;
}

FeatureSetBuilder::FeatureSetBuilder(FeatureSetBuilder&&) noexcept = default;
FeatureSetBuilder& FeatureSetBuilder::operator=(FeatureSetBuilder&&) noexcept = default;
FeatureSetBuilder::~FeatureSetBuilder() = default;

void FeatureSetBuilder::add(const FeatureView& feature) {
    const auto values = columns_of(feature);
    for (std::size_t i = 0; i < kFeatureColumns.size(); ++i) {
        if (!kFeatureColumns[i].is_of(storage_->arrays.kind)) {
            continue;
        }
        FINEWATT_CHECK(!kFeatureColumns[i].is_per_token || values[i].size() == feature.ids.size(),
                       "each token has one value in every array of its kind");
        std::vector<std::int32_t>& column = storage_->columns[i];
        column.insert(column.end(), values[i].begin(), values[i].end());
    }
    storage_->begins.push_back(storage_->begins.back() +
                               static_cast<std::int64_t>(feature.ids.size()));
    storage_->examples.push_back(feature.example);
}

FeatureSet FeatureSetBuilder::finish() && {
    storage_->use_vectors();
    return FeatureSet(std::move(storage_));
}

}  // namespace finewatt
