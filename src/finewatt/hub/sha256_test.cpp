#include "finewatt/hub/sha256.h"

#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

namespace finewatt::hub {
namespace {

// Test vectors: FIPS 180-2, appendix B; NIST's example for a million times 'a'.
TEST(Sha256, AnswersAreThoseOfTheStandard) {
    EXPECT_EQ(*sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(*sha256_of("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, FileLongerThanOnePieceIsReadToItsEnd) {
    const testing::TempTree tree;
    const std::string content(3'000'000, 'a');
    const auto file = tree.write("a", content);
    EXPECT_EQ(*sha256_of_file(file), *sha256_of(content));
    const auto million = tree.write("m", content.substr(0, 1'000'000));
    EXPECT_EQ(*sha256_of_file(million),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    EXPECT_ERROR(kNotFound, sha256_of_file(tree.path() / "absent"), "absent");
}

}  // namespace
}  // namespace finewatt::hub
