#include "finewatt/engine/prediction_lines.h"

#include "finewatt/data/features.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace finewatt {
namespace {

TEST(PredictionLines, EachRowOfLogitsIsOneLine) {
    const std::vector<float> logits = {2, 0, 0, 1};
    const std::string lines = class_lines(logits, {"no", "yes"}, true);
    const std::size_t end = lines.find('\n');
    const auto first = nlohmann::json::parse(lines.substr(0, end));
    const auto second = nlohmann::json::parse(lines.substr(end + 1));
    EXPECT_EQ(first["label"], "no");
    EXPECT_EQ(second["id"], 1);
    EXPECT_EQ(second["label"], "yes");
    EXPECT_NEAR(first["scores"][0].get<double>(), 0.8807970779778823, 1e-12);  // 1 / (1 + e^-2)
    EXPECT_EQ(first["logits"][0], 2.0);
    EXPECT_EQ(class_lines(logits, {"no", "yes"}, false).find("logits"), std::string::npos);
}

TEST(PredictionLines, AWordThatWasCutOffHasNeitherTagNorLogits) {
    const std::vector<std::int32_t> classes = {1, kIgnoredLabel};
    const std::vector<float> logits = {0.5F, 1.5F, 0, 0};
    const auto line =
        nlohmann::json::parse(tag_line(4, {"B-PER", std::nullopt}, classes, logits, true));
    EXPECT_EQ(line["id"], 4);
    EXPECT_EQ(line["tags"][0], "B-PER");
    EXPECT_TRUE(line["tags"][1].is_null());
    EXPECT_EQ(line["tags"].size(), 2U);
    EXPECT_EQ(line["logits"][0][1], 1.5);
    EXPECT_TRUE(line["logits"][1].is_null());
}

}  // namespace
}  // namespace finewatt
