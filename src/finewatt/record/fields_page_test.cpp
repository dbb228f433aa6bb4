#include "finewatt/record/fields_page.h"

#include "finewatt/base/file.h"
#include "finewatt/record/calibration.h"
#include "finewatt/record/run.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <set>

namespace finewatt {
namespace {

TEST(FieldsPage, CommittedPageIsFresh) {
    const std::filesystem::path file =
        std::filesystem::path(testing::source_dir()) / "docs/reference/fields.md";
    if (std::getenv("FINEWATT_UPDATE_GOLDEN") != nullptr) {
        ASSERT_OK(write_file_atomically(file, fields_page()));
    }
    ASSERT_OK_AND_ASSIGN(const std::string committed, read_file(file));
    EXPECT_EQ(committed, fields_page()) << "run record_test with FINEWATT_UPDATE_GOLDEN=1";
}

/// A number whose name is a count or ratio, or ends in its unit, in front of the qualifier.
template <class Struct, class Member>
void check_unit(const Field<Struct, Member>& field) {
    static const std::set<std::string_view> kUnits{"",  "1",     "J",   "W",   "s", "kg",
                                                   "g", "g/kWh", "1/s", "1/J", "l", "currency"};
    EXPECT_TRUE(kUnits.contains(field.unit)) << field.name << ": unit '" << field.unit << "'";
    EXPECT_FALSE(field.meaning.empty()) << field.name;
    constexpr bool is_quantity = std::is_same_v<Member, std::optional<Joules>> ||
                                 std::is_same_v<Member, double> ||
                                 std::is_same_v<Member, std::optional<Watts>> ||
                                 std::is_same_v<Member, std::optional<double>> ||
                                 std::is_same_v<Member, std::optional<CarbonIntensity>>;
    if constexpr (is_quantity) {
        EXPECT_FALSE(field.unit.empty()) << field.name << " is a number without a unit";
    }
}

template <class Struct>
void check_table() {
    std::set<std::string_view> names;
    std::apply(
        [&](const auto&... fields) {
            (check_unit(fields), ...);
            (names.insert(fields.name), ...);
            EXPECT_EQ(names.size(), sizeof...(fields)) << "a key occurs twice";
        },
        Struct::fields());
}

TEST(FieldTables, EveryNumberHasAUnitAndEveryKeyOccursOnce) {
    check_table<RunRecord>();
    check_table<EnergySummary>();
    check_table<ComponentEnergy>();
    check_table<CalibrationUse>();
    check_table<BaselineUse>();
    check_table<Attribution>();
    check_table<DeviceClaim>();
    check_table<MachineIdentity>();
    check_table<ChannelIdle>();
    check_table<IdleBaseline>();
    check_table<CalibrationPair>();
    check_table<LoadCoefficient>();
    check_table<WallCalibration>();
    check_table<CarbonSummary>();
    check_table<PhaseRecord>();
    check_table<WorkTotals>();
    check_table<DerivedFigures>();
    check_table<PredictionSummary>();
}

}  // namespace
}  // namespace finewatt
