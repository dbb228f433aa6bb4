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
    EXPECT_DOUBLE_EQ(options.lr, 2e-5);
    EXPECT_EQ(options.batch, 32);
    EXPECT_EQ(options.epochs, 3);
    EXPECT_EQ(options.max_length, 128);
    EXPECT_EQ(options.seed, 42);
    EXPECT_EQ(options.batching, "unpadded");
}

TEST(EngineOptions, ArgumentsOfOptionsParseBackToTheSameSettings) {
    ASSERT_OK_AND_ASSIGN(
        const EngineOptions options,
        parse(least({"--task", "pair-classification", "--text-pair-column", "s2", "--lr", "5e-5",
                     "--dropout", "0", "--max-steps", "7", "--out", "-odd name"})));
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
    EXPECT_DOUBLE_EQ(options.lr, 1.0);
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
        {{"--device", "cuda"}, "auto, cpu"},
        {{"--task", "squad"}, "no recipe"},
        {{"--task", "pair-classification"}, "--text-pair-column"},
        {{"--text-pair-column", "b"}, "pair-classification"},
        {{"--model", "random:c.json"}, "--vocab"},
    };
    for (const auto& [arguments, text] : cases) {
        auto all = arguments[0] == "--model" ? std::vector<std::string>{"--data", "d"} : least();
        all.insert(all.end(), arguments.begin(), arguments.end());
        EXPECT_ERROR(kInvalidArgument, parse(all), text) << arguments[0] << " " << arguments[1];
    }
    EXPECT_ERROR(kInvalidArgument, parse({"--data", "d"}), "--model");
    EXPECT_ERROR(kInvalidArgument, parse({"--model", "m"}), "--data");
}

}  // namespace
}  // namespace finewatt
