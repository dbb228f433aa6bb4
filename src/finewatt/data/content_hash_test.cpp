#include "finewatt/data/content_hash.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(ContentHash, IsThatOfXxhashForTextsAndFiles) {
    // xxhsum -H128 (xxHash 0.8) of an empty input.
    EXPECT_EQ(content_hash(""), "99aa06d3014798d86001c324468d497f");
    EXPECT_NE(content_hash("a"), content_hash("b"));
    const testing::TempTree tree;
    ASSERT_OK_AND_ASSIGN(const std::string of_file, file_hash(tree.write("f", "finewatt")));
    EXPECT_EQ(of_file, content_hash("finewatt"));
    ASSERT_OK_AND_ASSIGN(const std::string of_empty, file_hash(tree.write("e", "")));
    EXPECT_EQ(of_empty, content_hash(""));
    EXPECT_ERROR(kNotFound, file_hash(tree.path() / "none"), "none");
}

}  // namespace
}  // namespace finewatt
