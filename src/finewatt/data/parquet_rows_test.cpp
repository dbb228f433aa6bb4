#include "finewatt/data/dataset.h"
#include "finewatt/data/parquet_rows_internal.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/temp_tree.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace finewatt {
namespace {

/// Sets FINEWATT_PARQUET_MODULE for one test.
class ParquetModuleMissing : public ::testing::Test {
  protected:
    void name_module(const std::filesystem::path& module) {
        ::setenv("FINEWATT_PARQUET_MODULE", module.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
    }

    ~ParquetModuleMissing() override {
        ::unsetenv("FINEWATT_PARQUET_MODULE");  // NOLINT(concurrency-mt-unsafe)
    }

    Result<std::vector<DataRow>> read() {
        return read_parquet_rows(
            tree_.write("data.parquet", "PAR1"),
            [](const auto& names) -> Result<std::vector<std::string>> { return names; });
    }

    testing::TempTree tree_;
};

TEST_F(ParquetModuleMissing, TheMessageSaysHowToGetIt) {
    name_module(tree_.path() / "none.so");
    EXPECT_ERROR(kUnsupported, read(), "none.so, found none; run scripts/setup");
    EXPECT_ERROR(kUnsupported, read(), "convert the file to .jsonl");
}

TEST_F(ParquetModuleMissing, ALibraryThatCannotBeOpenedIsNamedWithTheReason) {
    name_module(tree_.write("broken.so", "not a library"));
    EXPECT_ERROR(kUnsupported, read(), "broken.so: cannot be opened");
}

TEST_F(ParquetModuleMissing, DataSetsNameTheFile) {
    name_module(tree_.path() / "none.so");
    const auto file = tree_.write("data.parquet", "PAR1");
    EXPECT_ERROR(kUnsupported, read_dataset(file, {}), "data.parquet: reading Parquet");
}

}  // namespace
}  // namespace finewatt
