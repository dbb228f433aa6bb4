// Features: examples of a data set as token ids.
//
// Main function: encode_dataset. Batches of features are made in batch.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/batch.h"
#include "finewatt/data/dataset.h"
#include "finewatt/token/tokenizer.h"

#include <cstdint>
#include <vector>

namespace finewatt {

/// Encode every example with [CLS] and [SEP], cut to `max_length` tokens, pairs by the
/// longest_first rule. The result has one feature per example, in the same order. Errors: invalid
/// argument for a max_length that cannot hold the special tokens; corrupt for text that is not
/// UTF-8; both name the example, counted from 1.
Result<std::vector<Feature>> encode_dataset(const Dataset& dataset,
                                            const WordPieceTokenizer& tokenizer,
                                            std::int32_t max_length);

}  // namespace finewatt
