// Predictions: what a model says of a data set, for every head, and their scores. Training
// evaluates with it, inference writes it to files. Main functions: predict, score_predictions.
#pragma once

#include "finewatt/data/entity_score.h"
#include "finewatt/data/features.h"
#include "finewatt/data/squad_answers.h"
#include "finewatt/data/task_data.h"
#include "finewatt/engine/device_trainer_internal.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/trainer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// One sentence of a token classification.
struct WordPredictions {
    /// [words], class; kIgnoredLabel for a word that was cut off or has no token.
    std::vector<std::int32_t> classes;
    std::vector<float> logits;  ///< [words x labels]; 0 for such words
};

/// For each kind of task one of the three is filled.
struct Predictions {
    std::vector<float> class_logits;         ///< [examples x labels]
    std::vector<WordPredictions> sentences;  ///< [examples]
    std::optional<SquadAnswers> answers;

    double loss_sum = 0;            ///< cross-entropy of the labels that there are, nats
    std::int64_t loss_targets = 0;  ///< how many those are; none for question answering
    EngineWork work;                ///< forward passes
    std::vector<double> times_s;    ///< of each feature: its batch's forward pass
    bool is_complete = false;       ///< false: a stop was requested
};

/// How to run the model.
struct PredictOptions {
    std::int32_t batch = 1;
    BatchingMode mode = BatchingMode::kUnpadded;
    std::int32_t max_length = 128;  ///< tokens; of kFixed
    std::int32_t pad_id = 0;
    bool reports_progress = false;  ///< send totals and progress to the events
};

/// Run `forward`, that of the model, over all features in their order (kGrouped counts as
/// kDynamic). Cross-entropies are over real tokens only. Errors: those of SquadAnswerFinder.
Result<Predictions> predict(const ForwardPass& forward, const Model& model, const Task& task,
                            const TaskData& data, const FeatureSet& features,
                            const PredictOptions& options, JobContext& context);

/// Return the tags of each sentence's words; nothing where nothing was predicted.
std::vector<PredictedTags> predicted_tags(const Predictions& predictions,
                                          const std::vector<std::string>& label_names);

/// Score against the labels of `data`, as FinetuneResult::scores describes; the same figures that
/// evaluate_files gives for the files of infer. With questions that have no answer, also the best
/// scores that another null threshold would give (best_null_exact, best_null_f1) and those
/// thresholds. Words that were cut off are left out, as run_ner.py does. Errors: as the scorers;
/// invalid argument when the data has no labels.
Result<NamedScores> score_predictions(const Task& task, const TaskData& data,
                                      const Predictions& predictions);

/// Return the name of the score that decides which model is best: accuracy, else f1.
std::string_view main_score(TaskKind kind);

}  // namespace finewatt
