#include "finewatt/store/store.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <sys/stat.h>

#include <map>
#include <string>

namespace finewatt {
namespace {

using ::finewatt::testing::TempTree;

EnvironmentLookup environment(const std::map<std::string, std::string>& variables) {
    return [variables](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    };
}

TEST(OpenStore, FormsThatAreNotAStoreAreRefused) {
    EXPECT_ERROR(kInvalidArgument, open_store("ledger.db"), "expected sqlite:PATH");
    EXPECT_ERROR(kInvalidArgument, open_store("sqlite:"), "expected sqlite:PATH");
    EXPECT_ERROR(kInvalidArgument, open_store(""), "expected sqlite:PATH");
}

TEST(OpenStore, PasswordOfAUrlIsNotPrinted) {
    for (const char* url :
         {"postgresql://me:secret@localhost:1/db", "postgresql://me:se@cret@localhost:1/db",
          "postgresql://me:secret/@localhost:1/db", "postgresql://me:secret#@localhost:1/db",
          "postgresql://me:secret?@localhost:1/db", "postgresql:me:secret@localhost:1/db",
          "postgresql://localhost:1/db?password=secret&shoe=size", "postgresql:secret",
          "postgress://me:secret@host/db", "mysql://me:secret@host/db", "me:secret@host/db",
          "mysql://host/db?password=secret"}) {
        const auto store = open_store(url);
        ASSERT_FALSE(store.has_value()) << url;
        EXPECT_EQ(store.error().describe().find("cret"), std::string::npos)
            << store.error().describe();
    }
}

TEST(OpenStore, MissingFoldersAreMadeForTheOwnerAlone) {
    const TempTree tree;
    ASSERT_OK(open_store("sqlite:" + (tree.path() / "a/b/ledger.db").string()));

    struct stat info {};

    ASSERT_EQ(::stat((tree.path() / "a/b").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST(DefaultStoreUrl, VariablesWinInOrder) {
    EXPECT_EQ(default_store_url(environment({{"FINEWATT_STORE", "sqlite:/x"},
                                             {"XDG_DATA_HOME", "/data"},
                                             {"HOME", "/home/me"}}))
                  .value(),
              "sqlite:/x");
    EXPECT_EQ(
        default_store_url(environment({{"XDG_DATA_HOME", "/data"}, {"HOME", "/home/me"}})).value(),
        "sqlite:/data/finewatt/finewatt.db");
    EXPECT_EQ(
        default_store_url(environment({{"FINEWATT_STORE", ""}, {"HOME", "/home/me"}})).value(),
        "sqlite:/home/me/.local/share/finewatt/finewatt.db");
}

TEST(DefaultStoreUrl, RelativeDataHomeIsIgnored) {
    EXPECT_EQ(
        default_store_url(environment({{"XDG_DATA_HOME", "data"}, {"HOME", "/home/me"}})).value(),
        "sqlite:/home/me/.local/share/finewatt/finewatt.db");
}

TEST(DefaultStoreUrl, WithoutAnyVariableItSaysWhatToDo) {
    EXPECT_ERROR(kNotFound, default_store_url(environment({})), "use --store sqlite:PATH");
}

}  // namespace
}  // namespace finewatt
