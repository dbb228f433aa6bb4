// finewatt-train as seen from finewatt: where it is and which LibTorch it has.
#pragma once

#include "finewatt/base/result.h"

#include <string>

namespace finewatt::app {

/// Return the path of finewatt-train: beside this program's own file. Error: not found, with what
/// to do.
Result<std::string> find_engine(const std::string& program_path);

/// Return one line for --version: the engine's own version line, or why there is none.
std::string engine_version(const std::string& program_path);

}  // namespace finewatt::app
