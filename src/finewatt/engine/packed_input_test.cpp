#include "finewatt/engine/model_cases_internal.h"
#include "finewatt/engine/packed_input_internal.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

using testing::batch_of;
using testing::input_of;
using testing::uneven_sequences;

TEST(PackInput, SortsByLengthAndGroupsEqualLengths) {
    const PackedInput input = input_of(uneven_sequences(), BatchingMode::kUnpadded);
    ASSERT_EQ(input.groups.size(), 6U);
    EXPECT_EQ(input.group_rows, (std::vector<std::int64_t>{1, 2, 5, 18, 13, 20}));
    EXPECT_EQ(input.groups[3].rows_in_batch, (std::vector<std::int32_t>{3, 5}));
    for (const LengthGroup& group : input.groups) {
        EXPECT_FALSE(group.is_padding_key.defined());
    }
    EXPECT_EQ(input.first_rows[2].item<std::int64_t>(), 0);  // the single token comes first
}

TEST(PackInput, MasksPaddingOnlyWhereThereIsSome) {
    const PackedInput input = input_of(uneven_sequences(), BatchingMode::kDynamic);
    ASSERT_EQ(input.groups.size(), 1U);
    const at::Tensor mask = input.groups[0].is_padding_key;
    ASSERT_TRUE(mask.defined());
    EXPECT_EQ(mask.sum().item<std::int64_t>(), 7 * 20 - (5 + 20 + 1 + 9 + 2 + 9 + 13));
}

TEST(PackInput, TokenLabelsMoveWithTheirRows) {
    const auto sequences = uneven_sequences();
    const PackedInput input = input_of(sequences, BatchingMode::kUnpadded);
    ASSERT_EQ(input.token_labels.numel(), input.ids.numel());
    for (std::int64_t r = 0; r < input.ids.numel(); ++r) {
        const auto row = static_cast<std::size_t>(r);
        const auto& sequence = sequences[static_cast<std::size_t>(input.rows_in_batch[row])];
        const auto position = static_cast<std::size_t>(input.row_positions[row]);
        EXPECT_EQ(input.token_labels[r].item<std::int64_t>(), sequence.token_labels[position]);
        EXPECT_EQ(input.ids[r].item<std::int32_t>(), sequence.ids[position]);
    }
}

TEST(PackInput, AnswersStayInTheOrderOfTheBatch) {
    const auto sequences = uneven_sequences();
    const PackedInput input = input_of(sequences, BatchingMode::kDynamic);
    for (std::size_t s = 0; s < sequences.size(); ++s) {
        const auto row = static_cast<std::int64_t>(s);
        EXPECT_EQ(input.answer_starts[row].item<std::int64_t>(), sequences[s].answer_start);
        EXPECT_EQ(input.answer_ends[row].item<std::int64_t>(), sequences[s].answer_end);
    }
}

}  // namespace
}  // namespace finewatt
