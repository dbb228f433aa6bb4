#include "finewatt/record/calibration.h"

#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>

namespace finewatt {
namespace {

TEST(CalibrationJson, NewerFormatIsRefusedByName) {
    EXPECT_ERROR(kUnsupported,
                 calibration_from_json(R"({"finewatt_calibration":2,"type":"wall","id":"x"})"),
                 "found 2");
}

TEST(CalibrationJson, OtherTypeIsRefused) {
    EXPECT_ERROR(kUnsupported,
                 calibration_from_json(R"({"finewatt_calibration":1,"type":"idle","id":"x"})"),
                 "expected type 'wall', found 'idle'");
}

TEST(CalibrationJson, DamagedDocumentNamesTheKey) {
    EXPECT_ERROR(kCorrupt, calibration_type("{"), "expected a JSON document");
    EXPECT_ERROR(kCorrupt, calibration_type("{}"), "finewatt_calibration");
    EXPECT_ERROR(kCorrupt, calibration_type(R"({"finewatt_calibration":1})"), "type");
    EXPECT_ERROR(kCorrupt,
                 calibration_from_json(R"({"finewatt_calibration":1,"type":"wall","id":"x",)"
                                       R"("lag_s":"late"})"),
                 "lag_s");
    EXPECT_ERROR(kCorrupt, baseline_from_json(R"({"finewatt_calibration":1,"type":"idle"})"), "id");
}

TEST(CalibrationJson, TypeIsReadWithoutTheRest) {
    ASSERT_OK_AND_ASSIGN(const std::string type,
                         calibration_type(R"({"finewatt_calibration":1,"type":"idle"})"));
    EXPECT_EQ(type, "idle");
}

}  // namespace
}  // namespace finewatt
