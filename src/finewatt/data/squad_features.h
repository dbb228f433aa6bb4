// Features of question answering: each question with windows of its context, cut as Hugging Face's
// run_qa.py cuts them (prepare_train_features and prepare_validation_features).
//
// Main functions: make_squad_features, encode_questions. Not for answers out of logits
// (squad_answers.h). Source: transformers, examples/pytorch/question-answering/run_qa.py at commit
// 03ea97a.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/data/features.h"
#include "finewatt/data/squad_data.h"
#include "finewatt/token/tokenizer.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace finewatt {

/// One window: [CLS] question [SEP] part of the context [SEP]. All lists have one entry per token.
struct SquadFeature {
    std::int64_t example = 0;  ///< index into SquadData::examples
    std::vector<std::int32_t> ids;
    std::vector<std::int32_t> type_ids;
    /// [begin, end) of each token in code points of the context; -1 outside the context.
    std::vector<std::int32_t> offset_begins;
    std::vector<std::int32_t> offset_ends;
    /// First and last token of the first reference answer; 0 ([CLS]) where the window does not hold
    /// it, where there is none, and in features that are not for training.
    std::int32_t answer_start = 0;
    std::int32_t answer_end = 0;
};

/// What becomes of a reference answer that is not the text at its place in the context.
/// kRefuse: an error. kCount: it is used as it stands, by its place and length, as in run_qa.py.
enum class AnswerCheck { kRefuse, kCount };

/// How to cut. The defaults are run_qa.py's.
struct SquadFeatureOptions {
    std::int32_t max_length = 384;  ///< longest feature in tokens, special tokens included
    std::int32_t doc_stride = 128;  ///< tokens that two neighbouring windows share
    bool is_training = true;        ///< mark answers (and check them)
    AnswerCheck answer_check = AnswerCheck::kRefuse;
};

/// What was made.
struct SquadFeatureCounts {
    std::size_t features = 0;
    std::size_t windows_with_answer = 0;     ///< 0 unless for training
    std::size_t answers_not_in_context = 0;  ///< reference answers; only with kCount
    std::string first_not_in_context;        ///< id of the first question that has one
};

/// Make the features of all questions, in the order of the data; those of one question follow each
/// other. Each one is handed to `take`, which may move from it; an error of `take` ends the work.
/// Contexts are tokenized once, however many questions they have.
///
/// Differs from run_qa.py: where an answer begins in the last token of a window, the reference's
/// start walks past it to the window's end ([SEP], or the last padding token); here it is that
/// token. An empty reference answer is an error for training, and stops the reference.
///
/// Errors, naming the question: invalid argument for a question so long that no token of its
/// context fits, or fewer than the windows share; for a reference answer that does not match
/// (kRefuse) or is empty; corrupt for text that is not UTF-8. Any thread.
Result<SquadFeatureCounts> make_squad_features(const SquadData& data,
                                               const WordPieceTokenizer& tokenizer,
                                               const SquadFeatureOptions& options,
                                               const std::function<Status(SquadFeature&&)>& take);

/// All features, and what was made.
struct QuestionFeatures {
    FeatureSet features;
    SquadFeatureCounts counts;
};

/// The same, gathered. Errors: as make_squad_features.
Result<QuestionFeatures> encode_questions(const SquadData& data,
                                          const WordPieceTokenizer& tokenizer,
                                          const SquadFeatureOptions& options);

}  // namespace finewatt
