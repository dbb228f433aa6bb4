// Scores of entity recognition, as seqeval 1.2.2 gives them in its default mode: micro precision,
// recall and F1 over entities (type, first word, last word), and accuracy over tags.
#pragma once

#include "finewatt/base/result.h"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace finewatt {

/// One entity; words [first, last] of the sequences laid end to end with an O between them.
struct Entity {
    std::string type;
    std::size_t first = 0;
    std::size_t last = 0;

    auto operator<=>(const Entity&) const = default;
};

/// Shares in [0, 1]; a ratio without a denominator is 0, as in seqeval.
struct EntityScores {
    double precision = 0;
    double recall = 0;
    double f1 = 0;
    double accuracy = 0;
};

/// Return the entities of sequences of tags (get_entities): O, or a prefix B, I, E or S and a type
/// behind the first hyphen.
std::vector<Entity> find_entities(const std::vector<std::vector<std::string>>& sequences);

/// Compare predicted tags with references. Error: invalid argument when the numbers of sequences,
/// or of tags in one of them, differ, or when there is none.
Result<EntityScores> score_entities(const std::vector<std::vector<std::string>>& references,
                                    const std::vector<std::vector<std::string>>& predictions);

/// The tags of a sentence's words; nothing for a word that the model did not see, since the
/// sentence was cut before it or it has no token. Words at the end may be missing altogether.
using PredictedTags = std::vector<std::optional<std::string>>;

/// Scores of the words that were predicted, and how many were not.
struct WordScores {
    EntityScores scores;
    std::size_t words_left_out = 0;
};

/// Compare as run_ner.py of transformers' examples does (compute_metrics): words without a
/// prediction are left out of predictions and references, so that a cut sentence is scored up to
/// its cut. Errors: as score_entities; invalid argument for more predictions than a sentence has
/// words.
Result<WordScores> score_predicted_words(const std::vector<std::vector<std::string>>& references,
                                         const std::vector<PredictedTags>& predictions);

}  // namespace finewatt
