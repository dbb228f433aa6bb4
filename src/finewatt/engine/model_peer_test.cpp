// Model folders of every family and head, exchanged with transformers: it loads ours and gives the
// same logits, and we load what it saved in half precision and in shards.
#include "finewatt/data/tensor_file.h"
#include "finewatt/engine/model_cases_internal.h"
#include "finewatt/engine/model_files_internal.h"
#include "finewatt/engine/plain_model_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"
#include "finewatt/testing/temp_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <utility>

namespace finewatt {
namespace {

using testing::ModelKind;
using testing::small_config;
using testing::TestSequence;
using testing::values_of;

// float32 through two blocks, in another order of sums; logits are at most about 10.
constexpr double kLogitTolerance = 1e-4;

int shell(const std::string& command) {
    return std::system(command.c_str());  // NOLINT(cert-env33-c): fixed command lines of this test
}

/// The name of a kind in the folders' names: FAMILY.HEAD.
std::string folder_name(const ModelKind& kind) {
    const char* head = kind.head == HeadKind::kClassification        ? "classification"
                       : kind.head == HeadKind::kTokenClassification ? "tokens"
                                                                     : "answers";
    return fmt::format("{}.{}", model_family_name(kind.family), head);
}

class ModelFolders : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!std::filesystem::exists(testing::venv_python()) ||
            shell(testing::venv_python().string() + " -c 'import transformers, torch'") != 0) {
            GTEST_SKIP() << "no Python with transformers at " << testing::venv_python()
                         << "; scripts/setup makes it, FINEWATT_VENV names it";
        }
    }

    int run_script(const std::string& command, const std::string& more = "") const {
        return shell(fmt::format("{} {}/tests/parity/peer/model_folders.py {} {} {}",
                                 testing::venv_python().string(), testing::source_dir(), command,
                                 tree_.path().string(), more));
    }

    testing::TempTree tree_;
};

/// Logits of the padded batch: [B, C] or [B, S, C], in the order of the batch. Equal padded lengths
/// keep that order when they are packed.
at::Tensor padded_logits(const Model& model, const std::vector<TestSequence>& sequences) {
    const c10::NoGradGuard no_grad;
    const PackedInput input = testing::input_of(sequences, BatchingMode::kDynamic);
    at::Tensor logits = plain_forward(model, input, std::nullopt).logits;
    if (model.head_kind() != HeadKind::kClassification) {
        logits = logits.view({static_cast<std::int64_t>(sequences.size()), -1, model.labels()});
    }
    return logits.contiguous();
}

/// Write the batch in the form of model_folders.py.
Status write_batch(const std::filesystem::path& file, const std::vector<TestSequence>& sequences,
                   const at::Tensor& logits) {
    std::size_t longest = 0;
    for (const TestSequence& sequence : sequences) {
        longest = std::max(longest, sequence.ids.size());
    }
    std::vector<float> ids(sequences.size() * longest);
    std::vector<float> types(ids.size());
    std::vector<float> mask(ids.size());
    for (std::size_t s = 0; s < sequences.size(); ++s) {
        for (std::size_t i = 0; i < sequences[s].ids.size(); ++i) {
            ids[s * longest + i] = static_cast<float>(sequences[s].ids[i]);
            types[s * longest + i] = static_cast<float>(sequences[s].type_ids[i]);
            mask[s * longest + i] = 1;
        }
    }
    const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(sequences.size()),
                                             static_cast<std::int64_t>(longest)};
    return write_tensor_file(file, {{"ids", shape, ids},
                                    {"types", shape, types},
                                    {"mask", shape, mask},
                                    {"logits", logits.sizes().vec(), values_of(logits)}});
}

TEST_F(ModelFolders, OfOursGiveTheSameLogitsInTransformers) {
    const auto vocab = tree_.write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n");
    ASSERT_OK_AND_ASSIGN(const WordPieceTokenizer tokenizer,
                         WordPieceTokenizer::from_vocab_file(vocab, TokenizerOptions{}));
    const auto sequences = testing::sequences_of({5, 20, 1, 9});
    for (const ModelKind& kind : testing::all_model_kinds()) {
        SCOPED_TRACE(kind.name());
        const Model model(small_config(kind.family, 0.1), kind.head, kind.labels, 3);
        const auto folder = tree_.path() / folder_name(kind);
        std::filesystem::create_directories(folder / "model");
        std::vector<std::string> names;
        for (std::int64_t label = 0;
             kind.head != HeadKind::kQuestionAnswering && label < kind.labels; ++label) {
            names.push_back(fmt::format("name {}", label));
        }
        ASSERT_OK(write_model_folder(folder / "model", model, names, tokenizer));
        ASSERT_OK(
            write_batch(folder / "batch.safetensors", sequences, padded_logits(model, sequences)));
    }
    EXPECT_EQ(run_script("check", fmt::format("{}", kLogitTolerance)), 0);
}

/// Read sequences as write_batch writes them.
std::vector<TestSequence> read_sequences(const TensorFile& file) {
    const std::vector<std::int64_t>& shape = file.tensors().at("ids").shape;
    const std::vector<float> ids = file.read_float32("ids", shape).value();
    const std::vector<float> types = file.read_float32("types", shape).value();
    const std::vector<float> mask = file.read_float32("mask", shape).value();
    const auto longest = static_cast<std::size_t>(shape[1]);
    std::vector<TestSequence> sequences;
    for (std::size_t begin = 0; begin < ids.size(); begin += longest) {
        TestSequence sequence;
        for (std::size_t i = begin; i < begin + longest && mask[i] == 1; ++i) {
            sequence.ids.push_back(static_cast<std::int32_t>(ids[i]));
            sequence.type_ids.push_back(static_cast<std::int32_t>(types[i]));
        }
        sequence.token_labels.assign(sequence.ids.size(), 0);  // not used
        sequences.push_back(sequence);
    }
    return sequences;
}

TEST_F(ModelFolders, OfTransformersInHalfPrecisionAndInShardsGiveTheSameLogitsHere) {
    ASSERT_EQ(run_script("make"), 0);
    for (const ModelKind& kind : testing::all_model_kinds()) {
        for (const char* what : {"fp16", "bf16", "shards"}) {
            const auto folder = tree_.path() / fmt::format("{}.{}", folder_name(kind), what);
            SCOPED_TRACE(folder.filename().string());
            ASSERT_OK_AND_ASSIGN(const ModelConfig config,
                                 read_model_config(folder / "model/config.json"));
            const Model model(config, kind.head, kind.labels, 1);
            ASSERT_OK_AND_ASSIGN(const WeightReport report, load_weights(folder / "model", model));
            EXPECT_TRUE(report.initialised.empty());
            EXPECT_TRUE(report.unused.empty());
            ASSERT_OK_AND_ASSIGN(const TensorFile batch,
                                 TensorFile::open(folder / "batch.safetensors"));
            const at::Tensor got = padded_logits(model, read_sequences(batch));
            ASSERT_OK_AND_ASSIGN(const auto want, batch.read_float32("logits", got.sizes().vec()));
            testing::expect_near_all(values_of(got), want, kLogitTolerance, 1e-5, "logits");
        }
    }
    for (const ModelFamily family : {ModelFamily::kBert, ModelFamily::kDistilBert}) {
        const auto folder =
            tree_.path() / fmt::format("{}.base", model_family_name(family)) / "model";
        ASSERT_OK_AND_ASSIGN(const ModelConfig config, read_model_config(folder / "config.json"));
        const Model model(config, HeadKind::kTokenClassification, 5, 1);
        ASSERT_OK_AND_ASSIGN(const WeightReport report, load_weights(folder, model));
        EXPECT_THAT(report.initialised,
                    ::testing::ElementsAre("classifier.weight", "classifier.bias"));
        EXPECT_FALSE(report.unused.empty());  // what is left of the language model's head
    }
}

}  // namespace
}  // namespace finewatt
