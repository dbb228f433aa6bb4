#include "finewatt/record/ulid.h"

#include "finewatt/testing/manual_clock.h"
#include "finewatt/testing/matchers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>
#include <thread>
#include <vector>

namespace finewatt {
namespace {

using ::finewatt::testing::ManualClock;
using std::chrono::milliseconds;

TEST(Ulid, IdsOfOneMillisecondAreDifferentAndGrow) {
    const ManualClock clock;
    UlidGenerator ids(clock);
    std::string last;
    for (int i = 0; i < 1000; ++i) {
        ASSERT_OK_AND_ASSIGN(const std::string id, ids.next());
        ASSERT_TRUE(is_ulid(id)) << id;
        ASSERT_LT(last, id);
        last = id;
    }
}

TEST(Ulid, HoldsTheTimeInMilliseconds) {
    ManualClock clock;
    clock.advance(milliseconds(7));
    UlidGenerator ids(clock);
    ASSERT_OK_AND_ASSIGN(const std::string id, ids.next());
    ASSERT_OK_AND_ASSIGN(const WallTime time, ulid_time(id));
    EXPECT_EQ(time.to_iso8601(), "2026-11-23T04:28:00.007Z");
}

TEST(Ulid, KnownIdGivesKnownTime) {
    // The example of the specification's README: 01ARZ3NDEK… is 1469922850259 ms.
    ASSERT_OK_AND_ASSIGN(const WallTime time, ulid_time("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    EXPECT_EQ(time.as_unix_ns(), 1'469'922'850'259'000'000);
}

TEST(Ulid, GrowsWhenTheClockIsSetBack) {
    ManualClock clock;
    UlidGenerator ids(clock);
    ASSERT_OK_AND_ASSIGN(const std::string first, ids.next());
    clock.advance(milliseconds(-5000));
    ASSERT_OK_AND_ASSIGN(const std::string second, ids.next());
    EXPECT_LT(first, second);
}

TEST(Ulid, LaterMillisecondDrawsFreshRandomBits) {
    ManualClock clock;
    UlidGenerator ids(clock);
    ASSERT_OK_AND_ASSIGN(const std::string first, ids.next());
    clock.advance(milliseconds(1));
    ASSERT_OK_AND_ASSIGN(const std::string second, ids.next());
    EXPECT_LT(first, second);
    // Equal with probability 2^-40.
    EXPECT_NE(first.substr(10, 8), second.substr(10, 8));
}

TEST(Ulid, ThreadsNeverShareAnId) {
    const ManualClock clock;
    UlidGenerator ids(clock);
    std::array<std::vector<std::string>, 4> made;
    {
        std::vector<std::jthread> threads;
        for (auto& mine : made) {
            threads.emplace_back([&ids, &mine] {
                for (int i = 0; i < 500; ++i) {
                    mine.push_back(ids.next().value());
                }
            });
        }
    }
    std::set<std::string> distinct;
    for (const auto& mine : made) {
        distinct.insert(mine.begin(), mine.end());
    }
    EXPECT_EQ(distinct.size(), 2000U);
}

TEST(Ulid, ForkedChildDoesNotRepeatTheParentsNextId) {
    const ManualClock clock;
    UlidGenerator ids(clock);
    ASSERT_OK(ids.next());
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const std::string id = ids.next().value();
        const ssize_t written = ::write(ends[1], id.data(), id.size());
        ::_exit(written == 26 ? 0 : 1);
    }
    std::array<char, 26> from_child{};
    ASSERT_EQ(::read(ends[0], from_child.data(), from_child.size()), 26);
    ::waitpid(child, nullptr, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    ASSERT_OK_AND_ASSIGN(const std::string mine, ids.next());
    EXPECT_NE(mine, std::string(from_child.data(), from_child.size()));
}

TEST(Ulid, OtherTextsAreNoIds) {
    for (const char* text : {"", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAVX",
                             "01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FAI",
                             "81ARZ3NDEKTSV4RRFFQ69G5FAV"}) {
        EXPECT_FALSE(is_ulid(text)) << text;
    }
    EXPECT_ERROR(kInvalidArgument, ulid_time("01"), "expected a ULID");
}

}  // namespace
}  // namespace finewatt
