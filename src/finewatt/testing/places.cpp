#include "finewatt/testing/places.h"

#include <cstdlib>

namespace finewatt::testing {

std::string source_dir() {
    return FINEWATT_SOURCE_DIR;
}

std::string bin_dir() {
    return FINEWATT_BIN_DIR;
}

std::filesystem::path venv_python() {
    const char* venv = std::getenv("FINEWATT_VENV");
    const std::filesystem::path folder =
        venv != nullptr ? std::filesystem::path(venv)
                        : std::filesystem::path(source_dir()) / "build" / "venv";
    return folder / "bin" / "python";
}

}  // namespace finewatt::testing
