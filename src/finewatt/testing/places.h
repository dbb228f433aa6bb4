// Where tests find the repository, the programs that were built, and the Python environment.
#pragma once

#include <filesystem>
#include <string>

namespace finewatt::testing {

/// Return the repository's root, without a slash at its end.
std::string source_dir();

/// Return the folder of the programs of this build, without a slash at its end.
std::string bin_dir();

/// Return the Python of FINEWATT_VENV (default: build/venv of the repository). It may not exist.
std::filesystem::path venv_python();

}  // namespace finewatt::testing
