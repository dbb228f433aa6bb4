#include "finewatt/engine/fast_options.h"

#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(Precision, NamesAreReadAsTheyAreWritten) {
    for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16}) {
        ASSERT_OK_AND_ASSIGN(const Precision read, parse_precision(precision_name(precision)));
        EXPECT_EQ(read, precision);
    }
    EXPECT_ERROR(kInvalidArgument, parse_precision("fp16"), "fp32 or bf16, found 'fp16'");
}

TEST(Precision, EveryCpuComputesInFloat32) {
    EXPECT_OK(check_precision(Precision::kFloat32));
}

}  // namespace
}  // namespace finewatt
