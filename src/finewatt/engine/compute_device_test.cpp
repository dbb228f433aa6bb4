#include "finewatt/engine/compute_device.h"

#include "finewatt/engine/cuda/cuda_probe_internal.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(ChooseDevice, KnowsItsWords) {
    ASSERT_OK_AND_ASSIGN(const ComputeDevice cpu, choose_device("cpu"));
    EXPECT_EQ(cpu.kind, DeviceKind::kCpu);
    EXPECT_EQ(cpu.description, "cpu");
    EXPECT_OK(choose_device("auto"));
    EXPECT_ERROR(kInvalidArgument, choose_device("tpu"), "expected auto, cpu or cuda, found 'tpu'");
    EXPECT_OK(check_device_precision(cpu, Precision::kFloat32));
}

TEST(ChooseDevice, WithoutAGpuCudaIsRefusedWithWhatToDo) {
    if (find_cuda_gpu()) {
        GTEST_SKIP() << "a GPU is here";
    }
    EXPECT_ERROR(kUnsupported, choose_device("cuda"), "--device cpu");
    ASSERT_OK_AND_ASSIGN(const ComputeDevice found, choose_device("auto"));
    EXPECT_EQ(found.kind, DeviceKind::kCpu);
}

TEST(BuiltDevices, NamesTheCpuFirst) {
    const std::optional<std::string> cuda = built_cuda_version();
    EXPECT_EQ(built_devices(), cuda ? "cpu, cuda " + *cuda : "cpu");
}

}  // namespace
}  // namespace finewatt
