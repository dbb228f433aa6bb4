// What training and inference do first: find tokenizer, config and weights, and check that they
// fit each other before any work begins.
#pragma once

#include "finewatt/data/feature_cache.h"
#include "finewatt/data/model_config.h"
#include "finewatt/data/task_data.h"
#include "finewatt/engine/compute_device.h"
#include "finewatt/engine/device_trainer_internal.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/trainer.h"
#include "finewatt/token/tokenizer.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// A model's description, before its weights are read.
struct ModelDescription {
    ModelConfig config;
    WordPieceTokenizer tokenizer;
    std::optional<std::filesystem::path> weights;  ///< the folder; nothing for random weights
    /// Outputs of the task's head in the weights; nothing where they have no such head.
    std::optional<std::int64_t> head_outputs;
};

/// Return the head that a kind of task needs.
HeadKind head_of(TaskKind kind);

/// Read config and tokenizer, and check them against each other, the task's head, `max_length` and
/// pairs of texts. Errors: as their readers; invalid argument when they do not fit, or when the
/// model was trained with a head of another kind.
Result<ModelDescription> describe_model(const ModelSource& source, const Task& task,
                                        std::int32_t max_length);

/// Return the label names that a trained head brings along, for training: nothing for a new head,
/// and nothing where they are only placeholders (LABEL_0), so that the data's names hold.
std::optional<std::vector<std::string>> own_label_names(const ModelDescription& description);

/// Make the model and read its weights. `labels` is looked at unless the task is question
/// answering, which has 2. `notes` gets a line for new and for unused weights. Error: as
/// load_weights; invalid argument when the head has another number of classes.
Result<Model> make_model(const ModelDescription& description, TaskKind kind, std::int64_t labels,
                         std::uint64_t seed, std::vector<std::string>& notes);

/// Make the features of a data set or map them from the cache; `preparation` counts which. For
/// training, answers bear their tokens. Errors: as make_features, with `place` before them.
Result<FeatureSet> prepare_features(const TaskData& data, const WordPieceTokenizer& tokenizer,
                                    const FeatureOptions& options, const FeatureCache& cache,
                                    const std::filesystem::path& place, Preparation& preparation);

/// Tell the log and the engine event how long the preparation took and where features came from.
void report_preparation(const Preparation& preparation, JobContext& context);

/// Bring the model to the device to be trained, in phase warmup; who computes the products goes to
/// the log and the engine event. On the CPU, `options.gemm` at kAuto takes FINEWATT_GEMM. The model
/// must outlive the result. Errors: as check_device_precision, gemm_setting_from_environment and
/// make_cuda_trainer.
Result<std::unique_ptr<DeviceTrainer>> make_trainer(const Model& model, const ComputeDevice& device,
                                                    const FastOptions& options,
                                                    const AdamWOptions& optimizer,
                                                    JobContext& context);

/// The same for inference. A CPU gets weights that are packed for batches of about `rows` rows.
Result<ForwardPass> make_forward_pass(const Model& model, const ComputeDevice& device,
                                      const FastOptions& options, std::int64_t rows,
                                      JobContext& context);

}  // namespace finewatt
