// Inference: a trained classifier over a data set, with predictions as JSON lines. Main function:
// infer. Free of LibTorch headers.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/engine/trainer.h"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace finewatt {

/// What to classify with which model.
struct InferenceOptions {
    ModelSource model;
    std::filesystem::path data;
    ColumnNames columns;
    std::filesystem::path predictions;  ///< file to write
    bool has_logits = false;            ///< also write the logits
    std::int32_t batch = 1;
    std::int32_t max_length = 128;  ///< tokens
    FastOptions fast;               ///< with gemm at kAuto, FINEWATT_GEMM decides
};

/// What an inference left behind.
struct InferenceResult {
    std::int64_t examples = 0;
    double infer_s = 0;   ///< wall time of the forward passes
    double accuracy = 0;  ///< against the labels of the data
};

/// Classify every example and write one JSON line each, in input order: {"id" (from 0), "label",
/// "scores" (probabilities in the order of id2label)[, "logits"]}. The file is whole or not there.
/// A stop request ends it with the error cancelled. Errors: as finetune's.
Result<InferenceResult> infer(const InferenceOptions& options, JobContext& context);

}  // namespace finewatt
