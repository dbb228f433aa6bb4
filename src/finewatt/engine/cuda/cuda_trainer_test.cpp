// The trainer on a real GPU against its CPU twins, TrainingStep and FastModel. Label: gpu.
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
using testing::device_case;
using testing::DeviceCase;
using testing::norm_of;
using testing::sequences_of;
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

/// A few batches, so that buckets are run as they are, captured and replayed.
std::vector<Batch> batches_of(BatchingMode mode) {
    return {batch_of(sequences_of({5, 20, 1, 9}), mode), batch_of(sequences_of({12, 3}), mode),
            batch_of(sequences_of({2, 30, 11, 7, 7}), mode)};
}

constexpr std::int64_t kSteps = 9;

/// Steps of one batch each, but every third of two.
template <class Run>
void run_steps(const std::vector<Batch>& batches, const Run& run) {
    std::int64_t batch_number = 0;
    for (std::int64_t step = 0; step < kSteps; ++step) {
        const std::size_t first = static_cast<std::size_t>(step) % batches.size();
        const std::size_t count = first == 0 ? 2 : 1;
        const double rate = 1e-4 * static_cast<double>(kSteps - step);
        run(std::span(batches).subspan(first, count), rate, DropoutStep{3, batch_number});
        batch_number += static_cast<std::int64_t>(count);
    }
}

TEST_P(OnGpuOf, Float32FollowsTheTrainingStepOfTheCpu) {
    for (const BatchingMode mode : {BatchingMode::kUnpadded, BatchingMode::kDynamic}) {
        SCOPED_TRACE(batching_mode_name(mode));
        const DeviceCase made = device_case(GetParam());
        const Model model = made.model();
        const Model twin = made.model();
        const at::Tensor begin = model.flat_values().clone();
        ASSERT_OK_AND_ASSIGN(const auto trainer,
                             make_cuda_trainer(model, Precision::kFloat32, adamw_for_tests(), 1));
        FastModel fast(twin, {});
        TrainingStep training(twin, fast, adamw_for_tests());
        std::vector<StepRecord> want;
        run_steps(batches_of(mode), [&](auto batches, double rate, const DropoutStep& first) {
            trainer->submit(batches, rate, first);
            want.push_back(training.run(batches, rate, first));
        });
        const std::vector<StepRecord> got = trainer->take_finished(Wait::kForAll);
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
        const PackedInput input = pack_input(batches_of(mode)[0]);
        FastModel other(model, {});
        testing::expect_near_all(values_of(trainer->forward(input)),
                                 values_of(other.forward(input)), 1e-3, 1e-3, "logits");
    }
}

TEST_P(OnGpuOf, Bfloat16StaysNearTheCpu) {
    for (const BatchingMode mode : {BatchingMode::kUnpadded, BatchingMode::kDynamic}) {
        SCOPED_TRACE(batching_mode_name(mode));
        const DeviceCase made = device_case(GetParam());
        const Model model = made.model();
        const Model twin = made.model();
        ASSERT_OK_AND_ASSIGN(const auto trainer,
                             make_cuda_trainer(model, Precision::kBfloat16, adamw_for_tests(), 1));
        FastModel fast(twin, {});
        TrainingStep training(twin, fast, adamw_for_tests());
        std::vector<StepRecord> want;
        run_steps(batches_of(mode), [&](auto batches, double rate, const DropoutStep& first) {
            trainer->submit(batches, rate, first);
            want.push_back(training.run(batches, rate, first));
        });
        const std::vector<StepRecord> got = trainer->take_finished(Wait::kForAll);
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
                             make_cuda_trainer(model, precision, AdamWOptions{}, 5));
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

TEST_F(OnGpu, WeightsThatAreNoNumbersEndTheTrainingAndNothingElse) {
    const Model model = device_case(0).model();
    ASSERT_OK_AND_ASSIGN(const auto trainer,
                         make_cuda_trainer(model, Precision::kBfloat16, AdamWOptions{}, 5));
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
    EXPECT_ERROR(kUnsupported, make_cuda_trainer(model, Precision::kFloat32, AdamWOptions{}, 1),
                 "--device cpu");
}

}  // namespace
}  // namespace finewatt
