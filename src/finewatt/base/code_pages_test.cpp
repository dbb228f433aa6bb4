#include "finewatt/base/code_pages.h"

#include "finewatt/base/file.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

#include <charconv>
#include <string>
#include <string_view>

namespace finewatt {
namespace {

/// Resident pages of files, in KiB.
long resident_files_kib() {
    const auto status = read_file("/proc/self/status");
    constexpr std::string_view kKey = "RssFile:";
    const std::size_t at = status ? status->find(kKey) : std::string::npos;
    if (at == std::string::npos) {
        return -1;
    }
    const std::size_t digits = status->find_first_of("0123456789", at);
    long kib = -1;
    std::from_chars(status->data() + digits, status->data() + status->size(), kib);
    return kib;
}

TEST(CodePages, ReleasedCodeIsNotResidentAndStillRuns) {
    const long before_kib = resident_files_kib();
    if (before_kib < 0) {
        GTEST_SKIP() << "this kernel does not tell RssFile";
    }
    release_code_pages();
    const long after_kib = resident_files_kib();
    EXPECT_GT(after_kib, 0);
    EXPECT_LT(after_kib, before_kib);
    // Code and constants come back.
    EXPECT_EQ(std::to_string(42), "42");
    ASSERT_OK(read_file("/proc/self/status"));
}

}  // namespace
}  // namespace finewatt
