#include "finewatt/base/pending_file.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <string>

namespace finewatt {
namespace {

std::ptrdiff_t files_in(const std::filesystem::path& folder) {
    return std::distance(std::filesystem::directory_iterator(folder), {});
}

TEST(PendingFile, PiecesAppearTogetherOnCommit) {
    const testing::TempTree tree;
    const auto path = tree.write("out.bin", "old");
    ASSERT_OK_AND_ASSIGN(PendingFile file, PendingFile::create(path));
    ASSERT_OK(file.write("new "));
    ASSERT_OK(file.write("content"));
    ASSERT_OK_AND_ASSIGN(const std::string before, read_file(path));
    EXPECT_EQ(before, "old");
    ASSERT_OK(file.commit());
    ASSERT_OK_AND_ASSIGN(const std::string after, read_file(path));
    EXPECT_EQ(after, "new content");
    EXPECT_EQ(files_in(tree.path()), 1);
}

TEST(PendingFile, WithoutCommitNothingIsLeft) {
    const testing::TempTree tree;
    const auto path = tree.write("out.bin", "old");
    {
        ASSERT_OK_AND_ASSIGN(PendingFile file, PendingFile::create(path));
        ASSERT_OK(file.write("half"));
        const PendingFile moved = std::move(file);
        EXPECT_EQ(files_in(tree.path()), 2);
    }
    ASSERT_OK_AND_ASSIGN(const std::string after, read_file(path));
    EXPECT_EQ(after, "old");
    EXPECT_EQ(files_in(tree.path()), 1);
}

TEST(PendingFile, FileHasTheRightsOfAnOrdinaryNewOne) {
    const testing::TempTree tree;
    const auto path = tree.path() / "out.bin";
    const mode_t before = ::umask(022);
    ASSERT_OK_AND_ASSIGN(PendingFile file, PendingFile::create(path));
    ASSERT_OK(file.commit());
    ::umask(before);

    struct stat info {};

    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0644U);
}

TEST(PendingFile, MissingFolderIsNamed) {
    const testing::TempTree tree;
    EXPECT_ERROR(kNotFound, PendingFile::create(tree.path() / "no" / "out.bin"), "out.bin");
}

}  // namespace
}  // namespace finewatt
