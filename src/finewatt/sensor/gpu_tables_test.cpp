// The tables of GPUs that are embedded: sensors of NVIDIA boards, and TDP.
#include "finewatt/sensor/gpu_name_internal.h"
#include "finewatt/sensor/gpu_tdp_table.h"
#include "finewatt/sensor/nvml_sensor_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finewatt {
namespace {

using ::testing::HasSubstr;

TEST(MatchGpuNames, KnowsBoardsAndChips) {
    const auto match = [](const char* a, const char* b) {
        return match_gpu_names(parse_gpu_name(a), parse_gpu_name(b));
    };
    EXPECT_EQ(match("NVIDIA A100-PCIE-40GB", "A100 PCIe 40GB"), GpuMatch::kBoard);
    EXPECT_EQ(match("NVIDIA A100-SXM4-80GB", "A100 SXM4 80 GB"), GpuMatch::kBoard);
    EXPECT_EQ(match("NVIDIA A100-SXM4-80GB", "A100 PCIe 40GB"), GpuMatch::kChip);
    EXPECT_EQ(match("NVIDIA H100 80GB HBM3", "NVIDIA H100 PCIe"), GpuMatch::kChip);
    EXPECT_EQ(match("GeForce RTX 2080", "NVIDIA GeForce RTX 2080 Ti"), GpuMatch::kNone);
    EXPECT_EQ(match("NVIDIA", "Tesla"), GpuMatch::kNone) << "names without a chip";
}

TEST(FindNvidiaSensor, TakesTheFieldAndTheNearestDriver) {
    const auto window = [](const char* driver, NvidiaPowerField field) {
        return find_nvidia_sensor("NVIDIA GeForce RTX 3090", "ampere", driver, field)
            .window_ms.value_or(0);
    };
    // What nvmlDeviceGetPowerUsage means changed twice.
    EXPECT_DOUBLE_EQ(window("525.89.02", NvidiaPowerField::kDraw), 1000);
    EXPECT_NEAR(window("530.30.02", NvidiaPowerField::kDraw), 100, 1);
    EXPECT_DOUBLE_EQ(window("560.10", NvidiaPowerField::kDraw), 1000);
    EXPECT_NEAR(window("560.10", NvidiaPowerField::kInstant), 75, 1);
}

TEST(FindNvidiaSensor, AnotherBoardWithTheChipHasNoKnownGainError) {
    const NvidiaSensor sensor = find_nvidia_sensor("NVIDIA H100 80GB HBM3", "hopper", "535.54.03",
                                                   NvidiaPowerField::kInstant);
    EXPECT_NEAR(sensor.window_ms.value_or(0), 22.4, 0.1);
    EXPECT_EQ(sensor.gain_error_high, std::nullopt);
    EXPECT_THAT(sensor.basis, HasSubstr("another board with this chip"));
    const NvidiaSensor a100 = find_nvidia_sensor("NVIDIA A100-SXM4-80GB", "ampere", "535.54.03",
                                                 NvidiaPowerField::kInstant);
    EXPECT_EQ(a100.gain_error_high, std::nullopt) << "the A100 PCIe was compared, this one was not";
}

TEST(FindNvidiaSensor, AnUnknownBoardTakesTheWorstOfItsArchitecture) {
    const NvidiaSensor sensor =
        find_nvidia_sensor("NVIDIA L40S", "ada", "535.54.03", NvidiaPowerField::kInstant);
    EXPECT_NEAR(sensor.window_ms.value_or(0), 111, 1);
    EXPECT_THAT(sensor.basis, HasSubstr("worst of the known ada boards"));
    const NvidiaSensor turing =
        find_nvidia_sensor("Tesla T4", "turing", "525.60.13", NvidiaPowerField::kDraw);
    EXPECT_LT(turing.window_ms.value_or(1000), 21) << "the shortest of very different boards";
}

TEST(FindNvidiaSensor, NothingKnownGivesNothing) {
    const NvidiaSensor sensor = find_nvidia_sensor("", "", "", NvidiaPowerField::kInstant);
    EXPECT_EQ(sensor.update_ms, std::nullopt);
    EXPECT_EQ(sensor.window_ms, std::nullopt);
}

TEST(FindNvidiaSensor, GainErrorsTurnTheReadingIntoTheTruth) {
    // +13.17 % at most: the truth may be 1 - 1/1.1317 below the reading.
    const NvidiaSensor high = find_nvidia_sensor("NVIDIA GeForce RTX 2060 SUPER", "turing", "535.1",
                                                 NvidiaPowerField::kInstant);
    EXPECT_NEAR(high.gain_error_low.value_or(0), 0.1164, 1e-4);
    EXPECT_DOUBLE_EQ(high.gain_error_high.value_or(-1), 0);
    // Errors of both signs.
    const NvidiaSensor both = find_nvidia_sensor("NVIDIA GeForce GTX 1080", "pascal", "535.1",
                                                 NvidiaPowerField::kInstant);
    EXPECT_GT(both.gain_error_low.value_or(0), 0);
}

TEST(FindGpuTdp, FindsBoardsChipsAndNothing) {
    ASSERT_TRUE(find_gpu_tdp("NVIDIA GeForce RTX 3090"));
    EXPECT_DOUBLE_EQ(find_gpu_tdp("NVIDIA GeForce RTX 3090")->tdp_w_high, 350);
    EXPECT_DOUBLE_EQ(find_gpu_tdp("Tesla V100-SXM2-16GB")->tdp_w_high, 300) << "swapped in origin";
    const auto h100 = find_gpu_tdp("NVIDIA H100 80GB HBM3");
    ASSERT_TRUE(h100);
    EXPECT_DOUBLE_EQ(h100->tdp_w_low, 350);
    EXPECT_DOUBLE_EQ(h100->tdp_w_high, 700);
    EXPECT_EQ(find_gpu_tdp("NVIDIA Z900"), std::nullopt);
    EXPECT_EQ(find_gpu_tdp(""), std::nullopt);
}

}  // namespace
}  // namespace finewatt
