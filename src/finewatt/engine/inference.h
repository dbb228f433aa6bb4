// Inference: a trained model over a data set, with predictions in files. Main function: infer. Free
// of LibTorch headers. Not for scores of such files: data/evaluate.h.
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/engine/compute_device.h"
#include "finewatt/engine/trainer.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// What to predict with which model.
struct InferenceOptions {
    ModelSource model;
    Task task;
    std::filesystem::path data;         ///< labels are optional in it
    std::filesystem::path predictions;  ///< file to write
    bool has_logits = false;            ///< also write the logits
    bool has_latency = false;           ///< also report how long examples took
    std::int32_t batch = 1;
    std::int32_t max_length = 128;  ///< tokens
    std::int32_t doc_stride = 0;    ///< tokens that two windows share; question answering
    FeatureCache cache;             ///< of tokenized data; as it is made: none
    ComputeDevice device;
    FastOptions fast;  ///< with gemm at kAuto, FINEWATT_GEMM decides
};

/// Milliseconds over features (texts, sentences, windows): each took as long as the forward pass of
/// its batch. Percentiles are the smallest time that so many percent do not exceed.
struct Latency {
    double mean_ms = 0;
    double p50_ms = 0;
    double p90_ms = 0;
    double p99_ms = 0;
    double max_ms = 0;
};

/// What an inference left behind.
struct InferenceResult {
    Preparation preparation;
    std::int64_t examples = 0;
    EngineWork work;
    double infer_s = 0;                        ///< wall time of the forward passes
    NamedScores scores;                        ///< as finetune's; empty when examples lack labels
    std::optional<Latency> latency;            ///< with has_latency; also sent as scores
    std::vector<std::filesystem::path> files;  ///< what was written
};

/// Predict every example and write the results, each file whole or not at all:
/// - classification, a JSON line per text in input order: {"id" (from 0), "label", "scores"
///   (probabilities in the order of id2label)[, "logits"]};
/// - tokens, a JSON line per sentence: {"id", "tags"[, "logits" (a list for each word)]}; a word
///   that was cut off has null as its tag and its logits, and is left out of the scores;
/// - question answering, one object {id: answer}; with logits also FILE.nbest.json with the best
///   answers of each question and their start and end logits, and, for tasks with questions that
///   have no answer, FILE.null_odds.json.
/// A stop request ends it with the error cancelled. Errors: as finetune's.
Result<InferenceResult> infer(const InferenceOptions& options, JobContext& context);

}  // namespace finewatt
