// JSON lines of predictions, as `infer --predictions` writes them. Torch-free. Not for question
// answering: data/squad_answers.h makes those texts.
#pragma once

#include "finewatt/data/entity_score.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace finewatt {

/// Return a line {"id", "label", "scores"[, "logits"]} for each row of logits [rows x classes]; ids
/// count from 0.
std::string class_lines(std::span<const float> logits, const std::vector<std::string>& label_names,
                        bool has_logits);

/// Return the line {"id", "tags"[, "logits"]} of one sentence. `logits` is [words x labels]; a word
/// that was not predicted has null in both lists; its class is kIgnoredLabel.
std::string tag_line(std::size_t id, const PredictedTags& tags,
                     std::span<const std::int32_t> classes, std::span<const float> logits,
                     bool has_logits);

}  // namespace finewatt
