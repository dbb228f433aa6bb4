// Against transformers: tests/parity/generate/make_model_reference.py made the vectors, for every
// family and head.
#include "finewatt/data/tensor_file.h"
#include "finewatt/engine/adamw.h"
#include "finewatt/engine/model_cases_internal.h"
#include "finewatt/engine/model_files_internal.h"
#include "finewatt/engine/plain_model_internal.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/engine/schedule.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <utility>

namespace finewatt {
namespace {

using testing::ModelKind;
using testing::TestSequence;

// float32 sums over up to 24 terms in another order, through two blocks.
constexpr double kActivationTolerance = 1e-5;
// The same through the backward pass; gradients are at most about 2.
constexpr double kGradientTolerance = 2e-5;

/// What is compared with the reference.
struct ParityCase {
    ModelKind kind;
    std::string folder;
    BatchingMode mode;
};

std::vector<ParityCase> all_cases() {
    std::vector<ParityCase> cases;
    for (const ModelKind& kind : testing::all_model_kinds()) {
        const char* head = kind.head == HeadKind::kClassification        ? "classification"
                           : kind.head == HeadKind::kTokenClassification ? "tokens"
                                                                         : "answers";
        const std::string folder = fmt::format("{}_{}", model_family_name(kind.family), head);
        for (const BatchingMode mode : {BatchingMode::kUnpadded, BatchingMode::kDynamic}) {
            cases.push_back({kind, folder, mode});
        }
    }
    return cases;
}

class ModelParity : public ::testing::TestWithParam<ParityCase> {
  protected:
    // One thread: the tiny products are not worth sharing, and waiting threads spin.
    static void SetUpTestSuite() { start_runtime(1); }

    void SetUp() override {
        const auto folder =
            std::filesystem::path(testing::source_dir()) / "tests/parity/data" / GetParam().folder;
        auto file = TensorFile::open(folder / "reference.safetensors");
        ASSERT_OK(file);
        reference_.emplace(std::move(file).value());
        auto config = read_model_config(folder / "config.json");
        ASSERT_OK(config);
        model_.emplace(*config, GetParam().kind.head, GetParam().kind.labels, 0);
        auto report = load_weights(folder, *model_);
        ASSERT_OK(report);
        EXPECT_TRUE(report->initialised.empty());
        EXPECT_TRUE(report->unused.empty());
        input_ = testing::input_of(sequences_of_reference(), GetParam().mode);
    }

    bool has(const std::string& name) const { return reference_->tensors().contains(name); }

    /// An input array; they are stored as int32.
    std::span<const std::int32_t> integers(const std::string& name) const {
        const TensorView& view = reference_->tensors().at(name);
        return {reinterpret_cast<const std::int32_t*>(view.bytes.data()),
                view.bytes.size() / sizeof(std::int32_t)};
    }

    std::vector<float> floats(const std::string& name) const {
        auto values = reference_->read_float32(name, reference_->tensors().at(name).shape);
        EXPECT_OK(values);
        return std::move(values).value();
    }

    std::vector<TestSequence> sequences_of_reference() const {
        const auto ids = integers("input.input_ids");
        const auto mask = integers("input.attention_mask");
        const auto longest =
            static_cast<std::size_t>(reference_->tensors().at("input.input_ids").shape[1]);
        const bool has_types = has("input.token_type_ids");
        const HeadKind head = GetParam().kind.head;
        std::vector<TestSequence> sequences;
        for (std::size_t row = 0; row * longest < ids.size(); ++row) {
            TestSequence sequence;
            for (std::size_t i = row * longest; i < (row + 1) * longest && mask[i] == 1; ++i) {
                sequence.ids.push_back(ids[i]);
                sequence.type_ids.push_back(has_types ? integers("input.token_type_ids")[i] : 0);
                sequence.token_labels.push_back(
                    head == HeadKind::kTokenClassification ? integers("input.labels")[i] : 0);
            }
            if (head == HeadKind::kClassification) {
                sequence.label = integers("input.labels")[row];
            }
            if (head == HeadKind::kQuestionAnswering) {
                sequence.answer_start = integers("input.start_positions")[row];
                sequence.answer_end = integers("input.end_positions")[row];
            }
            sequences.push_back(sequence);
        }
        return sequences;
    }

    /// Compare packed rows [T, W] with a padded reference [B, S, W], at the real tokens.
    void expect_rows(const at::Tensor& got, const std::string& name) const {
        const std::vector<float> want = floats(name);
        const auto& shape = reference_->tensors().at(name).shape;
        const auto mask = integers("input.attention_mask");
        std::vector<float> got_values;
        std::vector<float> want_values;
        const auto rows = got.detach().contiguous();
        for (std::size_t r = 0; r < input_.rows_in_batch.size(); ++r) {
            const auto place = static_cast<std::size_t>(input_.rows_in_batch[r] * shape[1] +
                                                        input_.row_positions[r]);
            if (mask[place] == 0) {
                continue;
            }
            const auto width = static_cast<std::size_t>(shape[2]);
            const float* row = rows.const_data_ptr<float>() + r * width;
            got_values.insert(got_values.end(), row, row + width);
            const auto begin = want.begin() + static_cast<std::ptrdiff_t>(place * width);
            want_values.insert(want_values.end(), begin,
                               begin + static_cast<std::ptrdiff_t>(width));
        }
        testing::expect_near_all(got_values, want_values, kActivationTolerance, 1e-5, name);
    }

    static void expect_tensor(const at::Tensor& got, const std::vector<float>& want,
                              double absolute, const std::string& name) {
        const at::Tensor values = got.detach().contiguous();
        testing::expect_near_all(testing::values_of(values), want, absolute, 1e-5, name);
    }

    ModelOutput forward() const {
        return plain_forward(*model_, input_, DropoutStep{1, 0});  // its dropout is 0
    }

    at::Tensor loss_now() const { return plain_loss(*model_, forward(), input_); }

    /// Answers lose differently with padding; the reference has both.
    std::string prefix() const {
        const bool is_unpadded_answers = GetParam().mode == BatchingMode::kUnpadded &&
                                         GetParam().kind.head == HeadKind::kQuestionAnswering;
        return is_unpadded_answers ? "unpadded." : "";
    }

    std::optional<TensorFile> reference_;
    std::optional<Model> model_;
    PackedInput input_;
};

TEST_P(ModelParity, ForwardPassEqualsTransformers) {
    const ModelOutput output = forward();
    expect_rows(output.embeddings, "embeddings");
    for (std::size_t layer = 0; layer < output.blocks.size(); ++layer) {
        expect_rows(output.blocks[layer], fmt::format("block.{}", layer));
    }
    if (GetParam().kind.head == HeadKind::kClassification) {
        expect_tensor(output.logits, floats("logits"), kActivationTolerance, "logits");
    } else {
        expect_rows(output.logits, "logits");
    }
    expect_tensor(plain_loss(*model_, output, input_), floats(prefix() + "loss"),
                  kActivationTolerance, "loss");
}

TEST_P(ModelParity, EveryGradientEqualsTransformers) {
    loss_now().backward();
    std::size_t compared = 0;
    for (const NamedTensor& gradient : model_->named_gradients()) {
        expect_tensor(gradient.tensor, floats(prefix() + "gradient." + gradient.name),
                      kGradientTolerance, gradient.name);
        ++compared;
    }
    std::size_t wanted = 0;
    for (const auto& entry : reference_->tensors()) {
        wanted += entry.first.starts_with("gradient.") ? 1U : 0U;
    }
    EXPECT_EQ(compared, wanted);
}

/// Return whether the exact gradient is 0, so that what is computed is rounding noise. Adam divides
/// a gradient by its own size: the update is then noise of up to the rate, 1e-3, with either sign.
/// A softmax does not see what is the same for all its inputs: the bias of the keys and, where it
/// runs over positions (answers), the bias of the head and of the last LayerNorm.
bool has_no_gradient(const std::string& name) {
    const bool is_answers = ModelParity::GetParam().kind.head == HeadKind::kQuestionAnswering;
    return name.ends_with("key.bias") || name.ends_with("k_lin.bias") ||
           (is_answers &&
            (name == "qa_outputs.bias" || name.ends_with("layer.1.output.LayerNorm.bias") ||
             name.ends_with("layer.1.output_layer_norm.bias")));
}

TEST_P(ModelParity, TenAdamWStepsEqualTransformers) {
    const auto size = static_cast<std::size_t>(model_->layout().size());
    std::vector<float> first_moments(size);
    std::vector<float> second_moments(size);
    AdamWOptions options;
    options.weight_decay = 0.01;
    FlatAdamW optimizer({{model_->flat_values().mutable_data_ptr<float>(), size},
                         {model_->flat_gradients().mutable_data_ptr<float>(), size},
                         first_moments,
                         second_moments,
                         {},
                         model_->layout().decayed_size()},
                        options);
    const std::vector<float> want_losses = floats(prefix() + "train.losses");
    const std::vector<float> want_norms = floats(prefix() + "train.gradient_norms");
    for (std::int64_t step = 0; step < 10; ++step) {
        model_->clear_gradients();
        const at::Tensor loss = loss_now();
        loss.backward();
        const double norm = optimizer.gradient_norm();
        // 1e-4: errors of a step feed the next one.
        EXPECT_NEAR(loss.item<float>(), want_losses[static_cast<std::size_t>(step)], 1e-4);
        EXPECT_NEAR(norm, want_norms[static_cast<std::size_t>(step)], 1e-3);
        optimizer.step(norm, linear_rate(1e-3, step, 0, 10), FlatAdamW::Gradients::kKept);
        if (step > 0) {
            continue;
        }
        for (const NamedTensor& weight : model_->named_tensors()) {
            expect_tensor(weight.tensor, floats(prefix() + "trained." + weight.name),
                          has_no_gradient(weight.name) ? 2e-3 : 1e-5, weight.name);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(AllKinds, ModelParity, ::testing::ValuesIn(all_cases()),
                         [](const ::testing::TestParamInfo<ParityCase>& test) {
                             return fmt::format("{}_{}", test.param.folder,
                                                batching_mode_name(test.param.mode));
                         });

}  // namespace
}  // namespace finewatt
