// The trainer on a real GPU against that of the CPU. Label: gpu.
#include "finewatt/engine/cuda/cuda_probe_internal.h"
#include "finewatt/engine/cuda/device_cases_internal.h"
#include "finewatt/engine/device_trainer_internal.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/testing/matchers.h"

#include <limits>

namespace finewatt {
namespace {

using testing::adamw_for_tests;
using testing::batch_of;
using testing::cpu_trainer_for_tests;
using testing::device_case;
using testing::DeviceCase;
using testing::norm_of;
using testing::sequences_of;
using testing::three_batches;
using testing::train_steps;
using testing::values_of;
using Wait = DeviceTrainer::Wait;

class OnGpu : public ::testing::Test {
  protected:
    void SetUp() override {
        if (const Result<CudaGpu> gpu = find_cuda_gpu(); !gpu) {
            GTEST_SKIP() << gpu.error().describe();
        }
        start_runtime(1);
    }
};

class OnGpuOf : public OnGpu, public ::testing::WithParamInterface<std::size_t> {};

constexpr std::int64_t kSteps = 9;  // buckets are run as they are, recorded and replayed

TEST_P(OnGpuOf, Float32FollowsTheCpu) {
    for (const BatchingMode mode : {BatchingMode::kUnpadded, BatchingMode::kDynamic}) {
        SCOPED_TRACE(batching_mode_name(mode));
        const DeviceCase made = device_case(GetParam());
        const Model model = made.model();
        const Model twin = made.model();
        const at::Tensor begin = model.flat_values().clone();
        ASSERT_OK_AND_ASSIGN(const auto trainer,
                             make_cuda_trainer(model, Precision::kFloat32, adamw_for_tests()));
        const auto cpu = cpu_trainer_for_tests(twin);
        const auto want = train_steps(*cpu, three_batches(mode), 0, kSteps);
        const auto got = train_steps(*trainer, three_batches(mode), 0, kSteps);
        ASSERT_EQ(got.size(), want.size());
        for (std::size_t i = 0; i < want.size(); ++i) {
            SCOPED_TRACE(i);
            EXPECT_EQ(got[i].step, static_cast<std::int64_t>(i) + 1);
            EXPECT_EQ(got[i].tokens_real, want[i].tokens_real);
            EXPECT_EQ(got[i].lr, want[i].lr);
            EXPECT_NEAR(got[i].loss, want[i].loss, 1e-3 * (1 + want[i].loss));
            EXPECT_NEAR(got[i].grad_norm, want[i].grad_norm, 5e-3 * want[i].grad_norm);
        }
        trainer->read_values();
        EXPECT_LE(norm_of(model.flat_values() - twin.flat_values()),
                  0.03 * norm_of(twin.flat_values() - begin));
        const PackedInput input = pack_input(three_batches(mode)[0]);
        FastModel other(model, {});
        const at::Tensor logits = other.forward(input);
        testing::expect_near_all(values_of(trainer->forward(input)), values_of(logits), 1e-3, 1e-3,
                                 "logits of the trainer");
        ASSERT_OK_AND_ASSIGN(const CudaForward forward,
                             make_cuda_forward(model, Precision::kFloat32));
        testing::expect_near_all(values_of(forward.run(input)), values_of(logits), 1e-3, 1e-3,
                                 "logits of an inference");
    }
}

TEST_P(OnGpuOf, Bfloat16StaysNearTheCpu) {
    for (const BatchingMode mode : {BatchingMode::kUnpadded, BatchingMode::kDynamic}) {
        SCOPED_TRACE(batching_mode_name(mode));
        const DeviceCase made = device_case(GetParam());
        const Model model = made.model();
        const Model twin = made.model();
        ASSERT_OK_AND_ASSIGN(const auto trainer,
                             make_cuda_trainer(model, Precision::kBfloat16, adamw_for_tests()));
        const auto cpu = cpu_trainer_for_tests(twin);
        const auto want = train_steps(*cpu, three_batches(mode), 0, kSteps);
        const auto got = train_steps(*trainer, three_batches(mode), 0, kSteps);
        ASSERT_EQ(got.size(), want.size());
        for (std::size_t i = 0; i < want.size(); ++i) {
            EXPECT_NEAR(got[i].loss, want[i].loss, 0.03 * (1 + want[i].loss)) << i;
            EXPECT_NEAR(got[i].grad_norm, want[i].grad_norm, 0.1 * want[i].grad_norm) << i;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, OnGpuOf, ::testing::Range<std::size_t>(0, 6),
                         [](const auto& test) { return device_case(test.param).kind.name(); });

TEST_F(OnGpu, LearnsABatchByHeartWithDropoutInAttention) {
    for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
        SCOPED_TRACE(precision_name(precision));
        DeviceCase made = device_case(0);
        made.config.set_dropout(0.1);
        const Model model = made.model();
        ASSERT_OK_AND_ASSIGN(const auto trainer,
                             make_cuda_trainer(model, precision, AdamWOptions{}));
        const std::vector<Batch> batch = {
            batch_of(sequences_of({5, 20, 1, 9}), BatchingMode::kUnpadded)};
        std::vector<StepRecord> records;
        for (std::int64_t step = 0; step < 200; ++step) {
            trainer->submit(batch, 1e-3, {5, step});
            for (const StepRecord& record : trainer->take_finished(Wait::kNo)) {
                records.push_back(record);
            }
        }
        for (const StepRecord& record : trainer->take_finished(Wait::kForAll)) {
            records.push_back(record);
        }
        ASSERT_EQ(records.size(), 200U);
        EXPECT_EQ(records.back().step, 200);
        EXPECT_LT(records.back().loss, 0.2 * records.front().loss);
        EXPECT_NE(records[100].loss, records[101].loss);  // the masks of a replay are new ones
    }
}

TEST_F(OnGpu, GoesOnFromAStateWithTheSameMasksOfAttention) {
    for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
        SCOPED_TRACE(precision_name(precision));
        DeviceCase made = device_case(0);
        made.config.set_dropout(0.1);
        const std::vector<Batch> batches = three_batches(BatchingMode::kUnpadded);
        const Model whole_model = made.model();
        ASSERT_OK_AND_ASSIGN(const auto whole,
                             make_cuda_trainer(whole_model, precision, adamw_for_tests()));
        const auto want = train_steps(*whole, batches, 0, kSteps);
        const Model model = made.model();
        ASSERT_OK_AND_ASSIGN(const auto first,
                             make_cuda_trainer(model, precision, adamw_for_tests()));
        train_steps(*first, batches, 0, 7);
        first->read_values();
        ASSERT_OK_AND_ASSIGN(const auto second,
                             make_cuda_trainer(model, precision, adamw_for_tests()));
        second->write_optimizer(first->read_optimizer());
        const auto got = train_steps(*second, batches, 7, kSteps);
        ASSERT_EQ(got.size(), 2U);
        for (std::size_t i = 0; i < got.size(); ++i) {
            // Replayed there, run as it is here. Sums are added in any order; other masks would
            // change the loss by percents.
            EXPECT_EQ(got[i].step, want[7 + i].step);
            EXPECT_NEAR(got[i].loss, want[7 + i].loss, 2e-3 * want[7 + i].loss) << i;
        }
    }
}

TEST_F(OnGpu, WeightsThatAreNoNumbersEndTheTrainingAndNothingElse) {
    const Model model = device_case(0).model();
    ASSERT_OK_AND_ASSIGN(const auto trainer,
                         make_cuda_trainer(model, Precision::kBfloat16, AdamWOptions{}));
    const std::vector<Batch> batch = {batch_of(sequences_of({5, 9}), BatchingMode::kUnpadded)};
    at::Tensor values = model.flat_values();
    const at::Tensor good = values.clone();
    values.fill_(std::numeric_limits<float>::quiet_NaN());
    trainer->write_values();
    trainer->submit(batch, 1e-3, {5, 0});
    values.copy_(good);
    trainer->write_values();
    trainer->submit(batch, 1e-3, {5, 1});
    const std::vector<StepRecord> records = trainer->take_finished(Wait::kForAll);
    ASSERT_EQ(records.size(), 2U);
    EXPECT_FALSE(is_finite(records[0]));
    trainer->read_values();
    EXPECT_TRUE(values.equal(good));
}

TEST_F(OnGpu, RefusesAModelThatTheKernelsDoNotTake) {
    DeviceCase made = device_case(0);
    made.config.num_attention_heads = 4;  // of 12
    const Model model = made.model();
    EXPECT_ERROR(kUnsupported, make_cuda_trainer(model, Precision::kFloat32, AdamWOptions{}),
                 "--device cpu");
}

}  // namespace
}  // namespace finewatt
