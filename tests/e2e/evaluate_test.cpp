// `finewatt evaluate` as a real program.

#include "finewatt/testing/shared_data.h"

#include <gtest/gtest.h>

#include <fstream>

#include "program.h"

namespace finewatt::e2e {
namespace {

class Evaluate : public ProgramTest {
  protected:
    SubprocessResult evaluate(const std::string& task, const std::string& data,
                              const std::string& predictions) {
        return finewatt(
            {"evaluate", "--json", "--task", task, "--data", data, "--predictions", predictions});
    }

    std::string write(const std::string& name, const std::string& text) {
        return tree_.write(name, text).string();
    }
};

TEST_F(Evaluate, OfficialSquadFiguresComeOut) {
    FINEWATT_SHARED_OR_SKIP(folder, "data/squad");
    const auto result =
        evaluate("squad_v2", (folder / "dev-v2.0-2articles-official-ids.json.gz").string(),
                 (folder / "pred-bert-v2.0-2articles.json.gz").string());
    ASSERT_EQ(result.exit_status, 0) << result.stderr_text;
    const nlohmann::json metrics = last_line_json(result.stdout_text)["metrics"];
    std::ifstream expected_file(folder / "eval-expected-v2.0-2articles.json");
    const nlohmann::json expected = nlohmann::json::parse(expected_file);
    for (const auto& [name, value] : expected.items()) {
        EXPECT_NEAR(metrics[name].get<double>(), value.get<double>(), 1e-9) << name;
    }
}

TEST_F(Evaluate, ClassesAndTagsAreScoredByIdInAnyOrder) {
    const std::string texts = write("d.tsv", "text\tlabel\ngood\tpos\nbad\tneg\n");
    const std::string labels =
        write("p.jsonl", "{\"id\":1,\"label\":\"neg\"}\n{\"id\":0,\"label\":\"neg\"}\n");
    EXPECT_EQ(last_line_json(
                  evaluate("classification", texts, labels).stdout_text)["metrics"]["accuracy"],
              0.5);
    const std::string tagged = write("d.conll", "Ann B-PER\nsings O\n");
    const std::string tags = write("t.jsonl", "{\"id\":0,\"tags\":[\"B-PER\",\"O\"]}\n");
    EXPECT_EQ(last_line_json(evaluate("ner", tagged, tags).stdout_text)["metrics"]["f1"], 1.0);
}

TEST_F(Evaluate, BrokenPredictionsAreBadInputAndPrintNothing) {
    const std::string texts = write("d.tsv", "text\tlabel\ngood\tpos\nbad\tneg\n");
    for (const auto& [lines, message] : std::vector<std::pair<std::string, std::string>>{
             {"{\"id\":0,\"label\":\"pos\"}\n", "found none for id 1"},
             {"{\"id\":7,\"label\":\"pos\"}\n", "line 1: id 7 is not one of the 2"},
             {"{\"id\":0,\"label\":\"pos\"}\n{\"id\":0,\"label\":\"pos\"}\n", "given before"},
             {"pos\n", "line 1: expected a JSON object"}}) {
        const auto result = evaluate("classification", texts, write("p.jsonl", lines));
        EXPECT_EQ(result.exit_status, 4);
        EXPECT_EQ(result.stdout_text, "");
        EXPECT_NE(result.stderr_text.find(message), std::string::npos) << result.stderr_text;
    }
    EXPECT_EQ(evaluate("dancing", texts, "p").exit_status, 2);
}

}  // namespace
}  // namespace finewatt::e2e
