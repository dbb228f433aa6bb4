#include "finewatt/data/model_config.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace finewatt {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

json small_config() {
    return {{"model_type", "bert"},          {"vocab_size", 100},        {"hidden_size", 24},
            {"num_hidden_layers", 2},        {"num_attention_heads", 3}, {"intermediate_size", 48},
            {"max_position_embeddings", 64}, {"type_vocab_size", 2}};
}

Result<ModelConfig> read_text(const std::string& text) {
    testing::TempTree tree;
    return read_model_config(tree.write("config.json", text));
}

/// Read the small configuration with one key changed; a null value takes the key away.
Result<ModelConfig> read_with(const std::string& key, const json& value) {
    json config = small_config();
    config[key] = value;
    return read_text(config.dump());
}

TEST(ModelConfigRead, MissingSettingsGetTheDefaultsOfTheReference) {
    ASSERT_OK_AND_ASSIGN(const ModelConfig config, read_text(small_config().dump()));
    EXPECT_EQ(config.hidden_size, 24);
    EXPECT_EQ(config.head_size(), 8);
    EXPECT_EQ(config.hidden_act, Activation::kGelu);
    EXPECT_EQ(config.hidden_dropout_prob, 0.1);
    EXPECT_EQ(config.head_dropout(HeadKind::kClassification), 0.1);
    EXPECT_EQ(config.layer_norm_eps, 1e-12);
    EXPECT_EQ(config.pad_token_id, 0);
    EXPECT_TRUE(config.label_names.empty());
}

TEST(ModelConfigRead, TakesEverySettingOfTheFile) {
    json file = small_config();
    file.update({{"architectures", {"BertForSequenceClassification"}},
                 {"hidden_act", "gelu_pytorch_tanh"},
                 {"hidden_dropout_prob", 0.2},
                 {"attention_probs_dropout_prob", 0},
                 {"classifier_dropout", 0.3},
                 {"layer_norm_eps", 1e-6},
                 {"initializer_range", 0.05},
                 {"pad_token_id", nullptr},
                 {"id2label", {{"1", "yes"}, {"0", "no"}}},
                 {"label2id", {{"yes", 1}, {"no", 0}}}});
    ASSERT_OK_AND_ASSIGN(const ModelConfig config, read_text(file.dump()));
    EXPECT_EQ(config.architecture, "BertForSequenceClassification");
    EXPECT_EQ(config.hidden_act, Activation::kGeluTanh);
    EXPECT_EQ(config.hidden_dropout_prob, 0.2);
    EXPECT_EQ(config.attention_probs_dropout_prob, 0.0);
    EXPECT_EQ(config.head_dropout(HeadKind::kClassification), 0.3);
    EXPECT_EQ(config.layer_norm_eps, 1e-6);
    EXPECT_EQ(config.initializer_range, 0.05);
    EXPECT_FALSE(config.pad_token_id.has_value());
    EXPECT_THAT(config.label_names, ElementsAre("no", "yes"));
}

TEST(ModelConfigRead, PublishedBertBaseIsRead) {
    FINEWATT_SHARED_OR_SKIP(file, "data/vocab/bert-base-uncased-config.json");
    ASSERT_OK_AND_ASSIGN(const ModelConfig config, read_model_config(file));
    EXPECT_EQ(config.vocab_size, 30522);
    EXPECT_EQ(config.num_hidden_layers, 12);
    EXPECT_EQ(config.architecture, "BertForMaskedLM");
}

json small_distilbert() {
    return {{"model_type", "distilbert"},
            {"vocab_size", 100},
            {"dim", 24},
            {"n_layers", 2},
            {"n_heads", 3},
            {"hidden_dim", 48},
            {"max_position_embeddings", 64}};
}

TEST(DistilBertConfigRead, MissingSettingsGetTheDefaultsOfTheReference) {
    ASSERT_OK_AND_ASSIGN(const ModelConfig config, read_text(small_distilbert().dump()));
    EXPECT_EQ(config.family, ModelFamily::kDistilBert);
    EXPECT_EQ(config.head_size(), 8);
    EXPECT_EQ(config.intermediate_size, 48);
    EXPECT_EQ(config.type_vocab_size, 0);
    EXPECT_EQ(config.layer_norm_eps, 1e-12);
    EXPECT_FALSE(config.has_sinusoidal_positions);
    EXPECT_EQ(config.head_dropout(HeadKind::kClassification), 0.2);
    EXPECT_EQ(config.head_dropout(HeadKind::kTokenClassification), 0.1);
    EXPECT_EQ(config.head_dropout(HeadKind::kQuestionAnswering), 0.1);
}

TEST(DistilBertConfigRead, TakesEverySettingOfTheFile) {
    json file = small_distilbert();
    file.update({{"activation", "relu"},
                 {"dropout", 0.3},
                 {"attention_dropout", 0.4},
                 {"seq_classif_dropout", 0.5},
                 {"qa_dropout", 0},
                 {"initializer_range", 0.05},
                 {"sinusoidal_pos_embds", true},
                 {"layer_norm_eps", 1e-6}});  // no key of a DistilBERT: the reference ignores it
    ASSERT_OK_AND_ASSIGN(const ModelConfig config, read_text(file.dump()));
    EXPECT_EQ(config.hidden_act, Activation::kRelu);
    EXPECT_EQ(config.hidden_dropout_prob, 0.3);
    EXPECT_EQ(config.attention_probs_dropout_prob, 0.4);
    EXPECT_EQ(config.head_dropout(HeadKind::kClassification), 0.5);
    EXPECT_EQ(config.head_dropout(HeadKind::kTokenClassification), 0.3);
    EXPECT_EQ(config.head_dropout(HeadKind::kQuestionAnswering), 0);
    EXPECT_EQ(config.initializer_range, 0.05);
    EXPECT_TRUE(config.has_sinusoidal_positions);
    EXPECT_EQ(config.layer_norm_eps, 1e-12);
}

TEST(DistilBertConfigRead, BadValueIsNamedWithItsOwnKey) {
    const auto read = [](const char* key, const json& value) {
        json file = small_distilbert();
        file[key] = value;
        return read_text(file.dump());
    };
    EXPECT_ERROR(kInvalidArgument, read("dim", nullptr), "'dim' is missing");
    EXPECT_ERROR(kInvalidArgument, read("dim", 25), "'dim': expected a multiple of n_heads (3)");
    EXPECT_ERROR(kInvalidArgument, read("hidden_dim", 0), "'hidden_dim'");
    EXPECT_ERROR(kInvalidArgument, read("seq_classif_dropout", 1), "'seq_classif_dropout'");
    EXPECT_ERROR(kInvalidArgument, read("qa_dropout", "x"), "'qa_dropout'");
    EXPECT_ERROR(kInvalidArgument, read("sinusoidal_pos_embds", 1), "'sinusoidal_pos_embds'");
    EXPECT_ERROR(kUnsupported, read("activation", "silu"), "'activation': expected gelu");
}

TEST(DistilBertConfigWrite, ReadingBackGivesTheSameSettingsUnderItsOwnKeys) {
    ASSERT_OK_AND_ASSIGN(ModelConfig config, read_text(small_distilbert().dump()));
    config.hidden_act = Activation::kGeluTanh;
    config.hidden_dropout_prob = 0.3;
    config.seq_classif_dropout = 0.4;
    config.has_sinusoidal_positions = true;
    testing::TempTree tree;
    ASSERT_OK(write_model_config(tree.path() / "config.json", config));
    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(tree.path() / "config.json"));
    const json written = json::parse(text);
    EXPECT_EQ(written["model_type"], "distilbert");
    EXPECT_EQ(written["dim"], 24);
    EXPECT_EQ(written["activation"], "gelu_new");
    for (const char* key : {"hidden_size", "hidden_act", "type_vocab_size", "layer_norm_eps",
                            "classifier_dropout", "hidden_dropout_prob"}) {
        EXPECT_FALSE(written.contains(key)) << key;
    }
    ASSERT_OK_AND_ASSIGN(const ModelConfig back, read_model_config(tree.path() / "config.json"));
    EXPECT_EQ(back.hidden_dropout_prob, 0.3);
    EXPECT_EQ(back.seq_classif_dropout, 0.4);
    EXPECT_TRUE(back.has_sinusoidal_positions);
}

TEST(DistilBertConfigWrite, RefusesWhatTheFileHasNoPlaceFor) {
    ASSERT_OK_AND_ASSIGN(ModelConfig config, read_text(small_distilbert().dump()));
    config.type_vocab_size = 2;
    EXPECT_ERROR(kInvalidArgument, check_model_config(config), "no token types");
    config.type_vocab_size = 0;
    config.layer_norm_eps = 1e-5;
    EXPECT_ERROR(kInvalidArgument, check_model_config(config), "layer_norm_eps");
}

TEST(ModelConfig, SettingTheDropoutSetsEveryOneOfTheFamily) {
    for (const json& file : {small_config(), small_distilbert()}) {
        ASSERT_OK_AND_ASSIGN(ModelConfig config, read_text(file.dump()));
        config.set_dropout(0.35);
        EXPECT_EQ(config.hidden_dropout_prob, 0.35);
        EXPECT_EQ(config.attention_probs_dropout_prob, 0.35);
        EXPECT_EQ(config.head_dropout(HeadKind::kClassification), 0.35);
        EXPECT_EQ(config.head_dropout(HeadKind::kTokenClassification), 0.35);
    }
}

TEST(Architecture, NameSaysWhichHeadAModelHas) {
    EXPECT_EQ(architecture_name(ModelFamily::kDistilBert, HeadKind::kQuestionAnswering),
              "DistilBertForQuestionAnswering");
    const HeadKind texts = HeadKind::kClassification;
    EXPECT_FALSE(names_another_head("BertForSequenceClassification", texts));
    EXPECT_TRUE(names_another_head("BertForTokenClassification", texts));
    EXPECT_TRUE(names_another_head("DistilBertForMaskedLM", texts));
    EXPECT_FALSE(names_another_head("", texts));
    EXPECT_FALSE(names_another_head("BertModel", texts));
}

struct BadValue {
    const char* key;
    json value;
    ErrorCode code;
    const char* text;
};

TEST(ModelConfigRead, BadValueIsNamedWithItsKey) {
    const ErrorCode invalid = ErrorCode::kInvalidArgument;
    const ErrorCode unsupported = ErrorCode::kUnsupported;
    const std::vector<BadValue> rows = {
        {"hidden_size", nullptr, invalid, "'hidden_size' is missing"},
        {"type_vocab_size", nullptr, invalid, "'type_vocab_size' is missing"},
        {"num_hidden_layers", "two", invalid, "found \"two\""},
        {"num_hidden_layers", 2.0, invalid, "expected a positive integer, found 2.0"},
        {"num_hidden_layers", true, invalid, "found true"},
        {"intermediate_size", 0, invalid, "'intermediate_size': expected a positive integer"},
        {"vocab_size", -5, invalid, "found -5"},
        {"vocab_size", 18446744073709551615ULL, invalid, "found 18446744073709551615"},
        {"hidden_size", 25, invalid, "a multiple of num_attention_heads (3), found 25"},
        {"hidden_act", "swish", unsupported, "found 'swish'"},
        {"hidden_act", 3, invalid, "'hidden_act': expected a string, found 3"},
        {"model_type", nullptr, invalid, "supported: bert, distilbert"},
        {"model_type", "gpt2", unsupported,
         "expected a supported model (bert, distilbert), found 'gpt2'"},
        {"hidden_dropout_prob", 1.0, invalid, "'hidden_dropout_prob'"},
        {"attention_probs_dropout_prob", "0.1", invalid, "expected a number"},
        {"classifier_dropout", -0.1, invalid, "'classifier_dropout'"},
        {"layer_norm_eps", 0, invalid, "'layer_norm_eps'"},
        {"initializer_range", -1, invalid, "'initializer_range'"},
        {"pad_token_id", 100, invalid, "below vocab_size (100), found 100"},
        {"pad_token_id", "x", invalid, "'pad_token_id'"},
        {"architectures", "Bert", invalid, "'architectures'"},
        {"position_embedding_type", "relative_key", unsupported, "'relative_key'"},
        {"is_decoder", true, unsupported, "'is_decoder'"},
        {"id2label", json::array({"a"}), invalid, "'id2label': expected an object"},
        {"id2label", {{"0", "a"}, {"2", "b"}}, invalid, "expected the ids 0 to 1"},
        {"id2label", {{"0", "a"}, {"00", "b"}}, invalid, "found 'a' and 'b' at 0"},
        {"id2label", {{"0", "a"}, {"x", "b"}}, invalid, "found 'x'"},
        {"id2label", {{"0", "a"}, {"1", "a"}}, invalid, "found 'a' twice"},
        {"label2id", {{"a", 0}, {"b", 0}}, invalid, "found 'a' and 'b' at 0"},
        {"label2id", {{"a", "0"}}, invalid, "'label2id': expected names with ids"},
    };
    for (const BadValue& row : rows) {
        SCOPED_TRACE(row.key + std::string(" = ") + row.value.dump());
        const Result<ModelConfig> result = read_with(row.key, row.value);
        EXPECT_TRUE(testing::has_error(result, row.code, row.text));
        EXPECT_TRUE(testing::has_error(result, row.code, "config.json"));
    }
}

TEST(ModelConfigRead, ContradictingLabelMapsAreAnError) {
    json file = small_config();
    file["id2label"] = {{"0", "no"}, {"1", "yes"}};
    file["label2id"] = {{"no", 1}, {"yes", 0}};
    EXPECT_ERROR(kInvalidArgument, read_text(file.dump()),
                 "contradict each other: no, yes against yes, no");
    file["label2id"] = {{"no", 0}};
    EXPECT_ERROR(kInvalidArgument, read_text(file.dump()), "contradict each other");
}

TEST(ModelConfigRead, OneLabelMapIsEnough) {
    ASSERT_OK_AND_ASSIGN(const ModelConfig config,
                         read_with("label2id", {{"b", 1}, {"a", 0}, {"c", 2}}));
    EXPECT_THAT(config.label_names, ElementsAre("a", "b", "c"));
}

TEST(ModelConfigRead, NumLabelsGivesTheNamesOfTheReference) {
    ASSERT_OK_AND_ASSIGN(const ModelConfig config, read_with("num_labels", 3));
    EXPECT_THAT(config.label_names, ElementsAre("LABEL_0", "LABEL_1", "LABEL_2"));
    json file = small_config();
    file["num_labels"] = 3;
    file["id2label"] = {{"0", "a"}};
    EXPECT_ERROR(kInvalidArgument, read_text(file.dump()), "'num_labels' says 3");
}

TEST(ModelConfigRead, BrokenFilesAreErrors) {
    EXPECT_ERROR(kCorrupt, read_text("{\"model_type\": "), "expected JSON");
    EXPECT_ERROR(kCorrupt, read_text(""), "expected JSON");
    EXPECT_ERROR(kCorrupt, read_text("[1]"), "expected a JSON object, found array");
    testing::TempTree tree;
    EXPECT_ERROR(kNotFound, read_model_config(tree.path() / "config.json"), "config.json");
}

TEST(ModelConfigWrite, KeepsUnknownKeysAndSetsOurs) {
    json file = small_config();
    file["future_key"] = {{"a", {1, 2}}};
    file["hidden_act"] = "gelu_pytorch_tanh";
    file["torch_dtype"] = "float16";
    file["num_labels"] = 2;
    ASSERT_OK_AND_ASSIGN(ModelConfig config, read_text(file.dump()));
    config.architecture = "BertForSequenceClassification";
    config.label_names = {"neg", "neutral", "pos"};
    testing::TempTree tree;
    ASSERT_OK(write_model_config(tree.path() / "config.json", config));

    ASSERT_OK_AND_ASSIGN(const std::string text, read_file(tree.path() / "config.json"));
    const json written = json::parse(text);
    EXPECT_EQ(written["future_key"], file["future_key"]);
    EXPECT_EQ(written["hidden_act"], "gelu_pytorch_tanh");
    EXPECT_EQ(written["architectures"], json::array({"BertForSequenceClassification"}));
    EXPECT_EQ(written["id2label"], json({{"0", "neg"}, {"1", "neutral"}, {"2", "pos"}}));
    EXPECT_EQ(written["label2id"], json({{"neg", 0}, {"neutral", 1}, {"pos", 2}}));
    EXPECT_EQ(written["dtype"], "float32");
    EXPECT_TRUE(written["classifier_dropout"].is_null());
    EXPECT_FALSE(written.contains("torch_dtype"));
    EXPECT_FALSE(written.contains("num_labels"));
}

TEST(ModelConfigWrite, ReadingBackGivesTheSameSettings) {
    ASSERT_OK_AND_ASSIGN(ModelConfig config, read_text(small_config().dump()));
    config.hidden_act = Activation::kRelu;
    config.hidden_dropout_prob = 0.0;
    config.classifier_dropout = 0.25;
    config.pad_token_id = std::nullopt;
    config.label_names = {"a", "b"};
    testing::TempTree tree;
    ASSERT_OK(write_model_config(tree.path() / "config.json", config));
    ASSERT_OK_AND_ASSIGN(const ModelConfig back, read_model_config(tree.path() / "config.json"));
    EXPECT_EQ(back.vocab_size, 100);
    EXPECT_EQ(back.hidden_act, Activation::kRelu);
    EXPECT_EQ(back.hidden_dropout_prob, 0.0);
    EXPECT_EQ(back.classifier_dropout, 0.25);
    EXPECT_EQ(back.layer_norm_eps, 1e-12);
    EXPECT_FALSE(back.pad_token_id.has_value());
    EXPECT_EQ(back.label_names, config.label_names);
}

TEST(ModelConfigWrite, RefusesAConfigThatCannotBeRead) {
    testing::TempTree tree;
    const Status status = write_model_config(tree.path() / "config.json", ModelConfig{});
    EXPECT_ERROR(kInvalidArgument, status, "'vocab_size'");
    EXPECT_TRUE(std::filesystem::is_empty(tree.path()));
}

TEST(Activation, NamesAreReadBack) {
    for (const Activation activation :
         {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu}) {
        EXPECT_EQ(parse_activation(activation_name(activation)), activation);
    }
    EXPECT_EQ(parse_activation("GELU"), std::nullopt);
}

}  // namespace
}  // namespace finewatt
