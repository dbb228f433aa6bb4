#include "finewatt/sensor/gpu_process_reader.h"

#include "finewatt/sensor/testing_stub/nvml_stub.h"
#include "finewatt/sensor/testing_stub/stub_library.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using testing::FakeMachine;
using ::testing::IsEmpty;

class GpuProcessReaderTest : public ::testing::Test {
  protected:
    GpuProcessReaderTest() {
        stub_->gpus[0].uuid = "GPU-aaaa";
        stub_->gpus[1].uuid = "GPU-bbbb";
        machine_.tree.write("/dev/nvidiactl", "");
        machine_.environment["FINEWATT_NVML_LIBRARY"] = FINEWATT_NVML_STUB;
        start_us_ = static_cast<unsigned long long>(machine_.clock.wall_now().as_unix_ns() / 1000);
    }

    nvml::ProcessSample sample(unsigned pid, unsigned long long after_us, unsigned sm_pct) const {
        return {pid, start_us_ + after_us, sm_pct, 0, 0, 0};
    }

    FakeMachine machine_;
    StubLibrary<nvml_stub::State> stub_{FINEWATT_NVML_STUB, "finewatt_nvml_stub_state"};
    unsigned long long start_us_ = 0;
};

TEST_F(GpuProcessReaderTest, GivesTheMeanShareOfEachProcessSinceTheLastRead) {
    stub_->gpus[0].processes[0] = sample(42, 100, 80);
    stub_->gpus[0].processes[1] = sample(42, 200, 40);
    stub_->gpus[0].processes[2] = sample(43, 200, 10);
    ASSERT_OK_AND_ASSIGN(auto reader, open_gpu_process_reader(machine_.options()));
    ASSERT_OK_AND_ASSIGN(const auto first, reader->read());
    ASSERT_EQ(first.size(), 2U);
    EXPECT_EQ(first[0].device, "GPU-aaaa");
    EXPECT_EQ(first[0].pid, 42);
    EXPECT_DOUBLE_EQ(first[0].busy_share, 0.6);
    EXPECT_DOUBLE_EQ(first[1].busy_share, 0.1);
    ASSERT_OK_AND_ASSIGN(const auto idle, reader->read());
    EXPECT_THAT(idle, IsEmpty());
    stub_->gpus[0].processes[3] = sample(42, 300, 100);
    ASSERT_OK_AND_ASSIGN(const auto later, reader->read());
    ASSERT_EQ(later.size(), 1U);
    EXPECT_DOUBLE_EQ(later[0].busy_share, 1);
}

TEST_F(GpuProcessReaderTest, SamplesFromBeforeTheOpeningDoNotCount) {
    stub_->gpus[0].processes[0] = {42, start_us_ - 1, 80, 0, 0, 0};
    ASSERT_OK_AND_ASSIGN(auto reader, open_gpu_process_reader(machine_.options()));
    ASSERT_OK_AND_ASSIGN(const auto uses, reader->read());
    EXPECT_THAT(uses, IsEmpty());
}

TEST_F(GpuProcessReaderTest, AnAbsurdShareIsNotUsed) {
    stub_->gpus[0].processes[0] = sample(42, 100, 4'000'000'000);
    ASSERT_OK_AND_ASSIGN(auto reader, open_gpu_process_reader(machine_.options()));
    ASSERT_OK_AND_ASSIGN(const auto uses, reader->read());
    EXPECT_THAT(uses, IsEmpty());
}

TEST_F(GpuProcessReaderTest, HiddenGpusAreNotRead) {
    stub_->count = 2;
    machine_.environment["CUDA_VISIBLE_DEVICES"] = "GPU-bbbb";
    stub_->gpus[0].processes[0] = sample(42, 100, 80);
    stub_->gpus[1].processes[0] = sample(43, 100, 50);
    ASSERT_OK_AND_ASSIGN(auto reader, open_gpu_process_reader(machine_.options()));
    ASSERT_OK_AND_ASSIGN(const auto uses, reader->read());
    ASSERT_EQ(uses.size(), 1U);
    EXPECT_EQ(uses[0].pid, 43);
}

TEST_F(GpuProcessReaderTest, OneGpuThatCannotTellMakesItUnsupported) {
    stub_->count = 2;
    stub_->gpus[1].process_code = 3;  // not supported
    EXPECT_ERROR(kUnsupported, open_gpu_process_reader(machine_.options()), "GPU-bbbb");
}

TEST_F(GpuProcessReaderTest, AFailureWhileReadingIsAnError) {
    ASSERT_OK_AND_ASSIGN(auto reader, open_gpu_process_reader(machine_.options()));
    stub_->gpus[0].process_code = 15;  // lost
    EXPECT_ERROR(kIo, reader->read(), "GPU-aaaa");
}

TEST_F(GpuProcessReaderTest, WithoutGpuOrLibraryThereIsNone) {
    FakeMachine bare;
    EXPECT_ERROR(kNotFound, open_gpu_process_reader(bare.options()), "/dev/nvidiactl");
    machine_.environment["CUDA_VISIBLE_DEVICES"] = "";
    EXPECT_ERROR(kNotFound, open_gpu_process_reader(machine_.options()), "no visible NVIDIA GPU");
}

TEST(GpuProcessReader, AnOldDriverCannotTell) {
    StubLibrary<nvml_stub::State> stub(FINEWATT_NVML_STUB_OLD, "finewatt_nvml_stub_state");
    FakeMachine machine;
    machine.tree.write("/dev/nvidiactl", "");
    machine.environment["FINEWATT_NVML_LIBRARY"] = FINEWATT_NVML_STUB_OLD;
    EXPECT_ERROR(kUnsupported, open_gpu_process_reader(machine.options()), "whole GPU");
}

}  // namespace
}  // namespace finewatt
