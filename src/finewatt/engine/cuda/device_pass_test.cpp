// The pass over the emulated GPU (emulated_gpu_internal.h) against its CPU twin, FastModel.
#include "finewatt/engine/cuda/device_cases_internal.h"
#include "finewatt/engine/cuda/host_ops_internal.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/testing/matchers.h"

#include <cstring>

namespace finewatt {
namespace {

using testing::batch_of;
using testing::device_case;
using testing::DeviceCase;
using testing::expect_near_parameters;
using testing::norm_of;
using testing::values_of;

/// The device path with the CPU as its device.
class HostDevice {
  public:
    HostDevice(const Model& model, Precision precision)
        : model_(model),
          state_(DeviceState::make(model, precision, DeviceUse::kTraining, at::kCPU)),
          pass_(make_device_pass(model_, state_, ops_)) {}

    const DeviceState& state() const { return state_; }

    static DeviceInput input_of(const InputShape& shape, const PassInput& host,
                                const StepValues& values, const HeadTargets& targets) {
        DeviceInput made{{}, InputLayout(shape), 0};
        made.block = at::empty({made.layout.size}, at::kInt);
        made.keys = fill_input(made.layout, values, host, targets,
                               {made.block.mutable_data_ptr<std::int32_t>(),
                                static_cast<std::size_t>(made.layout.size)});
        return made;
    }

    at::Tensor forward(const PackedInput& input) {
        const PassInput host = pass_input_of(input);
        return pass_->forward(input_of(exact_shape(host), host, {}, {}));
    }

    /// Queue a batch as a trainer does: in its bucket, unless it has padding.
    DeviceInput step(const PackedInput& input, const StepValues& base, const LossScale& scale,
                     bool is_added) {
        const PassInput host = pass_input_of(input);
        const InputShape exact = exact_shape(host);
        StepValues values = base;
        set_loss_factors(values, model_.head_kind(), scale.divisor, scale.ends_divisor);
        const DeviceInput made = input_of(input.is_padded ? exact : bucket_of(exact), host, values,
                                          head_targets_of(model_.head_kind(), input));
        pass_->step(made, is_added);
        return made;
    }

    StepOutcome update(const DeviceInput& input) {
        update_values(state_, model_, input, nullptr);
        StepOutcome outcome;
        std::memcpy(static_cast<void*>(&outcome), state_.outcome.const_data_ptr<std::int32_t>(),
                    sizeof outcome);
        return outcome;
    }

    float loss() const { return state_.loss_sum.item<float>(); }

  private:
    const Model& model_;
    testing::HostOps ops_;
    DeviceState state_;
    std::unique_ptr<DevicePass> pass_;
};

std::vector<testing::TestSequence> sequences() {
    return testing::sequences_of({5, 20, 1, 9, 2, 9});
}

PackedInput packed(BatchingMode mode) {
    return testing::input_of(sequences(), mode);
}

class DevicePassOf : public ::testing::TestWithParam<std::size_t> {
  protected:
    static void SetUpTestSuite() { start_runtime(1); }

    DeviceCase made_ = device_case(GetParam());
    Model model_ = made_.model();
};

TEST_P(DevicePassOf, EqualsTheFastModelWithDropoutPackedAndPadded) {
    for (const BatchingMode mode : {BatchingMode::kUnpadded, BatchingMode::kDynamic}) {
        SCOPED_TRACE(batching_mode_name(mode));
        const PackedInput input = packed(mode);
        const DropoutStep dropout{7, 5};
        FastModel fast(model_, {});
        const LossScale scale = mean_loss(model_, input);
        const double want_loss = fast.step(input, dropout, scale);
        HostDevice device(model_, Precision::kFloat32);
        device.step(input, step_values(dropout, {}, 0, 1), scale, false);
        EXPECT_NEAR(device.loss(), want_loss, 2e-5 * (1 + want_loss));
        expect_near_parameters(model_, device.state().gradients, model_.flat_gradients(), 1e-4);
        testing::expect_near_all(values_of(device.forward(input)), values_of(fast.forward(input)),
                                 1e-4, 1e-4, "logits");
    }
}

TEST_P(DevicePassOf, Bfloat16RoundsWhereTheFastModelDoes) {
    const PackedInput input = packed(BatchingMode::kUnpadded);
    const DropoutStep dropout{7, 5};
    FastModel fast(model_, {});
    const LossScale scale = mean_loss(model_, input);
    const double want_loss = fast.step(input, dropout, scale);
    HostDevice device(model_, Precision::kBfloat16);
    device.step(input, step_values(dropout, {}, 0, 1), scale, false);
    // Operands have 8 bits, an error of up to 0.4 % each, which sums level out. Where it changes
    // the sign before a ReLU, a whole gradient comes or goes.
    EXPECT_NEAR(device.loss(), want_loss, 1e-2 * (1 + want_loss));
    const at::Tensor& gradients = device.state().gradients;
    EXPECT_LE(norm_of(gradients - model_.flat_gradients()),
              0.15 * norm_of(model_.flat_gradients()));
    EXPECT_FALSE(gradients.equal(model_.flat_gradients()));
    if (const Status possible = check_precision(Precision::kBfloat16); !possible) {
        GTEST_SKIP() << possible.error().describe();
    }
    const Model twin = made_.model();
    FastModel low(twin, {.precision = Precision::kBfloat16});
    low.step(input, dropout, scale);
    EXPECT_LE(norm_of(gradients - twin.flat_gradients()), 0.01 * norm_of(twin.flat_gradients()));
}

INSTANTIATE_TEST_SUITE_P(Kinds, DevicePassOf, ::testing::Range<std::size_t>(0, 6),
                         [](const auto& test) { return device_case(test.param).kind.name(); });

TEST(DevicePass, FillingUpABucketChangesNothing) {
    const DeviceCase made = device_case(2);
    const Model model = made.model();
    const PackedInput input = packed(BatchingMode::kUnpadded);
    const PassInput host = pass_input_of(input);
    const LossScale scale = mean_loss(model, input);
    StepValues values = step_values({4, 1}, {}, 0, 1);
    set_loss_factors(values, made.kind.head, scale.divisor, scale.ends_divisor);
    const testing::HostOps ops;
    std::vector<at::Tensor> gradients;
    std::vector<float> losses;
    for (const InputShape& shape : {exact_shape(host), InputShape{128, 20, 64}}) {
        const DeviceState state =
            DeviceState::make(model, Precision::kFloat32, DeviceUse::kTraining, at::kCPU);
        const DeviceInput block =
            HostDevice::input_of(shape, host, values, head_targets_of(made.kind.head, input));
        make_device_pass(model, state, ops)->step(block, false);
        gradients.push_back(state.gradients);
        losses.push_back(state.loss_sum.item<float>());
    }
    EXPECT_NEAR(losses[0], losses[1], 1e-6);
    expect_near_parameters(model, gradients[1], gradients[0], 1e-5);
}

TEST(DevicePass, AfterAGradientThatIsNoNumberTheWeightsStay) {
    const Model model = device_case(0).model();
    HostDevice device(model, Precision::kBfloat16);
    const PackedInput input = packed(BatchingMode::kUnpadded);
    const LossScale scale = mean_loss(model, input);
    const StepValues values = step_values({4, 1}, {}, 1e-3, 1);
    const at::Tensor before = device.state().values.clone();
    const DeviceInput made = device.step(input, values, scale, false);
    at::Tensor gradients = device.state().gradients;
    gradients[5] = NAN;
    const StepOutcome bad = device.update(made);
    EXPECT_TRUE(std::isnan(bad.gradient_norm));
    EXPECT_EQ(bad.has_diverged, 1);
    EXPECT_TRUE(device.state().values.equal(before));
    // A good step that was queued behind it comes too late.
    const StepOutcome later = device.update(device.step(input, values, scale, false));
    EXPECT_TRUE(std::isfinite(later.gradient_norm));
    EXPECT_EQ(later.has_diverged, 1);
    EXPECT_TRUE(device.state().values.equal(before));
}

TEST(DevicePass, RefusesSizesThatTheKernelsDoNotTake) {
    ModelConfig config = device_case(0).config;
    EXPECT_OK(check_device_model(config));
    config.num_attention_heads = 4;
    EXPECT_ERROR(kUnsupported, check_device_model(config), "found 12");
    config = device_case(0).config;
    config.intermediate_size = 44;
    EXPECT_ERROR(kUnsupported, check_device_model(config), "found 44");
    config = device_case(0).config;
    config.hidden_size = 8192;
    config.num_attention_heads = 64;
    EXPECT_ERROR(kUnsupported, check_device_model(config), "4096, found 8192");
}

}  // namespace
}  // namespace finewatt
