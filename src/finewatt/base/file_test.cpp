#include "finewatt/base/file.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(File, AtomicWriteReplacesTheWholeFile) {
    testing::TempTree tree;
    const auto path = tree.write("out.txt", "old and longer");
    ASSERT_OK(write_file_atomically(path, "new"));
    ASSERT_OK_AND_ASSIGN(const std::string content, read_file(path));
    EXPECT_EQ(content, "new");
}

TEST(File, FilesOfAnyLengthAreReadWhole) {
    const testing::TempTree tree;
    for (const std::size_t size : {0U, 1U, 1023U, 1024U, 1025U, 100'000U}) {
        const std::string text(size, 'x');
        ASSERT_OK_AND_ASSIGN(const std::string content, read_file(tree.write("f", text)));
        EXPECT_EQ(content, text) << size;
    }
}

TEST(File, KernelFilesThatTellNoSizeAreReadWhole) {
    ASSERT_OK_AND_ASSIGN(const std::string maps, read_file("/proc/self/maps"));
    EXPECT_GT(maps.size(), 1024U);
    EXPECT_EQ(maps.back(), '\n');
}

TEST(File, FailedWriteLeavesTheOldFileAndNoTemporary) {
    testing::TempTree tree;
    const Status status = write_file_atomically(tree.path() / "missing" / "out.txt", "x");
    EXPECT_ERROR(kNotFound, status, "out.txt");
    EXPECT_TRUE(std::filesystem::is_empty(tree.path()));
}

TEST(File, WriteToAFullDeviceSaysSo) {
    ASSERT_OK_AND_ASSIGN(ScopedFd fd, open_file("/dev/full", 1));
    EXPECT_ERROR(kIo, write_all(fd.get(), "x"), "No space left on device");
}

TEST(File, MappingShowsTheBytes) {
    testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(const MappedFile mapped, MappedFile::open(tree.write("m", "abc")));
    ASSERT_EQ(mapped.bytes().size(), 3U);
    EXPECT_EQ(static_cast<char>(mapped.bytes()[2]), 'c');
}

TEST(File, EmptyFileMapsToNoBytes) {
    testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(const MappedFile mapped, MappedFile::open(tree.write("m", "")));
    EXPECT_TRUE(mapped.bytes().empty());
}

TEST(File, FolderIsNotAFile) {
    testing::TempTree tree;
    EXPECT_ERROR(kInvalidArgument, MappedFile::open(tree.path()), "expected a file");
}

}  // namespace
}  // namespace finewatt
