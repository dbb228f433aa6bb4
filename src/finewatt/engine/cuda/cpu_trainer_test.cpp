#include "finewatt/engine/cuda/compute_device.h"
#include "finewatt/engine/cuda/device_cases_internal.h"
#include "finewatt/engine/cuda/device_trainer_internal.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using testing::adamw_for_tests;
using testing::batch_of;
using testing::device_case;
using testing::sequences_of;

TEST(CpuTrainer, GivesTheBitsOfTheTrainingStepAtOnce) {
    start_runtime(1);
    const Model model = device_case(0).model();
    const Model twin = device_case(0).model();
    FastModel fast(model, {});
    FastModel twin_fast(twin, {});
    const auto trainer = make_cpu_trainer(model, fast, adamw_for_tests());
    TrainingStep training(twin, twin_fast, adamw_for_tests());
    const std::vector<Batch> batches = {batch_of(sequences_of({5, 20, 1}), BatchingMode::kUnpadded),
                                        batch_of(sequences_of({9, 3}), BatchingMode::kUnpadded)};
    for (std::int64_t step = 0; step < 3; ++step) {
        const StepRecord want = training.run(batches, 1e-3, {4, 2 * step});
        trainer->submit(batches, 1e-3, {4, 2 * step});
        const auto got = trainer->take_finished(DeviceTrainer::Wait::kNo);
        ASSERT_EQ(got.size(), 1U);
        EXPECT_EQ(got[0].step, step + 1);
        EXPECT_EQ(got[0].loss, want.loss);
        EXPECT_EQ(got[0].grad_norm, want.grad_norm);
        EXPECT_EQ(got[0].tokens_real, want.tokens_real);
    }
    EXPECT_TRUE(model.flat_values().equal(twin.flat_values()));
    EXPECT_TRUE(trainer->take_finished(DeviceTrainer::Wait::kForAll).empty());
    const PackedInput input = pack_input(batches[0]);
    EXPECT_TRUE(trainer->forward(input).equal(twin_fast.forward(input)));
}

TEST(CudaTrainer, WithoutAGpuIsRefusedWithWhatToDo) {
    if (choose_device("cuda")) {
        GTEST_SKIP() << "a GPU is here";
    }
    const Model model = device_case(0).model();
    EXPECT_ERROR(kUnsupported, make_cuda_trainer(model, Precision::kFloat32, AdamWOptions{}, 1),
                 "--device cpu");
}

}  // namespace
}  // namespace finewatt
