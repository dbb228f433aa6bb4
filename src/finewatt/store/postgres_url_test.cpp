#include "finewatt/store/postgres_url_internal.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

TEST(PostgresUrl, FormsThatLibpqReadsOneWayPass) {
    for (const char* url :
         {"postgresql://", "postgres://localhost", "postgresql://me@host:5432/db",
          "postgresql://me:se%40cret@[::1]:5432/db?sslmode=require", "postgresql://a,b:1234/db",
          "postgresql:///db?host=/run/postgresql&password=p@ss", "postgresql://@/db?host=/tmp"}) {
        EXPECT_TRUE(check_postgres_url(url).has_value()) << url;
    }
}

TEST(PostgresUrl, PasswordThatIsNotWrittenAsPercentIsRefusedUnseen) {
    for (const std::string_view url :
         {std::string_view("postgresql://me:se@cret@host/db"),
          std::string_view("postgresql://me:se/cret@host/db"),
          std::string_view("postgresql://me:se?cret@host/db"),
          std::string_view("postgresql://me:se#cret@host/db"),
          std::string_view("postgresql:me:secret@host/db"), std::string_view("postgresql:"),
          std::string_view("postgresql://me:sec\0ret@host/db", 31)}) {
        const Status status = check_postgres_url(url);
        EXPECT_ERROR(kInvalidArgument, status, "written as %XX");
        EXPECT_EQ(status.error().describe().find("cret"), std::string::npos) << url;
    }
}

TEST(OneLine, ControlCharactersAndLinesBecomeSpaces) {
    EXPECT_EQ(one_line("a\n\t b\x1b[31m\x7f c \n"), "a b [31m c");
    EXPECT_EQ(one_line("\n"), "");
}

}  // namespace
}  // namespace finewatt
