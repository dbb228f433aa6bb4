// Encoding: texts of a data set to features.
//
// Main functions: encode_dataset, encode_sentences. Windows of question answering are made in
// squad_features.h; make_features (task_data.h) chooses among them. Source: transformers,
// examples/pytorch, run_glue.py and run_ner.py.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/conll_data.h"
#include "finewatt/data/dataset.h"
#include "finewatt/data/features.h"
#include "finewatt/token/tokenizer.h"

#include <cstdint>
#include <string>
#include <vector>

namespace finewatt {

/// Encode every example with [CLS] and [SEP], cut to `max_length` tokens, pairs by the
/// longest_first rule. The result has one feature per example, in the same order. Errors: invalid
/// argument for a max_length that cannot hold the special tokens; corrupt for text that is not
/// UTF-8; both name the example, counted from 1.
Result<FeatureSet> encode_dataset(const Dataset& dataset, const WordPieceTokenizer& tokenizer,
                                  std::int32_t max_length);

/// Encode sentences of given words, cut to `max_length` tokens. The first token of each word bears
/// the word's label (index of its tag in `label_names`), all others kIgnoredLabel; sentences
/// without tags have no label anywhere. Words that were cut off are not in word_ids. Errors: as
/// encode_dataset; invalid argument for a tag that is not one of `label_names`.
Result<FeatureSet> encode_sentences(const std::vector<TaggedSentence>& sentences,
                                    const std::vector<std::string>& label_names,
                                    const WordPieceTokenizer& tokenizer, std::int32_t max_length);

}  // namespace finewatt
