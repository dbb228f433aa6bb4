#include "finewatt/data/entity_score.h"

#include "finewatt/base/utf8.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>

namespace finewatt {
namespace {

struct Tag {
    char prefix = 'O';
    std::string_view type;
};

/// "B-PER" -> B, PER; a type may hold hyphens; a tag without a type has the type "_".
Tag parse_tag(std::string_view text) {
    Tag tag;
    tag.prefix = text.empty() ? 'O' : text.front();
    // Behind the first character, which may have several bytes.
    std::string_view rest = text.substr(decode_utf8_front(text).length);
    const std::size_t hyphen = rest.find('-');
    if (hyphen != std::string_view::npos) {
        rest = rest.substr(hyphen + 1);
    }
    tag.type = rest.empty() ? std::string_view("_") : rest;
    return tag;
}

/// Whether an entity ends between two tags (seqeval's end_of_chunk).
bool ends_between(const Tag& before, const Tag& after) {
    if (before.prefix == 'E' || before.prefix == 'S') {
        return true;
    }
    const bool is_inside = before.prefix == 'B' || before.prefix == 'I';
    if (is_inside && (after.prefix == 'B' || after.prefix == 'S' || after.prefix == 'O')) {
        return true;
    }
    return before.prefix != 'O' && before.prefix != '.' && before.type != after.type;
}

/// Whether an entity begins with the second tag (seqeval's start_of_chunk).
bool begins_between(const Tag& before, const Tag& after) {
    if (after.prefix == 'B' || after.prefix == 'S') {
        return true;
    }
    const bool is_continued = after.prefix == 'E' || after.prefix == 'I';
    const bool is_outside = before.prefix == 'E' || before.prefix == 'S' || before.prefix == 'O';
    if (is_continued && is_outside) {
        return true;
    }
    return after.prefix != 'O' && after.prefix != '.' && before.type != after.type;
}

}  // namespace

std::vector<Entity> find_entities(const std::vector<std::vector<std::string>>& sequences) {
    std::vector<Entity> entities;
    Tag before{'O', ""};
    std::size_t first = 0;
    std::size_t place = 0;
    const auto step = [&](const Tag& tag) {
        if (ends_between(before, tag)) {
            entities.push_back({std::string(before.type), first, place - 1});
        }
        if (begins_between(before, tag)) {
            first = place;
        }
        before = tag;
        ++place;
    };
    for (const auto& sequence : sequences) {
        for (const std::string& text : sequence) {
            step(parse_tag(text));
        }
        step(parse_tag("O"));
    }
    return entities;
}

Result<EntityScores> score_entities(const std::vector<std::vector<std::string>>& references,
                                    const std::vector<std::vector<std::string>>& predictions) {
    if (references.size() != predictions.size() || references.empty()) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected a prediction for each of {} sentences, found {}",
                              references.size(), predictions.size());
    }
    std::size_t tags = 0;
    std::size_t equal_tags = 0;
    for (std::size_t i = 0; i < references.size(); ++i) {
        if (references[i].size() != predictions[i].size()) {
            return FINEWATT_ERROR(kInvalidArgument, "sentence {}: expected {} tags, found {}", i,
                                  references[i].size(), predictions[i].size());
        }
        tags += references[i].size();
        for (std::size_t t = 0; t < references[i].size(); ++t) {
            equal_tags += references[i][t] == predictions[i][t] ? 1U : 0U;
        }
    }
    const auto as_set = [](const std::vector<Entity>& entities) {
        return std::set<Entity>(entities.begin(), entities.end());
    };
    const std::set<Entity> wanted = as_set(find_entities(references));
    const std::set<Entity> found = as_set(find_entities(predictions));
    std::vector<Entity> both;
    std::set_intersection(wanted.begin(), wanted.end(), found.begin(), found.end(),
                          std::back_inserter(both));
    const auto ratio = [](std::size_t part, std::size_t whole) {
        return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
    };
    EntityScores scores;
    scores.precision = ratio(both.size(), found.size());
    scores.recall = ratio(both.size(), wanted.size());
    const double sum = scores.precision + scores.recall;
    scores.f1 = sum == 0 ? 0.0 : 2 * scores.precision * scores.recall / sum;
    scores.accuracy = ratio(equal_tags, tags);
    return scores;
}

Result<WordScores> score_predicted_words(const std::vector<std::vector<std::string>>& references,
                                         const std::vector<PredictedTags>& predictions) {
    std::vector<std::vector<std::string>> wanted;
    std::vector<std::vector<std::string>> found;
    WordScores result;
    for (std::size_t i = 0; i < std::min(references.size(), predictions.size()); ++i) {
        const PredictedTags& tags = predictions[i];
        if (tags.size() > references[i].size()) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "sentence {}: expected at most {} tags, found {}", i,
                                  references[i].size(), tags.size());
        }
        wanted.emplace_back();
        found.emplace_back();
        for (std::size_t word = 0; word < tags.size(); ++word) {
            if (tags[word]) {
                wanted.back().push_back(references[i][word]);
                found.back().push_back(*tags[word]);
            }
        }
        result.words_left_out += references[i].size() - found.back().size();
    }
    found.resize(predictions.size());  // another number of sentences is score_entities' to refuse
    wanted.resize(references.size());
    FINEWATT_ASSIGN(result.scores, score_entities(wanted, found));
    return result;
}

}  // namespace finewatt
