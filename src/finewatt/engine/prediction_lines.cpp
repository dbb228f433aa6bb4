#include "finewatt/engine/prediction_lines.h"

#include "finewatt/data/features.h"
#include "finewatt/engine/classify.h"

#include <nlohmann/json.hpp>

namespace finewatt {
namespace {

std::vector<float> to_list(std::span<const float> values) {
    return {values.begin(), values.end()};
}

}  // namespace

std::string class_lines(std::span<const float> logits, const std::vector<std::string>& label_names,
                        bool has_logits) {
    const std::size_t classes = label_names.size();
    std::string lines;
    for (std::size_t row = 0; row * classes < logits.size(); ++row) {
        const auto row_logits = logits.subspan(row * classes, classes);
        const std::vector<std::int32_t> best =
            likeliest_classes(row_logits, static_cast<std::int64_t>(classes));
        nlohmann::ordered_json line;
        line["id"] = row;
        line["label"] = label_names[static_cast<std::size_t>(best.front())];
        line["scores"] = probabilities(row_logits);
        if (has_logits) {
            line["logits"] = to_list(row_logits);
        }
        lines += line.dump() + "\n";
    }
    return lines;
}

std::string tag_line(std::size_t id, const PredictedTags& tags,
                     std::span<const std::int32_t> classes, std::span<const float> logits,
                     bool has_logits) {
    nlohmann::ordered_json line;
    line["id"] = id;
    line["tags"] = nlohmann::ordered_json::array();
    for (const std::optional<std::string>& tag : tags) {
        line["tags"].push_back(tag ? nlohmann::ordered_json(*tag) : nlohmann::ordered_json());
    }
    if (has_logits) {
        nlohmann::ordered_json rows = nlohmann::ordered_json::array();
        const std::size_t labels = classes.empty() ? 0 : logits.size() / classes.size();
        for (std::size_t word = 0; word < classes.size(); ++word) {
            if (classes[word] == kIgnoredLabel) {
                rows.push_back(nullptr);
            } else {
                rows.push_back(to_list(logits.subspan(word * labels, labels)));
            }
        }
        line["logits"] = rows;
    }
    return line.dump() + "\n";
}

}  // namespace finewatt
