// Against transformers: tests/parity/generate/make_bert_reference.py made the vectors.
#include "finewatt/data/tensor_file.h"
#include "finewatt/engine/adamw.h"
#include "finewatt/engine/model_files_internal.h"
#include "finewatt/engine/schedule.h"
#include "finewatt/testing/matchers.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <numeric>
#include <utility>

namespace finewatt {
namespace {

// float32 sums over up to 64 terms in another order, through three blocks.
constexpr double kActivationTolerance = 2e-5;
// The same through the backward pass; gradients are at most about 0.2.
constexpr double kGradientTolerance = 2e-5;

std::filesystem::path data_file(const std::string& name) {
    return std::filesystem::path(FINEWATT_SOURCE_DIR) / "tests/parity/data" / name;
}

/// What is compared with the reference.
struct Form {
    BatchingMode mode;
    ModelForm form;
};

class BertParity : public ::testing::TestWithParam<Form> {
  protected:
    void SetUp() override {
        auto file = TensorFile::open(data_file("bert_tiny_reference.safetensors"));
        ASSERT_OK(file);
        reference_.emplace(std::move(file).value());
        auto config = read_model_config(data_file("bert_tiny/config.json"));
        ASSERT_OK(config);
        model_.emplace(*config, 3, 0);
        model_->set_form(GetParam().form);
        auto report = load_weights(data_file("bert_tiny/model.safetensors"), *model_);
        ASSERT_OK(report);
        EXPECT_TRUE(report->initialised.empty());
        EXPECT_TRUE(report->unused.empty());
        input_ = pack_input(make_batch_from_reference());
    }

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

    Batch make_batch_from_reference() const {
        const auto ids = integers("input.input_ids");
        const auto types = integers("input.token_type_ids");
        const auto mask = integers("input.attention_mask");
        const auto labels = integers("input.labels");
        const std::size_t longest = ids.size() / labels.size();
        FeatureSetBuilder builder(TaskKind::kClassification);
        for (std::size_t row = 0; row < labels.size(); ++row) {
            std::size_t length = 0;
            while (length < longest && mask[row * longest + length] == 1) {
                ++length;
            }
            builder.add({.ids = ids.subspan(row * longest, length),
                         .type_ids = types.subspan(row * longest, length),
                         .label = labels[row]});
        }
        const FeatureSet features = std::move(builder).finish();
        std::vector<std::int64_t> all(features.size());
        std::iota(all.begin(), all.end(), 0);
        return make_batch(features, all, GetParam().mode, 64, 0);
    }

    /// Compare packed rows [T, H] with a padded reference [B, S, H], at the real tokens.
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
        testing::expect_near_all(
            {values.const_data_ptr<float>(), static_cast<std::size_t>(values.numel())}, want,
            absolute, 1e-5, name);
    }

    std::optional<TensorFile> reference_;
    std::optional<BertClassifier> model_;
    PackedInput input_;
};

TEST_P(BertParity, ForwardPassEqualsTransformers) {
    const BertOutput output = model_->forward(input_, std::nullopt);
    expect_rows(output.embeddings, "embeddings");
    // Where only the first tokens' rows of the last block are computed, `pooled` speaks for them.
    const bool has_last_block = GetParam().form == ModelForm::kPlain || input_.is_padded;
    for (std::size_t layer = 0; layer + (has_last_block ? 0 : 1) < output.blocks.size(); ++layer) {
        expect_rows(output.blocks[layer], fmt::format("block.{}", layer));
    }
    expect_tensor(output.pooled, floats("pooled"), kActivationTolerance, "pooled");
    expect_tensor(output.logits, floats("logits"), kActivationTolerance, "logits");
    expect_tensor(at::cross_entropy_loss(output.logits, input_.labels), floats("loss"),
                  kActivationTolerance, "loss");
}

TEST_P(BertParity, EveryGradientEqualsTransformers) {
    const BertOutput output = model_->forward(input_, DropoutStep{1, 0});  // its dropout is 0
    at::cross_entropy_loss(output.logits, input_.labels).backward();
    const auto gradients = model_->named_gradients();
    ASSERT_EQ(gradients.size(), 5U + 3U * 16U + 4U);
    for (const NamedTensor& gradient : gradients) {
        expect_tensor(gradient.tensor, floats("gradient." + gradient.name), kGradientTolerance,
                      gradient.name);
    }
}

TEST_P(BertParity, FiveAdamWStepsEqualTransformers) {
    std::vector<AdamWParameter> parameters;
    for (const TrainedTensor& trained : model_->trained_tensors()) {
        parameters.push_back({{trained.tensor.mutable_data_ptr<float>(),
                               static_cast<std::size_t>(trained.tensor.numel())},
                              trained.is_decayed});
    }
    AdamWOptions options;
    options.weight_decay = 0.01;
    AdamW optimizer(std::move(parameters), options);
    const std::vector<float> want_losses = floats("train.losses");
    const std::vector<float> want_norms = floats("train.gradient_norms");
    for (std::int64_t step = 0; step < 5; ++step) {
        model_->clear_gradients();
        const at::Tensor loss =
            at::cross_entropy_loss(model_->forward(input_, std::nullopt).logits, input_.labels);
        loss.backward();
        std::vector<std::span<const float>> gradients;
        for (const TrainedTensor& trained : model_->trained_tensors()) {
            const at::Tensor gradient = trained.tensor.grad();
            gradients.emplace_back(gradient.const_data_ptr<float>(),
                                   static_cast<std::size_t>(gradient.numel()));
        }
        const double norm = AdamW::gradient_norm(gradients);
        // 1e-4: errors of a step feed the next one.
        EXPECT_NEAR(loss.item<float>(), want_losses[static_cast<std::size_t>(step)], 1e-4);
        EXPECT_NEAR(norm, want_norms[static_cast<std::size_t>(step)], 1e-3);
        optimizer.step(gradients, norm, linear_rate(1e-3, step, 2, 5));
    }
    for (const NamedTensor& weight : model_->named_tensors()) {
        // Adam divides a gradient by its own size, so where the gradient is rounding noise the
        // update is noise of up to the rates' sum, 2.5e-3. That is so for every key bias: softmax
        // does not see a constant, hence its gradient is 0. Elsewhere a few elements are small.
        const bool is_noise = weight.name.ends_with("key.bias");
        expect_tensor(weight.tensor, floats("trained." + weight.name), is_noise ? 5e-3 : 2e-5,
                      weight.name);
    }
}

INSTANTIATE_TEST_SUITE_P(Forms, BertParity,
                         ::testing::Values(Form{BatchingMode::kUnpadded, ModelForm::kPlain},
                                           Form{BatchingMode::kFixed, ModelForm::kPlain},
                                           Form{BatchingMode::kUnpadded, ModelForm::kFused},
                                           Form{BatchingMode::kFixed, ModelForm::kFused}));

}  // namespace
}  // namespace finewatt
