// The queue of steps over the emulated runtime, against the trainer of the CPU.
#include "finewatt/engine/cuda/device_cases_internal.h"
#include "finewatt/engine/cuda/emulated_runtime_internal.h"
#include "finewatt/engine/cuda/queued_trainer_internal.h"
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
using testing::kEmulatedLag;
using testing::norm_of;
using testing::sequences_of;
using testing::three_batches;
using testing::train_step;
using testing::train_steps;
using testing::values_of;
using Wait = DeviceTrainer::Wait;

std::unique_ptr<DeviceTrainer> queued(const Model& model,
                                      Precision precision = Precision::kFloat32) {
    return make_queued_trainer(model, precision, adamw_for_tests(),
                               std::make_unique<testing::EmulatedRuntime>());
}

/// A model with dropout in attention, too.
Model dropping_model() {
    DeviceCase made = device_case(0);
    made.config.set_dropout(0.1);
    return made.model();
}

class Queued : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { start_runtime(1); }
};

class QueuedOf : public Queued, public ::testing::WithParamInterface<std::size_t> {};

TEST_P(QueuedOf, FollowsTheCpu) {
    // Five steps: the same bucket is run as it is, recorded and replayed.
    for (const BatchingMode mode : {BatchingMode::kUnpadded, BatchingMode::kDynamic}) {
        SCOPED_TRACE(batching_mode_name(mode));
        const Model model = device_case(GetParam()).model();
        const Model twin = device_case(GetParam()).model();
        const at::Tensor begin = model.flat_values().clone();
        const auto trainer = queued(model);
        const auto cpu = cpu_trainer_for_tests(twin);
        const auto want = train_steps(*cpu, three_batches(mode), 0, 5);
        const auto got = train_steps(*trainer, three_batches(mode), 0, 5);
        ASSERT_EQ(got.size(), want.size());
        for (std::size_t i = 0; i < want.size(); ++i) {
            SCOPED_TRACE(i);
            EXPECT_EQ(got[i].step, want[i].step);
            EXPECT_EQ(got[i].lr, want[i].lr);
            EXPECT_EQ(got[i].tokens_real, want[i].tokens_real);
            EXPECT_EQ(got[i].tokens_padded, want[i].tokens_padded);
            EXPECT_NEAR(got[i].loss, want[i].loss, 2e-4 * (1 + want[i].loss));
            EXPECT_NEAR(got[i].grad_norm, want[i].grad_norm, 1e-3 * want[i].grad_norm);
        }
        EXPECT_TRUE(model.flat_values().equal(begin));  // not yet asked for
        trainer->read_values();
        // Adam divides by the gradient's own size: where that is only rounding, its sign is chance.
        EXPECT_LE(norm_of(model.flat_values() - twin.flat_values()),
                  0.02 * norm_of(twin.flat_values() - begin));
        const PackedInput input = pack_input(three_batches(mode)[0]);
        FastModel same(model, {});
        testing::expect_near_all(values_of(trainer->forward(input)), values_of(same.forward(input)),
                                 1e-4, 1e-4, "logits");
    }
}

INSTANTIATE_TEST_SUITE_P(Kinds, QueuedOf, ::testing::Range<std::size_t>(0, 6),
                         [](const auto& test) { return device_case(test.param).kind.name(); });

TEST_F(Queued, RecordsComeLaterInOrderAndOnce) {
    const Model model = device_case(0).model();
    const auto trainer = queued(model);
    const std::vector<Batch> batches = three_batches(BatchingMode::kUnpadded);
    std::vector<std::int64_t> steps;
    const auto take = [&](Wait wait) {
        for (const StepRecord& record : trainer->take_finished(wait)) {
            steps.push_back(record.step);
        }
    };
    for (std::int64_t step = 0; step <= kEmulatedLag; ++step) {
        EXPECT_TRUE(steps.empty());
        trainer->submit(std::span(batches).first(1), 1e-3, {3, step});
        take(Wait::kNo);
    }
    EXPECT_EQ(steps, (std::vector<std::int64_t>{1}));
    // More than the queue holds, without anybody asking.
    for (std::int64_t step = kEmulatedLag + 1; step < 14; ++step) {
        trainer->submit(std::span(batches).first(1), 1e-3, {3, step});
    }
    take(Wait::kForAll);
    EXPECT_EQ(steps, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14}));
    take(Wait::kForAll);
    EXPECT_EQ(steps.size(), 14U);
}

TEST_F(Queued, MoreBucketsThanAreKeptGiveTheSameSteps) {
    const Model model = device_case(0).model();
    const Model twin = device_case(0).model();
    const auto trainer = queued(model);
    const auto cpu = cpu_trainer_for_tests(twin);
    // Each number of short texts is a bucket of its own: run as it is, recorded, replayed, dropped.
    for (std::int64_t step = 0; step < 54; ++step) {
        const std::int64_t texts = 1 + 8 * (step / 3 % 17);
        const std::vector<std::int32_t> lengths(static_cast<std::size_t>(texts), 1);
        const std::vector<Batch> batch = {batch_of(sequences_of(lengths), BatchingMode::kUnpadded)};
        const double want = train_step(*cpu, batch, 1e-4, {3, step}).loss;
        EXPECT_NEAR(train_step(*trainer, batch, 1e-4, {3, step}).loss, want, 1e-3 * (1 + want))
            << step;
    }
}

TEST_F(Queued, GoesOnFromAStateBitForBit) {
    for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
        SCOPED_TRACE(precision_name(precision));
        const std::vector<Batch> batches = three_batches(BatchingMode::kUnpadded);
        const Model whole_model = dropping_model();
        const auto whole = queued(whole_model, precision);
        const auto want = train_steps(*whole, batches, 0, 7);
        whole->read_values();

        const Model first_model = dropping_model();
        const auto first = queued(first_model, precision);
        train_steps(*first, batches, 0, 4);
        first->read_values();
        const OptimizerState state = first->read_optimizer();
        EXPECT_EQ(state.steps, 4);
        train_steps(*first, batches, 4, 5);  // changes nothing in what was read

        const Model second_model = dropping_model();
        const auto second = queued(second_model, precision);
        at::Tensor values = second_model.flat_values();
        values.copy_(first_model.flat_values());
        second->write_values();
        second->write_optimizer(state);
        const auto got = train_steps(*second, batches, 4, 7);
        second->read_values();
        ASSERT_EQ(got.size(), 3U);
        for (std::size_t i = 0; i < got.size(); ++i) {
            EXPECT_EQ(got[i].step, want[4 + i].step);
            EXPECT_EQ(got[i].loss, want[4 + i].loss);
            EXPECT_EQ(got[i].grad_norm, want[4 + i].grad_norm);
        }
        EXPECT_TRUE(values.equal(whole_model.flat_values()));
    }
}

TEST_F(Queued, TakesOverFromTheCpuAndGivesBack) {
    const std::vector<Batch> batches = three_batches(BatchingMode::kUnpadded);
    const Model model = device_case(0).model();
    const Model twin = device_case(0).model();
    const auto stays = cpu_trainer_for_tests(twin);
    const auto want = train_steps(*stays, batches, 0, 6);
    const auto cpu = cpu_trainer_for_tests(model);
    const auto device = queued(model);
    std::vector<StepRecord> got = train_steps(*cpu, batches, 0, 2);
    const auto move_on = [&](DeviceTrainer& from, DeviceTrainer& to, std::int64_t begin,
                             std::int64_t end) {
        from.read_values();
        to.write_values();
        to.write_optimizer(from.read_optimizer());
        for (const StepRecord& record : train_steps(to, batches, begin, end)) {
            got.push_back(record);
        }
    };
    move_on(*cpu, *device, 2, 4);
    move_on(*device, *cpu, 4, 6);
    ASSERT_EQ(got.size(), want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
        EXPECT_EQ(got[i].step, want[i].step);
        EXPECT_NEAR(got[i].loss, want[i].loss, 2e-4 * (1 + want[i].loss)) << i;
    }
}

TEST_F(Queued, AStepThatIsNotFiniteLeavesTheWeightsAndSoDoThoseBehindIt) {
    const Model model = device_case(0).model();
    const auto trainer = queued(model, Precision::kBfloat16);
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

TEST_F(Queued, AForwardPassAloneHasTheLogitsOfTheCpu) {
    for (std::size_t kind = 0; kind < 6; ++kind) {
        const Model model = device_case(kind).model();
        SCOPED_TRACE(device_case(kind).kind.name());
        const CudaForward forward = make_queued_forward(
            model, Precision::kFloat32, std::make_unique<testing::EmulatedRuntime>());
        FastModel fast(model, {});
        const PackedInput input = pack_input(three_batches(BatchingMode::kDynamic)[2]);
        testing::expect_near_all(values_of(forward.run(input)), values_of(fast.forward(input)),
                                 1e-4, 1e-4, "logits");
    }
}

}  // namespace
}  // namespace finewatt
