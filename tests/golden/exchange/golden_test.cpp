// Whole documents against approved files. With FINEWATT_UPDATE_GOLDEN=1 in the environment the
// files are rewritten instead; look at the difference before you commit it.
#include "finewatt/base/file.h"
#include "finewatt/exchange/formats.h"
#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace finewatt::exchange {
namespace {

std::vector<RunRecord> runs_for(const Format& format) {
    if (format.one_run) {
        return {sample_run()};
    }
    RunRecord hostile = hostile_run("a|b, \"c\" & 5% \\d\x1b[31m\n<e>");
    hostile.run_id = "01KASZ8B3M2C7D1E6F9G4H5J9M";
    return {sample_run(), unknown_run(), hostile};
}

TEST(ExchangeGolden, DocumentsAreAsApproved) {
    const char* update = std::getenv("FINEWATT_UPDATE_GOLDEN");
    const bool is_update = update != nullptr && std::string_view(update) == "1";
    for (const Format& format : exchange_formats()) {
        if (!format.can_write) {
            continue;
        }
        ASSERT_OK_AND_ASSIGN(const std::string text, write_runs(format.name, runs_for(format)));
        const std::filesystem::path file = std::filesystem::path(testing::source_dir()) /
                                           "tests/golden/exchange" /
                                           fmt::format("{}.txt", format.name);
        if (is_update) {
            ASSERT_OK(write_file_atomically(file, text));
            continue;
        }
        ASSERT_OK_AND_ASSIGN(const std::string approved, read_file(file));
        EXPECT_EQ(text, approved) << format.name
                                  << " differs from the approved file; if the change is wanted, "
                                     "run the test with FINEWATT_UPDATE_GOLDEN=1";
    }
}

}  // namespace
}  // namespace finewatt::exchange
