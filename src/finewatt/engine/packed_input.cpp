#include "finewatt/engine/packed_input_internal.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace finewatt {
namespace {

std::int64_t padded_length(const Batch& batch, std::size_t sequence) {
    return static_cast<std::int64_t>(batch.cu_seqlens[sequence + 1]) - batch.cu_seqlens[sequence];
}

/// Return the rows of the batch, shortest first; equal lengths keep their order.
std::vector<std::size_t> rows_by_length(const Batch& batch) {
    std::vector<std::size_t> order(batch.key_len.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return padded_length(batch, a) < padded_length(batch, b);
    });
    return order;
}

/// int32 values as the int64 that LibTorch's losses and gathers want.
at::Tensor to_index_tensor(std::span<const std::int32_t> values) {
    at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
    std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<std::int64_t>());
    return tensor;
}

template <class T>
at::Tensor to_tensor(const std::vector<T>& values, at::ScalarType type) {
    at::Tensor tensor =
        at::empty({static_cast<std::int64_t>(values.size())}, at::TensorOptions().dtype(type));
    std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<T>());
    return tensor;
}

void add_padding_mask(const Batch& batch, LengthGroup& group) {
    bool has_padding = false;
    at::Tensor mask = at::zeros({group.sequences, 1, 1, group.length}, at::kBool);
    bool* out = mask.mutable_data_ptr<bool>();
    for (const std::int32_t row : group.rows_in_batch) {
        const std::int64_t real = batch.key_len[static_cast<std::size_t>(row)];
        has_padding = has_padding || real < group.length;
        std::fill(out + real, out + group.length, true);
        out += group.length;
    }
    if (has_padding) {
        group.is_padding_key = mask;
    }
}

}  // namespace

PackedInput pack_input(const Batch& batch) {
    PackedInput packed;
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> type_ids;
    std::vector<std::int64_t> first_rows(batch.key_len.size());
    std::vector<std::int32_t> sequences;
    std::vector<std::int32_t> token_labels;
    for (const std::size_t row : rows_by_length(batch)) {
        const std::int64_t length = padded_length(batch, row);
        if (packed.groups.empty() || packed.groups.back().length != length) {
            packed.groups.push_back({0, length, {}, {}});
            packed.group_rows.push_back(0);
        }
        packed.groups.back().sequences += 1;
        packed.groups.back().rows_in_batch.push_back(static_cast<std::int32_t>(row));
        packed.group_rows.back() += length;
        first_rows[row] = static_cast<std::int64_t>(ids.size());
        sequences.insert(sequences.end(),
                         {static_cast<std::int32_t>(ids.size()), static_cast<std::int32_t>(length),
                          batch.key_len[row], static_cast<std::int32_t>(row)});
        const auto begin = batch.cu_seqlens[row];
        const auto end = batch.cu_seqlens[row + 1];
        ids.insert(ids.end(), batch.ids.begin() + begin, batch.ids.begin() + end);
        type_ids.insert(type_ids.end(), batch.type_ids.begin() + begin,
                        batch.type_ids.begin() + end);
        if (!batch.token_labels.empty()) {
            token_labels.insert(token_labels.end(), batch.token_labels.begin() + begin,
                                batch.token_labels.begin() + end);
        }
        packed.row_positions.insert(packed.row_positions.end(), batch.positions.begin() + begin,
                                    batch.positions.begin() + end);
        packed.rows_in_batch.insert(packed.rows_in_batch.end(), static_cast<std::size_t>(length),
                                    static_cast<std::int32_t>(row));
    }
    for (LengthGroup& group : packed.groups) {
        add_padding_mask(batch, group);
    }
    packed.ids = to_tensor(ids, at::kInt);
    packed.type_ids = to_tensor(type_ids, at::kInt);
    packed.positions = to_tensor(packed.row_positions, at::kInt);
    packed.is_padded = batch.mode != BatchingMode::kUnpadded;
    packed.sequences = to_tensor(sequences, at::kInt).view({-1, 4});
    packed.row_places =
        at::stack({to_tensor(packed.rows_in_batch, at::kInt), packed.positions}, 1).contiguous();
    packed.first_rows = to_tensor(first_rows, at::kLong);
    packed.labels = to_index_tensor(batch.labels);
    packed.token_labels = to_index_tensor(token_labels);
    packed.answer_starts = to_index_tensor(batch.answer_starts);
    packed.answer_ends = to_index_tensor(batch.answer_ends);
    return packed;
}

}  // namespace finewatt
