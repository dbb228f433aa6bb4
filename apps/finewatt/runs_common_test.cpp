#include "finewatt/runs_common.h"

#include "finewatt/testing/manual_clock.h"
#include "finewatt/testing/matchers.h"

#include <vector>

namespace finewatt::app {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(NearWords, TyposAreFoundAndStrangersAreNot) {
    const std::vector<std::string> names{"baseline", "baseline-2", "faster", "x"};
    EXPECT_THAT(near_words("baselien", names), ElementsAre("baseline"));
    EXPECT_THAT(near_words("BASELINE", names), ElementsAre("baseline", "baseline-2"));
    EXPECT_THAT(near_words("distilled", names), IsEmpty());
    EXPECT_THAT(near_words("", names), IsEmpty());
}

TEST(NearWords, AtMostThreeNearestFirst) {
    const std::vector<std::string> names{"run-aaaa", "run-aaab", "run-aabb", "run-abbb",
                                         "run-bbbb"};
    EXPECT_THAT(near_words("run-aaaa", names), ElementsAre("run-aaaa", "run-aaab", "run-aabb"));
}

TEST(ParseRunTime, TakesTimesDaysAndAges) {
    testing::ManualClock clock;
    ASSERT_EQ(clock.wall_now().to_iso8601(), "2026-11-23T04:28:00.000Z");
    const auto parsed = [&](std::string_view text) {
        const Result<WallTime> time = parse_run_time("--since", text, clock);
        return time ? time->to_iso8601() : time.error().describe();
    };
    EXPECT_EQ(parsed("2026-11-20T01:02:03Z"), "2026-11-20T01:02:03.000Z");
    EXPECT_EQ(parsed("2026-11-20"), "2026-11-20T00:00:00.000Z");
    EXPECT_EQ(parsed("90m"), "2026-11-23T02:58:00.000Z");
    EXPECT_EQ(parsed("2w"), "2026-11-09T04:28:00.000Z");
    for (const char* text : {"", "yesterday", "7", "-3d", "2026-13-01", "99999999999d", "1d2h"}) {
        EXPECT_ERROR(kInvalidArgument, parse_run_time("--since", text, clock), "--since: expected");
    }
}

TEST(SpellOutTagChanges, OnlyWordsAfterRunsTagAreChanged) {
    const auto spelled = [](std::vector<std::string> words) {
        spell_out_tag_changes(words);
        return words;
    };
    EXPECT_THAT(spelled({"runs", "tag", "X", "+a", "-verified", "-q", "--add", "b"}),
                ElementsAre("runs", "tag", "X", "+a", "--remove=verified", "-q", "--add", "b"));
    EXPECT_THAT(spelled({"--json", "runs", "--quiet", "tag", "X", "-a"}),
                ElementsAre("--json", "runs", "--quiet", "tag", "X", "--remove=a"));
    EXPECT_THAT(spelled({"runs", "show", "tag", "-x"}), ElementsAre("runs", "show", "tag", "-x"));
    EXPECT_THAT(spelled({"measure", "-x"}), ElementsAre("measure", "-x"));
    EXPECT_THAT(spelled({"tag", "-x"}), ElementsAre("tag", "-x"));
}

}  // namespace
}  // namespace finewatt::app
