#include "finewatt/store/run_row_internal.h"
#include "finewatt/testing/matchers.h"

namespace finewatt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ColumnText, BytesThatAreNoTextBecomeReplacementCharacters) {
    EXPECT_EQ(column_text(std::string_view("a\0b", 3)), "a\uFFFDb");
    EXPECT_EQ(column_text("\xC3\x28"), "\uFFFD(");
    EXPECT_EQ(column_text("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
    EXPECT_EQ(column_text("Größe 🔥\n"), "Größe 🔥\n");
}

TEST(RunRow, SearchHoldsTextsInSmallLetters) {
    RunRecord run;
    run.run_id = "01JDCAFE000000000000000001";
    run.name = "Nightly";
    run.kind = "command";
    run.tags = {"A", "b", "A"};
    run.settings["model"] = "BERT";
    run.settings["batch"] = std::int64_t{32};
    const RunRow row = make_run_row(run);
    EXPECT_EQ(row.search, "01jdcafe000000000000000001\nnightly\ncommand\na\nb\nbert");
    EXPECT_THAT(row.tags, ElementsAre("A", "b"));
}

TEST(DifferingFields, NameWhatTheLedgerWouldLose) {
    RunRecord run;
    run.run_id = "01JDCAFE000000000000000001";
    RunRecord other = run;
    EXPECT_THAT(differing_fields(run, other), IsEmpty());
    other.energy.components.emplace_back().device = "cpu0";
    other.settings["lr"] = 1e-5;
    EXPECT_THAT(differing_fields(run, other), ElementsAre("energy", "settings"));
}

TEST(IsSameSeries, OrderOfChannelsDoesNotMatterButEveryBitDoes) {
    const PowerSeries a{"a", "cpu", "measured", {1, 2}, {3, 4}};
    const PowerSeries b{"b", "cpu", "measured", {}, {}};
    EXPECT_TRUE(is_same_series(std::vector{a, b}, std::vector{b, a}));
    EXPECT_FALSE(is_same_series(std::vector{a, b}, std::vector{a}));
    PowerSeries other = a;
    other.power_w[1] = 4.000000000000001;
    EXPECT_FALSE(is_same_series(std::vector{a}, std::vector{other}));
    other = a;
    other.provenance = "modelled";
    EXPECT_FALSE(is_same_series(std::vector{a}, std::vector{other}));
}

}  // namespace
}  // namespace finewatt
