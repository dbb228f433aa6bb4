// Test macros that make Result pleasant: ASSERT_OK, ASSERT_OK_AND_ASSIGN, EXPECT_ERROR; and one
// comparer of float arrays, expect_near_all.
#pragma once

#include "finewatt/base/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

namespace finewatt::testing {

/// Return the error's text, or "ok".
template <class R>
std::string describe(const R& result) {
    return result.has_value() ? std::string("ok") : result.error().describe();
}

template <class R>
::testing::AssertionResult has_error(const R& result, ErrorCode code, std::string_view text) {
    if (result.has_value()) {
        return ::testing::AssertionFailure() << "expected an error, found success";
    }
    if (result.error().code() != code) {
        return ::testing::AssertionFailure()
               << "expected code '" << error_code_name(code) << "', found '"
               << error_code_name(result.error().code()) << "': " << result.error().describe();
    }
    if (result.error().describe().find(text) == std::string::npos) {
        return ::testing::AssertionFailure()
               << "expected '" << text << "' in the message: " << result.error().describe();
    }
    return ::testing::AssertionSuccess();
}

/// Fail unless |got - want| <= absolute + relative * |want| for each element; reports the first
/// mismatch and the largest error. Both spans are float32 or float64 in the same order.
void expect_near_all(std::span<const float> got, std::span<const float> want, double absolute,
                     double relative, std::string_view what);

}  // namespace finewatt::testing

#define ASSERT_OK(expression)                                                               \
    do {                                                                                    \
        const auto& finewatt_ok = (expression);                                             \
        ASSERT_TRUE(finewatt_ok.has_value()) << ::finewatt::testing::describe(finewatt_ok); \
    } while (false)

#define EXPECT_OK(expression)                                                               \
    do {                                                                                    \
        const auto& finewatt_ok = (expression);                                             \
        EXPECT_TRUE(finewatt_ok.has_value()) << ::finewatt::testing::describe(finewatt_ok); \
    } while (false)

#define ASSERT_OK_AND_ASSIGN_INNER(temporary, declaration, expression)              \
    auto temporary = (expression);                                                  \
    ASSERT_TRUE(temporary.has_value()) << ::finewatt::testing::describe(temporary); \
    declaration = std::move(temporary).value()

#define ASSERT_OK_AND_ASSIGN(declaration, expression) \
    ASSERT_OK_AND_ASSIGN_INNER(FINEWATT_CONCAT(finewatt_ok_, __LINE__), declaration, expression)

/// EXPECT_ERROR(kNotFound, result, "part of the message")
#define EXPECT_ERROR(error_code, expression, text) \
    EXPECT_TRUE(                                   \
        ::finewatt::testing::has_error((expression), ::finewatt::ErrorCode::error_code, text))
