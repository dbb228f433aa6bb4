// What went wrong, as a value: a code, a message, the chain of what was being done, and the place.
//
// Main type: Error. It is carried by Result<T> and Status (result.h). Not for bugs: a broken
// promise of our own code is FINEWATT_CHECK (check.h).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// The kind of a failure; what a caller may decide on.
enum class ErrorCode {
    kInvalidArgument,  ///< the caller's or user's input is wrong
    kNotFound,         ///< a file, place, run or name does not exist
    kPermission,       ///< it exists, but this user may not use it
    kUnsupported,      ///< it is valid, but this machine or build cannot do it
    kBusy,             ///< somebody else holds it; trying later may work
    kCorrupt,          ///< data were read, and they are not what they claim to be
    kIo,               ///< the operating system failed a read or a write
    kCancelled,        ///< stopped on request
    kInternal,         ///< a library failed in a way that input does not explain
};

/// Return the code's name as printed in logs, e.g. "not found".
std::string_view error_code_name(ErrorCode code);

/// A failure. Immutable but for added context. Any thread may read it.
///
/// The message names the object, what was expected, what was found and what to do next.
class Error {
  public:
    /// Make an error; file and line default to the caller's.
    Error(ErrorCode code, std::string message, const char* file = __builtin_FILE(),
          int line = __builtin_LINE());

    ErrorCode code() const { return code_; }

    const std::string& message() const { return message_; }

    /// Add what was being done, innermost first: "reading vocab.txt".
    Error&& with_context(std::string context) &&;

    /// Return context chain and message in one line, outermost first:
    /// "loading the model: reading vocab.txt: …".
    std::string describe() const;

    /// Return "file:line" of the place that made the error.
    std::string location() const;

  private:
    ErrorCode code_;
    std::string message_;
    std::vector<std::string> context_;
    const char* file_;
    int line_;
};

/// Make the Error for a failed system call: "open /x: No such file or directory". The code follows
/// errno (ENOENT not found, EACCES and EPERM permission, EBUSY busy, else io).
Error error_from_errno(int errno_value, std::string_view what, const char* file = __builtin_FILE(),
                       int line = __builtin_LINE());

}  // namespace finewatt
