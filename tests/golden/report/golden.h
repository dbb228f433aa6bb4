// Comparison with an approved file. With FINEWATT_UPDATE_GOLDEN=1 in the environment the file is
// rewritten instead, and the test passes; look at the difference before you commit it.
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

namespace finewatt::report_examples {

inline std::filesystem::path golden_path(std::string_view name) {
    return std::filesystem::path(testing::source_dir()) / "tests" / "golden" / "report" / name;
}

/// Expect `text` to equal the approved file `name`.
inline void expect_golden(std::string_view text, std::string_view name) {
    const char* update = std::getenv("FINEWATT_UPDATE_GOLDEN");
    if (update != nullptr && std::string_view(update) == "1") {
        ASSERT_OK(write_file_atomically(golden_path(name), text));
        return;
    }
    const auto approved = read_file(golden_path(name));
    ASSERT_OK(approved);
    EXPECT_EQ(text, *approved) << name
                               << " differs from the approved file; if the change is wanted, run "
                                  "the test with FINEWATT_UPDATE_GOLDEN=1";
}

}  // namespace finewatt::report_examples
