#include "finewatt/exchange/sample_runs_internal.h"
#include "finewatt/exchange/sci_record_internal.h"
#include "finewatt/testing/matchers.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace finewatt::exchange {
namespace {

Result<std::string> write(const RunRecord& run) {
    return write_sci(std::span(&run, 1), {});
}

TEST(WriteSci, HoldsTheFigureAndItsParts) {
    ASSERT_OK_AND_ASSIGN(const std::string text, write(sample_run()));
    const nlohmann::json document = nlohmann::json::parse(text, nullptr, false);
    EXPECT_EQ(document["sci"], 7.2195);
    EXPECT_EQ(document["sci_per"], "run");
    EXPECT_EQ(document["embodied_kg"], 0.002);
    EXPECT_EQ(document["co2_kg"], 0.0052195);
    EXPECT_EQ(document["intensity_g_per_kwh"], 474.5);
    EXPECT_EQ(document["zone"], "RFCW");
    EXPECT_EQ(document["run_id"], sample_run().run_id);
}

TEST(WriteSci, UnknownIsRefusedWithTheReason) {
    RunRecord run = sample_run();
    run.carbon->sci.reset();
    EXPECT_ERROR(kInvalidArgument, write(run), "no unit of work was chosen");
    EXPECT_ERROR(kInvalidArgument, write(unknown_run()), "the place is not known");
}

TEST(WriteSci, HostileTextsStayTexts) {
    for (const std::string_view text : kHostileTexts) {
        ASSERT_OK_AND_ASSIGN(const std::string written, write(hostile_run(text)));
        EXPECT_TRUE(nlohmann::json::parse(written, nullptr, false).is_object()) << written;
        EXPECT_EQ(written.find('\x1b'), std::string::npos);
    }
}

}  // namespace
}  // namespace finewatt::exchange
