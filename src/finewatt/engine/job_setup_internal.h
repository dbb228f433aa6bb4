// What training and inference do first: find tokenizer, config and weights, and check that they
// fit each other before any work begins.
#pragma once

#include "finewatt/data/model_config.h"
#include "finewatt/engine/fast_model_internal.h"
#include "finewatt/engine/model_internal.h"
#include "finewatt/engine/trainer.h"
#include "finewatt/token/tokenizer.h"

#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// A model's description, before its weights are read.
struct ModelDescription {
    ModelConfig config;
    WordPieceTokenizer tokenizer;
    std::optional<std::filesystem::path> weights;  ///< the folder; nothing for random weights
    std::optional<std::int64_t> head_classes;      ///< classes of the head in the weights
};

/// Read config and tokenizer, and check them against each other, `max_length` and pairs of texts.
/// Errors: as their readers; invalid argument when they do not fit.
Result<ModelDescription> describe_model(const ModelSource& source, std::int32_t max_length,
                                        bool has_pairs);

/// Make the model and read its weights. `notes` gets a line for new and for unused weights.
/// Error: as load_weights; invalid argument when the head has another number of classes.
Result<Model> make_model(const ModelDescription& description, std::int64_t classes,
                         std::uint64_t seed, std::vector<std::string>& notes);

/// Prepare the fast path, in phase warmup; who computes the products goes to the log and the engine
/// event. `options.gemm` at kAuto takes FINEWATT_GEMM. The model must outlive the result. Errors:
/// as check_precision and gemm_setting_from_environment.
Result<FastModel> make_fast_model(const Model& model, FastOptions options, JobContext& context);

/// Logits of every feature, [features x classes] row by row, in input order. Evaluates without
/// dropout. Returns fewer rows when `stop_requested` said so between two batches.
std::vector<float> compute_logits(FastModel& model, std::span<const Feature> features,
                                  std::int32_t batch_size, BatchingMode mode,
                                  std::int32_t max_length, std::int32_t pad_id,
                                  const std::function<bool()>& stop_requested);

}  // namespace finewatt
