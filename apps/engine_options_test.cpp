#include "engine_options.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>

#include <algorithm>

namespace finewatt {
namespace {

/// Parse a command line and complete the options.
Result<EngineOptions> parse(std::vector<std::string> arguments) {
    CLI::App app;
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // as in main()
    EngineOptions options;
    add_engine_options(app, options);
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(arguments);
    FINEWATT_TRY(complete_engine_options(app, options));
    return options;
}

std::vector<std::string> least(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"--model", "m", "--data", "d.tsv"});
    return more;
}

TEST(EngineOptions, DefaultsAreTheRecipeOfRunGlue) {
    ASSERT_OK_AND_ASSIGN(const EngineOptions options, parse(least()));
    EXPECT_DOUBLE_EQ(options.lr.value(), 2e-5);
    EXPECT_EQ(options.batch, 32);
    EXPECT_EQ(options.epochs, 3);
    EXPECT_EQ(options.max_length, 128);
    EXPECT_FALSE(options.doc_stride.has_value());
    EXPECT_EQ(options.seed, 42);
    EXPECT_EQ(options.batching, "unpadded");
    EXPECT_EQ(to_settings(options).count("eval_data"), 0U);
}

TEST(EngineOptions, EveryTaskBringsItsRecipeAndGivenSettingsWin) {
    for (const std::string_view name : task_names()) {
        const Recipe recipe = find_task(name).value().recipe;
        ASSERT_OK_AND_ASSIGN(const EngineOptions options,
                             parse(least({"--task", std::string(name), "--epochs", "7"})));
        EXPECT_EQ(options.epochs, 7);
        EXPECT_EQ(options.batch, recipe.batch) << name;
        EXPECT_EQ(options.max_length, recipe.max_length) << name;
        EXPECT_DOUBLE_EQ(options.lr.value(), recipe.lr) << name;
        EXPECT_EQ(options.doc_stride.value_or(0), recipe.doc_stride) << name;
        EXPECT_NE(recipe_table().find(name), std::string::npos);
    }
}

TEST(EngineOptions, EvaluationDataMayBeGivenTwiceAndAsAList) {
    ASSERT_OK_AND_ASSIGN(const EngineOptions options,
                         parse(least({"--eval-data", "a.tsv", "--eval-data", "b.tsv"})));
    EXPECT_EQ(options.eval_data, (std::vector<std::string>{"a.tsv", "b.tsv"}));
    const testing::TempTree tree;
    const std::string list = tree.write("list.toml", to_toml(options)).string();
    ASSERT_OK_AND_ASSIGN(const EngineOptions again, parse({"--spec", list}));
    EXPECT_EQ(again.eval_data, options.eval_data);
    const std::string one = tree.write("one.toml", "eval_data = \"a.tsv\"\n").string();
    ASSERT_OK_AND_ASSIGN(const EngineOptions single, parse(least({"--spec", one})));
    EXPECT_EQ(single.eval_data, std::vector<std::string>{"a.tsv"});
}

TEST(EngineOptions, InferTakesLengthsFromTheTaskToo) {
    InferOptions options;
    options.task = "squad_v2";
    options.model = "m";
    options.data = "d.json";
    options.predictions = "p.json";
    ASSERT_OK(complete_infer_options(options));
    EXPECT_EQ(options.max_length, 384);
    EXPECT_EQ(options.doc_stride, 128);
    EXPECT_TRUE(task_of(options).has_no_answer);
    options.precision = "fp16";
    EXPECT_ERROR(kInvalidArgument, complete_infer_options(options), "--precision");
}

TEST(EngineOptions, LengthsOfTheRecipeAreShortenedToTheModelsPositions) {
    const testing::TempTree tree;
    const std::string config =
        tree.write("config.json", R"({"model_type": "bert", "vocab_size": 40, "hidden_size": 16,
            "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
            "max_position_embeddings": 64, "type_vocab_size": 2})")
            .string();
    ASSERT_OK_AND_ASSIGN(EngineOptions options, parse(least({"--task", "ner"})));
    EXPECT_EQ(options.max_length, 512);
    EXPECT_THAT(fit_max_length(options, tree.path().string()), ::testing::HasSubstr("is 64"));
    EXPECT_EQ(options.max_length, 64);
    EXPECT_EQ(fit_max_length(options, "random:" + config), "");  // fits now
    // What the user said stays, and so do windows that would have no room for their stride.
    const std::vector<std::vector<std::string>> unchanged = {
        {"--task", "ner", "--max-length", "99"}, {"--task", "squad"}};
    for (const auto& arguments : unchanged) {
        ASSERT_OK_AND_ASSIGN(EngineOptions given, parse(least(arguments)));
        const auto before = given.max_length;
        EXPECT_EQ(fit_max_length(given, "random:" + config), "");
        EXPECT_EQ(given.max_length, before);
    }
    ASSERT_OK_AND_ASSIGN(EngineOptions lost, parse(least({"--task", "ner"})));
    EXPECT_EQ(fit_max_length(lost, "/nowhere"), "");
    EXPECT_EQ(lost.max_length, 512);
}

TEST(EngineOptions, ArgumentsOfOptionsParseBackToTheSameSettings) {
    ASSERT_OK_AND_ASSIGN(
        const EngineOptions options,
        parse(least({"--task", "pair-classification", "--text-pair-column", "s2", "--lr", "5e-5",
                     "--eval-data", "a", "--eval-data", "b", "--dropout", "0", "--max-steps", "7",
                     "--out", "-odd name"})));
    ASSERT_OK_AND_ASSIGN(const EngineOptions again, parse(to_arguments(options)));
    EXPECT_EQ(to_settings(again), to_settings(options));
    EXPECT_EQ(to_settings(again).at("lr"), "5e-05");
    EXPECT_EQ(again.out, "-odd name");
}

TEST(EngineOptions, SpecReadsBackWhatTomlWrote) {
    ASSERT_OK_AND_ASSIGN(const EngineOptions options,
                         parse(least({"--batching", "grouped", "--warmup", "0.06"})));
    const testing::TempTree tree;
    const std::string spec = tree.write("job.toml", to_toml(options)).string();
    ASSERT_OK_AND_ASSIGN(EngineOptions again, parse({"--spec", spec}));
    again.spec.reset();
    EXPECT_EQ(to_settings(again), to_settings(options));
}

TEST(EngineOptions, CommandLineWinsOverSpec) {
    const testing::TempTree tree;
    const std::string spec = tree.write("job.toml", "batch = 8\nlr = 1\n").string();
    ASSERT_OK_AND_ASSIGN(const EngineOptions options,
                         parse(least({"--batch", "16", "--spec", spec})));
    EXPECT_EQ(options.batch, 16);
    EXPECT_DOUBLE_EQ(options.lr.value(), 1.0);
}

TEST(EngineOptions, SpecErrorsNameTheLine) {
    const testing::TempTree tree;
    const auto spec = [&](const char* text) {
        return parse(least({"--spec", tree.write("job.toml", text).string()}));
    };
    EXPECT_ERROR(kCorrupt, spec("batch = 8\nbacth = 9\n"), "line 2");
    EXPECT_ERROR(kCorrupt, spec("batch = 8\nbacth = 9\n"), "'bacth'");
    EXPECT_ERROR(kCorrupt, spec("\nbatch = \"8\"\n"), "line 2: 'batch' has a value of the wrong");
    EXPECT_ERROR(kCorrupt, spec("lr = \n"), "line 1");
    EXPECT_ERROR(kNotFound, parse(least({"--spec", "/nowhere.toml"})), "/nowhere.toml");
}

TEST(EngineOptions, RefusesValuesOutOfRange) {
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
        {{"--epochs", "0"}, "--epochs"},
        {{"--batch", "-1"}, "--batch"},
        {{"--max-length", "2"}, "--max-length"},
        {{"--max-steps", "0"}, "--max-steps"},
        {{"--lr", "-1"}, "--lr"},
        {{"--lr", "nan"}, "--lr"},
        {{"--dropout", "1"}, "--dropout"},
        {{"--batching", "padded"}, "unpadded, dynamic, fixed, grouped"},
        {{"--device", "gpu"}, "auto, cpu, cuda"},
        {{"--task", "dancing"}, "squad_v2"},
        {{"--doc-stride", "8"}, "--doc-stride"},
        {{"--max-length", "64", "--task", "squad"}, "--doc-stride 128"},
        {{"--grad-accumulation", "0"}, "--grad-accumulation"},
        {{"--precision", "fp16"}, "fp32, bf16"},
        {{"--eval-every", "5"}, "--eval-data"},
        {{"--early-stop", "2"}, "--eval-every"},
        {{"--checkpoint-every", "0"}, "--checkpoint-every"},
        {{"--resume"}, "--out"},
        {{"--nproc", "2"}, "not yet"},
        {{"--text-pair-column", "b"}, "pair-classification"},
        {{"--model", "random:c.json"}, "--vocab"},
    };
    for (const auto& [arguments, text] : cases) {
        auto all = arguments[0] == "--model" ? std::vector<std::string>{"--data", "d"} : least();
        all.insert(all.end(), arguments.begin(), arguments.end());
        EXPECT_ERROR(kInvalidArgument, parse(all), text) << arguments[0];
    }
    EXPECT_ERROR(kInvalidArgument, parse({"--data", "d"}), "--model");
    EXPECT_ERROR(kInvalidArgument, parse({"--model", "m"}), "--data");
}

}  // namespace
}  // namespace finewatt
