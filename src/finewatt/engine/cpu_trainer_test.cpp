// The CPU as a trainer against a training step that is written out.
#include "finewatt/engine/cuda/device_cases_internal.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/testing/matchers.h"

#include <limits>

namespace finewatt {
namespace {

using testing::adamw_for_tests;
using testing::batch_of;
using testing::cpu_trainer_for_tests;
using testing::device_case;
using testing::sequences_of;
using testing::train_step;

std::vector<Batch> two_batches() {
    return {batch_of(sequences_of({5, 20, 1}), BatchingMode::kUnpadded),
            batch_of(sequences_of({9, 3}), BatchingMode::kUnpadded)};
}

TEST(CpuTrainer, UpdatesOnceWithTheMeanOverAllBatches) {
    start_runtime(1);
    const Model model = device_case(0).model();
    const Model twin = device_case(0).model();
    FastModel twin_fast(twin, {});
    const auto trainer = cpu_trainer_for_tests(model);
    const auto size = static_cast<std::size_t>(twin.layout().size());
    std::vector<float> first_moments(size);
    std::vector<float> second_moments(size);
    FlatAdamW adamw({{twin.flat_values().mutable_data_ptr<float>(), size},
                     {twin.flat_gradients().mutable_data_ptr<float>(), size},
                     first_moments,
                     second_moments,
                     {},
                     twin.layout().decayed_size()},
                    adamw_for_tests());
    const std::vector<Batch> batches = two_batches();
    for (std::int64_t step = 0; step < 3; ++step) {
        // Texts have one target each: three and two of them.
        const double loss = twin_fast.step(pack_input(batches[0]), {4, 2 * step}, {5, 1, false}) +
                            twin_fast.step(pack_input(batches[1]), {4, 2 * step + 1}, {5, 1, true});
        const double norm = adamw.gradient_norm();
        adamw.step(norm, 1e-3, FlatAdamW::Gradients::kKept);
        trainer->submit(batches, 1e-3, {4, 2 * step});
        const auto got = trainer->take_finished(DeviceTrainer::Wait::kNo);
        ASSERT_EQ(got.size(), 1U);
        EXPECT_EQ(got[0].step, step + 1);
        EXPECT_EQ(got[0].loss, loss);
        EXPECT_EQ(got[0].grad_norm, norm);
        EXPECT_EQ(got[0].lr, 1e-3);
        EXPECT_EQ(got[0].tokens_real, 5 + 20 + 1 + 9 + 3);
    }
    EXPECT_TRUE(trainer->take_finished(DeviceTrainer::Wait::kForAll).empty());
    EXPECT_TRUE(model.flat_values().equal(twin.flat_values()));
    const PackedInput input = pack_input(batches[0]);
    EXPECT_TRUE(trainer->forward(input).equal(twin_fast.forward(input)));
}

TEST(CpuTrainer, GoesOnFromTheStateOfAnother) {
    start_runtime(1);
    const Model model = device_case(0).model();
    const Model twin = device_case(0).model();
    const auto trainer = cpu_trainer_for_tests(model);
    const auto other = cpu_trainer_for_tests(twin);
    const std::vector<Batch> batches = two_batches();
    train_step(*trainer, batches, 1e-3, {4, 0});
    at::Tensor values = twin.flat_values();
    values.copy_(model.flat_values());
    other->write_values();
    other->write_optimizer(trainer->read_optimizer());
    const StepRecord want = train_step(*trainer, batches, 1e-3, {4, 2});
    const StepRecord got = train_step(*other, batches, 1e-3, {4, 2});
    EXPECT_EQ(got.step, 2);
    EXPECT_EQ(got.loss, want.loss);
    EXPECT_TRUE(twin.flat_values().equal(model.flat_values()));
}

TEST(CpuTrainer, AStepThatIsNotFiniteLeavesTheWeights) {
    start_runtime(1);
    const Model model = device_case(0).model();
    const auto trainer = cpu_trainer_for_tests(model);
    const at::Tensor words = model.values().word_embeddings;
    words[0].fill_(std::numeric_limits<float>::infinity());
    const at::Tensor before = model.flat_values().clone();
    std::vector<testing::TestSequence> texts = sequences_of({5});
    texts[0].ids.assign(5, 0);
    const std::vector<Batch> batches = {batch_of(texts, BatchingMode::kUnpadded)};
    EXPECT_FALSE(is_finite(train_step(*trainer, batches, 1e-3, {4, 0})));
    EXPECT_TRUE(model.flat_values().equal(before));
}

}  // namespace
}  // namespace finewatt
