#include "finewatt/base/error.h"

#include "finewatt/base/result.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace finewatt {
namespace {

Status fail_inside() {
    return FINEWATT_ERROR(kNotFound, "vocab.txt: expected {} lines, found {}", 3, 2);
}

Status fail_outside() {
    FINEWATT_TRY_CONTEXT(fail_inside(), "loading {}", "the model");
    return {};
}

Result<int> seven() {
    return 7;
}

Result<int> seven_plus_one() {
    FINEWATT_ASSIGN(const int number, seven());
    return number + 1;
}

TEST(Error, ContextChainIsPrintedOutermostFirst) {
    const Status status = fail_outside();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().describe(), "loading the model: vocab.txt: expected 3 lines, found 2");
    EXPECT_EQ(status.error().code(), ErrorCode::kNotFound);
}

TEST(Error, LocationNamesTheFileThatMadeIt) {
    EXPECT_NE(fail_inside().error().location().find("error_test.cpp"), std::string::npos);
}

TEST(Error, ErrnoBecomesTheFittingCode) {
    EXPECT_EQ(error_from_errno(EACCES, "x").code(), ErrorCode::kPermission);
    EXPECT_EQ(error_from_errno(ENOENT, "x").code(), ErrorCode::kNotFound);
    EXPECT_EQ(error_from_errno(EIO, "x").code(), ErrorCode::kIo);
}

TEST(Result, AssignHandsOnTheValue) {
    ASSERT_OK_AND_ASSIGN(const int number, seven_plus_one());
    EXPECT_EQ(number, 8);
}

}  // namespace
}  // namespace finewatt
