// The program's log, on standard error, through spdlog. The only mutable global of the project.
// Any thread may log.
#pragma once

#include <string_view>

namespace finewatt {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Set the least level that is printed (default: warning).
void set_log_level(LogLevel level);

void log_debug(std::string_view message);
void log_info(std::string_view message);
void log_warning(std::string_view message);
void log_error(std::string_view message);

}  // namespace finewatt
