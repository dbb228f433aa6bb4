#include "golden.h"

#include "finewatt/report/summary.h"

#include <gtest/gtest.h>

#include "example_runs.h"

namespace finewatt::report_examples {
namespace {

TEST(ReportGolden, Summaries) {
    for (const Example& example : all_examples()) {
        expect_golden(render_summary(example.run), "summary_" + example.name + ".txt");
    }
}

}  // namespace
}  // namespace finewatt::report_examples
