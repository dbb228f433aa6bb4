#include "finewatt/sensor/wall_credentials_internal.h"
#include "finewatt/testing/fake_machine.h"
#include "finewatt/testing/matchers.h"

#include <filesystem>

namespace finewatt {
namespace {

using testing::FakeMachine;

/// A machine whose credentials file holds `text`.
void write_private(FakeMachine& machine, const std::string& text) {
    const std::filesystem::path path = machine.tree.write("wall.netrc", text);
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    machine.environment["FINEWATT_WALL_CREDENTIALS"] = path.string();
}

TEST(WallCredentials, EnvironmentGivesBothOrNone) {
    FakeMachine machine;
    ASSERT_OK_AND_ASSIGN(const auto none, wall_credentials(machine.options().env, "plug"));
    EXPECT_FALSE(none);
    machine.environment["FINEWATT_WALL_USER"] = "ann";
    EXPECT_ERROR(kInvalidArgument, wall_credentials(machine.options().env, "plug"),
                 "found only FINEWATT_WALL_USER");
    machine.environment["FINEWATT_WALL_PASSWORD"] = "hush";
    ASSERT_OK_AND_ASSIGN(const auto both, wall_credentials(machine.options().env, "plug"));
    EXPECT_EQ(both->user, "ann");
    EXPECT_EQ(both->password, "hush");
}

TEST(WallCredentials, FileIsLookedUpByHostThenByDefault) {
    FakeMachine machine;
    write_private(machine,
                  "default login any password d\nmachine bmc login root password calvin\n"
                  "machine plug password p login ann\n");
    const EnvLookup env = machine.options().env;
    EXPECT_EQ((*wall_credentials(env, "bmc"))->password, "calvin");
    EXPECT_EQ((*wall_credentials(env, "plug"))->user, "ann");
    EXPECT_EQ((*wall_credentials(env, "other"))->user, "any");
}

TEST(WallCredentials, HostThatTheFileDoesNotKnowHasNone) {
    FakeMachine machine;
    write_private(machine, "machine bmc login root password calvin\n");
    ASSERT_OK_AND_ASSIGN(const auto found, wall_credentials(machine.options().env, "plug"));
    EXPECT_FALSE(found);
}

TEST(WallCredentials, FileThatOthersMayReadIsRefused) {
    FakeMachine machine;
    write_private(machine, "machine plug login ann password hush\n");
    std::filesystem::permissions(machine.environment["FINEWATT_WALL_CREDENTIALS"],
                                 std::filesystem::perms::group_read,
                                 std::filesystem::perm_options::add);
    EXPECT_ERROR(kPermission, wall_credentials(machine.options().env, "plug"), "chmod 600");
}

TEST(WallCredentials, WrongFileIsRefusedWithoutShowingItsWords) {
    FakeMachine machine;
    write_private(machine, "machine plug login ann hush\n");
    const auto found = wall_credentials(machine.options().env, "plug");
    EXPECT_ERROR(kInvalidArgument, found, "expected entries like");
    EXPECT_EQ(found.error().describe().find("hush"), std::string::npos);
    machine.environment["FINEWATT_WALL_CREDENTIALS"] = "/nowhere/wall.netrc";
    EXPECT_ERROR(kNotFound, wall_credentials(machine.options().env, "plug"), "/nowhere");
}

}  // namespace
}  // namespace finewatt
