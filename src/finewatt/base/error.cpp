#include "finewatt/base/error.h"

#include <fmt/format.h>

#include <system_error>

#include <cerrno>
#include <utility>

namespace finewatt {

std::string_view error_code_name(ErrorCode code) {
    switch (code) {
        case ErrorCode::kInvalidArgument:
            return "invalid argument";
        case ErrorCode::kNotFound:
            return "not found";
        case ErrorCode::kPermission:
            return "permission denied";
        case ErrorCode::kUnsupported:
            return "unsupported";
        case ErrorCode::kBusy:
            return "busy";
        case ErrorCode::kCorrupt:
            return "corrupt";
        case ErrorCode::kIo:
            return "input/output";
        case ErrorCode::kCancelled:
            return "cancelled";
        case ErrorCode::kInternal:
            return "internal";
    }
    return "unknown";
}

Error::Error(ErrorCode code, std::string message, const char* file, int line)
    : code_(code),
      message_(std::move(message)),
      file_(file),
      line_(line) {}

Error&& Error::with_context(std::string context) && {
    context_.push_back(std::move(context));
    return std::move(*this);
}

std::string Error::describe() const {
    std::string text;
    for (auto it = context_.rbegin(); it != context_.rend(); ++it) {
        text += *it;
        text += ": ";
    }
    text += message_;
    return text;
}

std::string Error::location() const {
    return fmt::format("{}:{}", file_, line_);
}

Error error_from_errno(int errno_value, std::string_view what, const char* file, int line) {
    ErrorCode code = ErrorCode::kIo;
    switch (errno_value) {
        case ENOENT:
        case ENOTDIR:
        case ENODEV:
            code = ErrorCode::kNotFound;
            break;
        case EACCES:
        case EPERM:
        case EROFS:
            code = ErrorCode::kPermission;
            break;
        case EBUSY:
        case EAGAIN:
            code = ErrorCode::kBusy;
            break;
        default:
            break;
    }
    return Error(code, fmt::format("{}: {}", what, std::generic_category().message(errno_value)),
                 file, line);
}

}  // namespace finewatt
