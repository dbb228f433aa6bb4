#include "finewatt/base/file.h"
#include "finewatt/data/tensor_file.h"
#include "finewatt/engine/model_cases_internal.h"
#include "finewatt/engine/model_files_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using testing::ModelKind;
using testing::small_config;

ModelConfig tiny_config() {
    ModelConfig config;
    config.vocab_size = 10;
    config.hidden_size = 8;
    config.num_hidden_layers = 1;
    config.num_attention_heads = 2;
    config.intermediate_size = 12;
    config.max_position_embeddings = 6;
    config.type_vocab_size = 2;
    return config;
}

/// Weights by name, to be changed and written by a test.
using Weights = std::map<std::string, at::Tensor>;

Weights weights_of(const Model& model) {
    Weights weights;
    for (const NamedTensor& named : model.named_tensors()) {
        weights[named.name] = named.tensor.contiguous();
    }
    return weights;
}

class LoadWeights : public ::testing::Test {
  protected:
    std::filesystem::path write(const Weights& weights) const {
        std::vector<TensorToWrite> tensors;
        for (const auto& [name, tensor] : weights) {
            tensors.push_back(
                {name,
                 tensor.sizes().vec(),
                 {tensor.const_data_ptr<float>(), static_cast<std::size_t>(tensor.numel())}});
        }
        EXPECT_OK(write_tensor_file(file_, std::move(tensors)));
        return file_;
    }

    void expect_equal_to_saved() const {
        const Weights got = weights_of(loaded_);
        for (const auto& [name, want] : weights_of(saved_)) {
            EXPECT_TRUE(got.at(name).equal(want)) << name;
        }
    }

    testing::TempTree tree_;
    std::filesystem::path file_ = tree_.path() / "model.safetensors";
    Model saved_{tiny_config(), HeadKind::kClassification, 2, 1};
    Model loaded_{tiny_config(), HeadKind::kClassification, 2, 2};
};

TEST_F(LoadWeights, TakesEveryTensorUnderItsOwnName) {
    ASSERT_OK_AND_ASSIGN(const WeightReport report,
                         load_weights(write(weights_of(saved_)), loaded_));
    EXPECT_THAT(report.initialised, ElementsAre());
    EXPECT_THAT(report.unused, ElementsAre());
    expect_equal_to_saved();
}

TEST_F(LoadWeights, TakesNamesWithoutPrefixOldLayerNormsAndPositionIds) {
    Weights old;
    for (const auto& [name, tensor] : weights_of(saved_)) {
        std::string renamed = name.starts_with("bert.") ? name.substr(5) : name;
        const auto norm = renamed.find("LayerNorm.");
        if (norm != std::string::npos) {
            renamed = renamed.substr(0, norm) +
                      (renamed.ends_with("weight") ? "LayerNorm.gamma" : "LayerNorm.beta");
        }
        old[renamed] = tensor;
    }
    old["embeddings.position_ids"] = at::zeros({6});
    old["cls.seq_relationship.bias"] = at::zeros({2});
    ASSERT_OK_AND_ASSIGN(const WeightReport report, load_weights(write(old), loaded_));
    EXPECT_THAT(report.unused, ElementsAre("cls.seq_relationship.bias"));
    expect_equal_to_saved();
}

TEST_F(LoadWeights, AMissingHeadStaysRandomAndIsReported) {
    Weights weights = weights_of(saved_);
    weights.erase("classifier.weight");
    weights.erase("classifier.bias");
    const at::Tensor before = weights_of(loaded_).at("classifier.weight").clone();
    ASSERT_OK_AND_ASSIGN(const WeightReport report, load_weights(write(weights), loaded_));
    EXPECT_THAT(report.initialised, ElementsAre("classifier.weight", "classifier.bias"));
    EXPECT_TRUE(weights_of(loaded_).at("classifier.weight").equal(before));
}

TEST_F(LoadWeights, AnyOtherMissingWeightIsAnErrorWithItsName) {
    Weights weights = weights_of(saved_);
    weights.erase("bert.encoder.layer.0.output.dense.bias");
    EXPECT_ERROR(kCorrupt, load_weights(write(weights), loaded_),
                 "bert.encoder.layer.0.output.dense.bias");
}

TEST_F(LoadWeights, AShapeThatContradictsTheConfigIsAnError) {
    Weights weights = weights_of(saved_);
    weights["bert.pooler.dense.weight"] = at::zeros({8, 9});
    EXPECT_ERROR(kInvalidArgument, load_weights(write(weights), loaded_),
                 "bert.pooler.dense.weight");
}

TEST_F(LoadWeights, EmptyCutOffAndMissingFilesAreErrorsWithTheirPath) {
    EXPECT_ERROR(kNotFound, load_weights(tree_.path() / "none.safetensors", loaded_),
                 "none.safetensors");
    EXPECT_ERROR(kCorrupt, load_weights(tree_.write("empty.safetensors", ""), loaded_),
                 "empty.safetensors");
    write(weights_of(saved_));
    std::filesystem::resize_file(file_, std::filesystem::file_size(file_) - 5);
    EXPECT_ERROR(kCorrupt, load_weights(file_, loaded_), "model.safetensors");
}

TEST_F(LoadWeights, TheHeadOfAnotherKindOfModelIsNotTaken) {
    ModelConfig config = tiny_config();
    config.architecture = "BertForTokenClassification";  // it calls its head classifier, too
    const Model model(config, HeadKind::kClassification, 2, 2);
    ASSERT_OK_AND_ASSIGN(const WeightReport report, load_weights(write(weights_of(saved_)), model));
    EXPECT_THAT(report.initialised, ElementsAre("classifier.weight", "classifier.bias"));
    EXPECT_THAT(report.unused, ElementsAre("classifier.bias", "classifier.weight"));
    EXPECT_TRUE(model.values().head_dense.weight.equal(saved_.values().head_dense.weight));
    EXPECT_FALSE(model.values().head.weight.equal(saved_.values().head.weight));
}

TEST_F(LoadWeights, LabelsOfTheHeadAreReadFromItsShape) {
    ASSERT_OK_AND_ASSIGN(const WeightFiles files, WeightFiles::open(write(weights_of(saved_))));
    ModelConfig config = tiny_config();
    const auto labels = [&](HeadKind head) { return head_labels(files, config, head).value(); };
    EXPECT_EQ(labels(HeadKind::kClassification), 2);
    EXPECT_EQ(labels(HeadKind::kQuestionAnswering), std::nullopt);  // no qa_outputs
    config.architecture = "BertForSequenceClassification";
    EXPECT_EQ(labels(HeadKind::kClassification), 2);
    EXPECT_EQ(labels(HeadKind::kTokenClassification), std::nullopt);
}

class EveryKindOfModel : public ::testing::TestWithParam<ModelKind> {
  protected:
    static Model model_of(std::uint64_t seed) {
        return Model(small_config(GetParam().family, 0), GetParam().head, GetParam().labels, seed);
    }

    testing::TempTree tree_;
};

TEST_P(EveryKindOfModel, SavedFolderIsLoadedWithTheSameWeights) {
    const Model saved = model_of(1);
    const Model loaded = model_of(2);
    const auto folder = tree_.path() / "model";
    std::filesystem::create_directory(folder);
    const auto vocab = tree_.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n");
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer,
                         WordPieceTokenizer::from_vocab_file(vocab, TokenizerOptions{}));
    const std::vector<std::string> names = GetParam().head == HeadKind::kClassification
                                               ? std::vector<std::string>{"a", "b", "c"}
                                               : std::vector<std::string>{};
    ASSERT_OK(write_model_folder(folder, saved, names, tokenizer));
    ASSERT_OK_AND_ASSIGN(const WeightReport report, load_weights(folder, loaded));
    EXPECT_THAT(report.initialised, ElementsAre());
    EXPECT_THAT(report.unused, ElementsAre());
    EXPECT_TRUE(loaded.flat_values().equal(saved.flat_values()));
    ASSERT_OK_AND_ASSIGN(const ModelConfig config, read_model_config(folder / "config.json"));
    EXPECT_EQ(config.family, GetParam().family);
    EXPECT_EQ(config.architecture, architecture_name(GetParam().family, GetParam().head));
    EXPECT_EQ(config.label_names, names);
}

TEST_P(EveryKindOfModel, TakesABareEncoderAndMakesANewHead) {
    const Model saved = model_of(1);
    const Model loaded = model_of(2);
    const std::string prefix = std::string(model_family_name(GetParam().family)) + ".";
    std::vector<TensorToWrite> tensors;
    const std::vector<NamedTensor> named = saved.named_tensors();
    for (const NamedTensor& weight : named) {
        if (weight.name.starts_with(prefix)) {
            tensors.push_back({weight.name.substr(prefix.size()), weight.tensor.sizes().vec(),
                               testing::values_of(weight.tensor)});
        }
    }
    const auto file = tree_.path() / "model.safetensors";
    ASSERT_OK(write_tensor_file(file, std::move(tensors)));
    ASSERT_OK_AND_ASSIGN(const WeightReport report, load_weights(file, loaded));
    EXPECT_THAT(report.unused, ElementsAre());
    EXPECT_THAT(report.initialised, ::testing::Contains(::testing::EndsWith(".weight")));
    EXPECT_TRUE(loaded.values().blocks[1].query_key_value.weight.equal(
        saved.values().blocks[1].query_key_value.weight));
    EXPECT_FALSE(loaded.values().head.weight.equal(saved.values().head.weight));
}

INSTANTIATE_TEST_SUITE_P(Models, EveryKindOfModel, ::testing::ValuesIn(testing::all_model_kinds()),
                         [](const auto& tested) { return tested.param.name(); });

TEST(OutputFolder, LeavesNothingBehindUntilItIsPublished) {
    const testing::TempTree tree;
    const auto folder = tree.path() / "a" / "out";
    {
        ASSERT_OK_AND_ASSIGN(const OutputFolder output, OutputFolder::prepare(folder));
        std::ofstream(output.staging() / "half.txt") << "half";
    }
    EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(OutputFolder, PublishingReplacesFilesAndKeepsOthers) {
    const testing::TempTree tree;
    tree.write("out/config.json", "old");
    tree.write("out/notes.txt", "mine");
    {
        ASSERT_OK_AND_ASSIGN(OutputFolder output, OutputFolder::prepare(tree.path() / "out"));
        ASSERT_OK(write_file_atomically(output.staging() / "config.json", "new"));
        ASSERT_OK(output.publish());
    }
    ASSERT_OK_AND_ASSIGN(const std::string config, read_file(tree.path() / "out/config.json"));
    ASSERT_OK_AND_ASSIGN(const std::string notes, read_file(tree.path() / "out/notes.txt"));
    EXPECT_EQ(config, "new");
    EXPECT_EQ(notes, "mine");
    const auto entries = std::distance(std::filesystem::directory_iterator(tree.path() / "out"),
                                       std::filesystem::directory_iterator());
    EXPECT_EQ(entries, 2);
}

TEST(OutputFolder, AFileInTheWayIsAnErrorBeforeTheWork) {
    const testing::TempTree tree;
    const auto file = tree.write("out", "a file");
    const auto prepared = OutputFolder::prepare(file);
    ASSERT_FALSE(prepared.has_value());
    EXPECT_THAT(prepared.error().describe(), ::testing::HasSubstr(file.string()));
}

}  // namespace
}  // namespace finewatt
