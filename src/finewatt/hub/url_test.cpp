#include "finewatt/hub/url_internal.h"
#include "finewatt/testing/matchers.h"

namespace finewatt::hub {
namespace {

TEST(Url, OriginIsSchemeHostAndPort) {
    EXPECT_EQ(origin_of("https://Hub.example:8443/a/b?c=http://d"), "https://hub.example:8443");
    EXPECT_EQ(origin_of("http://h"), "http://h");
    EXPECT_NE(origin_of("http://h:80/a"), origin_of("https://h:80/a"));
    EXPECT_NE(origin_of("https://hub@evil.example/"), origin_of("https://hub/"));
}

TEST(Url, LocationIsSeenFromTheAddressItCameFrom) {
    EXPECT_EQ(*join_url("https://h:1/a/b", "/c?d"), "https://h:1/c?d");
    EXPECT_EQ(*join_url("https://h/a", "http://other/c"), "http://other/c");
    EXPECT_EQ(*join_url("https://h/a", "//other/c"), "https://other/c");
    EXPECT_ERROR(kUnsupported, join_url("https://h/a", "c"), "no whole address");
}

TEST(Url, BytesWithAMeaningAreEncoded) {
    EXPECT_EQ(percent_encode("refs/pr/1", ""), "refs%2Fpr%2F1");
    EXPECT_EQ(percent_encode("data/a b?#%\xC3\xA9.json", "/"), "data/a%20b%3F%23%25%C3%A9.json");
    EXPECT_EQ(percent_encode("aZ09-._~", ""), "aZ09-._~");
}

}  // namespace
}  // namespace finewatt::hub
