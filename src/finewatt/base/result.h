// Result<T> and Status: a value or an Error. Expected failures travel as values; nothing of ours
// throws. Built on tl::expected, which is not [[nodiscard]] itself.
//
//   Result<int> parse(std::string_view text);
//   Status store() {
//       FINEWATT_ASSIGN(int number, parse("7"));
//       FINEWATT_TRY(write(number));
//       return {};
//   }
#pragma once

#include "finewatt/base/error.h"

#include <fmt/format.h>
#include <tl/expected.hpp>

#include <utility>

namespace finewatt {

/// A T, or the Error that says why there is none. Ignoring one does not compile without a warning.
template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  public:
    using tl::expected<T, Error>::expected;

    // An Error converts on purpose, so that a function can simply return one.
    // NOLINTNEXTLINE(google-explicit-constructor)
    Result(Error error) : tl::expected<T, Error>(tl::unexpected<Error>(std::move(error))) {}
};

/// Success without a value, or an Error.
using Status = Result<void>;

/// Build an Error with a formatted message, at the caller's file and line.
#define FINEWATT_ERROR(code, ...) \
    ::finewatt::Error(::finewatt::ErrorCode::code, ::fmt::format(__VA_ARGS__))

#define FINEWATT_CONCAT_INNER(a, b) a##b
#define FINEWATT_CONCAT(a, b) FINEWATT_CONCAT_INNER(a, b)

/// Evaluate a Status or Result; return its error from the enclosing function if it has one.
#define FINEWATT_TRY(expression)                                          \
    do {                                                                  \
        auto finewatt_status = (expression);                              \
        if (!finewatt_status) {                                           \
            return ::finewatt::Error(std::move(finewatt_status).error()); \
        }                                                                 \
    } while (false)

#define FINEWATT_ASSIGN_INNER(temporary, declaration, expression) \
    auto temporary = (expression);                                \
    if (!temporary) {                                             \
        return ::finewatt::Error(std::move(temporary).error());   \
    }                                                             \
    declaration = std::move(temporary).value()

/// Evaluate a Result; declare or assign its value, or return its error.
#define FINEWATT_ASSIGN(declaration, expression) \
    FINEWATT_ASSIGN_INNER(FINEWATT_CONCAT(finewatt_result_, __LINE__), declaration, expression)

/// The same as FINEWATT_TRY, adding what was being done to the error.
#define FINEWATT_TRY_CONTEXT(expression, ...)                            \
    do {                                                                 \
        auto finewatt_status = (expression);                             \
        if (!finewatt_status) {                                          \
            return ::finewatt::Error(std::move(finewatt_status).error()) \
                .with_context(::fmt::format(__VA_ARGS__));               \
        }                                                                \
    } while (false)

}  // namespace finewatt
