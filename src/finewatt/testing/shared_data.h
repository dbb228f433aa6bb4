// Where tests find data that is not part of the repository.
#pragma once

#include "finewatt/testing/places.h"

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace finewatt::testing {

/// Return FINEWATT_SHARED (default: ../shared beside the repository) joined with `relative`, or
/// nothing where that file is not there. Tests then skip with FINEWATT_SKIP_WITHOUT_SHARED.
inline std::optional<std::filesystem::path> shared_path(const std::filesystem::path& relative) {
    const char* from_environment = std::getenv("FINEWATT_SHARED");
    const std::filesystem::path root = from_environment != nullptr
                                           ? std::filesystem::path(from_environment)
                                           : std::filesystem::path(source_dir()) / ".." / "shared";
    std::filesystem::path file = root / relative;
    if (!std::filesystem::exists(file)) {
        return std::nullopt;
    }
    return file;
}

}  // namespace finewatt::testing

/// Declare `variable` as the path of a shared file, or skip the test with the reason.
#define FINEWATT_SHARED_OR_SKIP(variable, relative)                           \
    const auto variable##_found = ::finewatt::testing::shared_path(relative); \
    if (!variable##_found) {                                                  \
        GTEST_SKIP() << "shared data not found: " << (relative)               \
                     << " (set FINEWATT_SHARED to the folder that holds it)"; \
    }                                                                         \
    const std::filesystem::path& variable = *variable##_found
