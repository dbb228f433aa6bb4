// Live comparisons with Python packages: torch, transformers and safetensors. They skip with a
// reason where the virtual environment is missing.
#include "finewatt/base/file.h"
#include "finewatt/data/model_config.h"
#include "finewatt/data/order_golden_internal.h"
#include "finewatt/data/tensor_file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

namespace finewatt {
namespace {

#define SKIP_WITHOUT_PYTHON(variable)                                                    \
    const std::filesystem::path variable = testing::venv_python();                       \
    if (!std::filesystem::exists(variable)) {                                            \
        GTEST_SKIP() << "no Python environment: run scripts/setup or set FINEWATT_VENV"; \
    }

/// Run a script of golden/ and return whether it ended well.
bool run_script(const std::filesystem::path& python, const std::string& script,
                const std::string& arguments) {
    const std::string command =
        fmt::format("'{}' '{}/src/finewatt/data/golden/{}' {}", python.string(),
                    testing::source_dir(), script, arguments);
    return std::system(command.c_str()) == 0;
}

/// The tensors that check_tensor_file.py expects.
std::vector<float> expected_values() {
    std::vector<float> values;
    for (int i = 0; i < 60; ++i) {
        values.push_back(std::ldexp(static_cast<float>(i - 20), i % 5));
    }
    return values;
}

TEST(OrderPeer, OtherSeedsGiveTheOrderOfTorchToo) {
    SKIP_WITHOUT_PYTHON(python);
    testing::TempTree tree;
    const auto output = tree.path() / "order.json";
    ASSERT_TRUE(run_script(python, "generate_order.py",
                           fmt::format("--seed-shift 987654321 > '{}'", output.string())));
    ASSERT_OK_AND_ASSIGN(const std::string golden, read_file(output));
    expect_orders_equal(golden);
}

TEST(TensorFilePeer, BothSidesReadEachOther) {
    SKIP_WITHOUT_PYTHON(python);
    testing::TempTree tree;
    const auto ours = tree.path() / "ours.safetensors";
    const auto theirs = tree.path() / "theirs.safetensors";
    const auto half = tree.path() / "half.safetensors";
    const std::vector<float> values = expected_values();
    const std::vector<float> bias(values.begin(), values.begin() + 7);
    const std::vector<float> scalar = {2.5F};
    ASSERT_OK(write_tensor_file(ours, {{"encoder.weight", {3, 20}, values},
                                       {"scalar", {}, scalar},
                                       {"empty", {0, 4}, {}},
                                       {"Bias", {7}, bias}}));
    ASSERT_TRUE(
        run_script(python, "check_tensor_file.py",
                   fmt::format("'{}' '{}' '{}'", ours.string(), theirs.string(), half.string())));

    ASSERT_OK_AND_ASSIGN(const std::string our_bytes, read_file(ours));
    ASSERT_OK_AND_ASSIGN(const std::string their_bytes, read_file(theirs));
    EXPECT_EQ(our_bytes, their_bytes);

    ASSERT_OK_AND_ASSIGN(const TensorFile file, TensorFile::open(theirs));
    ASSERT_OK_AND_ASSIGN(const auto weight, file.read_float32("encoder.weight", {3, 20}));
    EXPECT_EQ(weight, values);
    ASSERT_OK_AND_ASSIGN(const TensorFile other_types, TensorFile::open(half));
    for (const char* name : {"f16", "bf16", "f64"}) {
        ASSERT_OK_AND_ASSIGN(const auto converted, other_types.read_float32(name, {7}));
        EXPECT_EQ(converted, bias) << name;
    }
}

TEST(ModelConfigPeer, TransformersAndWeReadEachOther) {
    SKIP_WITHOUT_PYTHON(python);
    testing::TempTree tree;
    ModelConfig config{.architecture = "BertForSequenceClassification",
                       .vocab_size = 60,
                       .hidden_size = 24,
                       .num_hidden_layers = 2,
                       .num_attention_heads = 3,
                       .intermediate_size = 40,
                       .max_position_embeddings = 32,
                       .type_vocab_size = 2,
                       .classifier_dropout = 0.25,
                       .label_names = {"no", "perhaps", "yes"}};
    config.hidden_act = Activation::kGeluTanh;
    std::filesystem::create_directory(tree.path() / "ours");
    ASSERT_OK(write_model_config(tree.path() / "ours" / "config.json", config));
    ASSERT_TRUE(run_script(python, "check_model_config.py",
                           fmt::format("'{0}/ours' '{0}/theirs'", tree.path().string())));
    ASSERT_OK_AND_ASSIGN(const ModelConfig back,
                         read_model_config(tree.path() / "theirs" / "config.json"));
    EXPECT_EQ(back.architecture, config.architecture);
    EXPECT_EQ(back.intermediate_size, 40);
    EXPECT_EQ(back.hidden_act, Activation::kGeluTanh);
    EXPECT_EQ(back.classifier_dropout, 0.25);
    EXPECT_EQ(back.label_names, config.label_names);
}

}  // namespace
}  // namespace finewatt
