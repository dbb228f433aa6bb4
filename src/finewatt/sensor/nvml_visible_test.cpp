#include "finewatt/sensor/nvml_visible.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace finewatt {
namespace {

using ::testing::ElementsAre;

/// Equal GPUs in the order of their PCI addresses.
const std::vector<CudaGpu> kEqual{{"A", "GPU-1a", "0000:01:00.0"},
                                  {"A", "GPU-1b", "0000:02:00.0"},
                                  {"A", "GPU-2c", "0000:03:00.0"}};
/// Different GPUs, listed against the order of their PCI addresses.
const std::vector<CudaGpu> kMixed{{"A", "GPU-1", "0000:82:00.0"}, {"B", "GPU-2", "0000:07:00.0"}};

TEST(SelectVisibleGpus, FollowsCudasRules) {
    const auto select = [](const char* visible) {
        return select_visible_gpus(kEqual, visible, std::nullopt).value();
    };
    EXPECT_THAT(*select_visible_gpus(kEqual, std::nullopt, std::nullopt),
                ElementsAre(true, true, true));
    EXPECT_THAT(select(""), ElementsAre(false, false, false)) << "an empty list hides all";
    EXPECT_THAT(select("2,0"), ElementsAre(true, false, true)) << "indices";
    EXPECT_THAT(select("0,-1,1"), ElementsAre(true, false, false)) << "-1 ends the list";
    EXPECT_THAT(select("GPU-2c,GPU-1a"), ElementsAre(true, false, true)) << "UUIDs";
    EXPECT_THAT(select("GPU-2"), ElementsAre(false, false, true)) << "a prefix";
    EXPECT_THAT(select("GPU-1"), ElementsAre(false, false, false)) << "a prefix of two";
    EXPECT_THAT(select("MIG-GPU-1b/1/0"), ElementsAre(false, true, false)) << "a slice's GPU";
    EXPECT_THAT(select("7"), ElementsAre(false, false, false)) << "no such GPU";
}

TEST(SelectVisibleGpus, IndicesCountInPciOrder) {
    EXPECT_THAT(*select_visible_gpus(kMixed, "0", "PCI_BUS_ID"), ElementsAre(false, true));
    EXPECT_THAT(*select_visible_gpus(kMixed, "1", "PCI_BUS_ID"), ElementsAre(true, false));
}

TEST(SelectVisibleGpus, CudasOwnOrderOfDifferentGpusIsUnknown) {
    EXPECT_EQ(select_visible_gpus(kMixed, "1", std::nullopt), std::nullopt);
    EXPECT_EQ(select_visible_gpus(kMixed, "1", "FASTEST_FIRST"), std::nullopt);
    EXPECT_THAT(*select_visible_gpus(kMixed, "GPU-2", std::nullopt), ElementsAre(false, true));
}

TEST(HidesAllGpus, AnEmptyListAndANegativeFirstEntryDo) {
    EXPECT_TRUE(hides_all_gpus(""));
    EXPECT_TRUE(hides_all_gpus("-1"));
    EXPECT_FALSE(hides_all_gpus("0"));
    EXPECT_FALSE(hides_all_gpus(std::nullopt));
}

}  // namespace
}  // namespace finewatt
