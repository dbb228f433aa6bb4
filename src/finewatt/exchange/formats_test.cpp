#include "finewatt/exchange/formats.h"

#include "finewatt/base/file.h"
#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <set>

namespace finewatt {
namespace {

using exchange::sample_run;
using exchange::unknown_run;

TEST(Formats, NamesAreUniqueAndEachCanDoSomething) {
    std::set<std::string_view> names;
    for (const Format& format : exchange_formats()) {
        EXPECT_TRUE(names.insert(format.name).second) << format.name;
        EXPECT_TRUE(format.can_read || format.can_write) << format.name;
        EXPECT_FALSE(format.description.empty() || format.file_name.empty()) << format.name;
    }
}

TEST(Formats, WhatTheTableSaysIsWhatTheFunctionsDo) {
    const testing::TempTree tree;
    const std::vector<RunRecord> one{sample_run()};
    RunRecord other = sample_run();
    other.run_id = "01KASZ8B3M2C7D1E6F9G4H5J9M";
    const std::vector<RunRecord> two{sample_run(), other};
    for (const Format& format : exchange_formats()) {
        const std::filesystem::path file = tree.path() / format.name;
        EXPECT_EQ(write_runs(format.name, one).has_value(), format.can_write) << format.name;
        EXPECT_EQ(write_runs(format.name, two).has_value(), format.can_write && !format.one_run)
            << format.name;
        EXPECT_EQ(append_runs(format.name, one, file).has_value(), format.can_append)
            << format.name;
        EXPECT_EQ(std::filesystem::exists(file), format.can_append) << format.name;
        if (format.can_read && format.can_write) {
            tree.write("in.csv", write_runs(format.name, one).value());
            EXPECT_OK(read_runs(format.name, tree.path() / "in.csv"));
        } else if (!format.can_read) {
            EXPECT_ERROR(kInvalidArgument, read_runs(format.name, file), "is only written");
        }
    }
}

TEST(Formats, DocumentsEndWithALineEnd) {
    const std::vector<RunRecord> runs{sample_run()};
    for (const Format& format : exchange_formats()) {
        if (format.can_write) {
            EXPECT_EQ(write_runs(format.name, runs).value().back(), '\n') << format.name;
        }
    }
}

TEST(Formats, WrongNamesAndNoRunsAreRefused) {
    EXPECT_ERROR(kInvalidArgument, find_format("yaml"), "expected one of model-card, codecarbon");
    EXPECT_ERROR(kInvalidArgument, write_runs("zeus", std::vector{sample_run()}), "only read");
    EXPECT_ERROR(kInvalidArgument, write_runs("csv", {}), "expected at least one run");
    EXPECT_ERROR(kNotFound, read_runs("zeus", "/nowhere/log.csv"), "/nowhere/log.csv");
}

TEST(AppendRuns, FileIsMadeAndGrowsAndAFailureLeavesItAsItWas) {
    const testing::TempTree tree;
    const std::filesystem::path file = tree.path() / "emissions.csv";
    ASSERT_OK(append_runs("codecarbon", std::vector{sample_run()}, file));
    ASSERT_OK(append_runs("codecarbon", std::vector{unknown_run()}, file));
    ASSERT_OK_AND_ASSIGN(const auto runs, read_file(file));
    EXPECT_ERROR(kInvalidArgument, append_runs("codecarbon", std::vector{sample_run()}, file),
                 "is there already");
    ASSERT_OK_AND_ASSIGN(const auto after, read_file(file));
    EXPECT_EQ(runs, after);
}

}  // namespace
}  // namespace finewatt
