// `finewatt runs export --format parquet`, read back by pyarrow. Built without the module, the
// program says what is missing.

#include "finewatt/base/subprocess.h"
#include "finewatt/testing/places.h"

#include <cstdlib>

#include "runs_fixture.h"

namespace finewatt::e2e {
namespace {

using ::testing::HasSubstr;

#ifndef FINEWATT_HAS_PARQUET

TEST_F(RunsTest, ParquetWithoutItsModuleSaysWhatIsMissing) {
    store({run_of(1, "a", 1)});
    const auto result =
        finewatt({"runs", "export", "a", "--format", "parquet", "--out", "a.parquet"});
    EXPECT_EQ(result.exit_status, 4);
    EXPECT_THAT(result.stderr_text, HasSubstr("libfinewatt_trace_parquet.so"));
    EXPECT_THAT(result.stderr_text, HasSubstr("--format json"));
    EXPECT_FALSE(std::filesystem::exists(tree_.path() / "a.parquet"));
}

#else

/// Prints a Parquet file's rows and metadata as JSON.
constexpr const char* kReader = R"(
import json, sys
import pyarrow.parquet as pq
table = pq.read_table(sys.argv[1])
print(json.dumps({"rows": table.to_pylist(),
                  "traces": (table.schema.metadata or {}).get(b"finewatt_traces", b"").decode()}))
)";

TEST_F(RunsTest, ParquetHoldsEverySampleToTheLastBit) {
    if (!std::filesystem::exists(testing::venv_python())) {
        GTEST_SKIP()
            << "no Python environment with pyarrow: run scripts/setup or set FINEWATT_VENV";
    }
    store({run_of(1, "a", 1), run_of(2, "b", 2)});
    const auto exported =
        finewatt({"runs", "export", "--all", "--format", "parquet", "--out", "a.parquet"});
    ASSERT_EQ(exported.exit_status, 0) << exported.stderr_text;
    SubprocessOptions options;
    options.argv = {testing::venv_python().string(), "-c", kReader,
                    (tree_.path() / "a.parquet").string()};
    const Result<SubprocessResult> read = run_subprocess(options);
    ASSERT_OK(read);
    ASSERT_EQ(read->exit_status, 0) << read->stderr_text;
    const auto document = nlohmann::json::parse(read->stdout_text);
    EXPECT_EQ(document["traces"], "1");
    ASSERT_EQ(document["rows"].size(), 6U);
    EXPECT_EQ(document["rows"][4], (nlohmann::json{{"run_id", id_of(2)},
                                                   {"channel", "powercap:package-0"},
                                                   {"component", "cpu"},
                                                   {"provenance", "measured"},
                                                   {"t_s", 0.2},
                                                   {"power_w", 1e-300}}));
    EXPECT_EQ(document["rows"][5]["power_w"], 12.000000000000002);
    // To standard output go the same bytes.
    EXPECT_EQ(finewatt({"runs", "export", "--all", "--format", "parquet"}).stdout_text.substr(0, 4),
              "PAR1");
}

#endif

}  // namespace
}  // namespace finewatt::e2e
