// The table of core counts was entered by hand, so it is held against the TDP table and against
// what server processors are like.

#include "finewatt/base/file.h"
#include "finewatt/sensor/cpu_tdp_table.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/places.h"

#include <set>
#include <string>
#include <vector>

namespace finewatt {
namespace {

struct CoreRow {
    std::string name;
    unsigned cores = 0;
    std::string checked_by;
};

std::vector<CoreRow> read_rows() {
    const Result<std::string> text =
        read_file(testing::source_dir() + "/data/cpu_tdp/server_cpu_cores.csv");
    std::vector<CoreRow> rows;
    if (!text) {
        ADD_FAILURE() << text.error().describe();
        return rows;
    }
    std::size_t begin = text->find('\n') + 1;
    while (begin < text->size()) {
        const std::size_t end = text->find('\n', begin);
        const std::string line = text->substr(begin, end - begin);
        const std::size_t first = line.find(',');
        const std::size_t second = line.find(',', first + 1);
        rows.push_back(
            {line.substr(0, first),
             static_cast<unsigned>(std::stoul(line.substr(first + 1, second - first - 1))),
             line.substr(second + 1)});
        begin = end + 1;
    }
    return rows;
}

TEST(CpuCoreCounts, EachModelIsInTheTdpTableOnceWithTheSameCount) {
    std::set<std::string> names;
    for (const CoreRow& row : read_rows()) {
        EXPECT_TRUE(names.insert(row.name).second) << row.name << " occurs twice";
        const auto tdp = find_cpu_tdp(row.name);
        ASSERT_TRUE(tdp) << row.name;
        EXPECT_TRUE(tdp->is_exact) << row.name;
        EXPECT_EQ(tdp->cores, row.cores) << row.name;
    }
    EXPECT_EQ(names.size(), 139U);
}

TEST(CpuCoreCounts, WattsPerCoreArePlausible) {
    // Server processors of these years: 2.8 W (EPYC 9754) to 22.5 W (EPYC 72F3) per core. A count
    // that is off by a factor of two leaves this band for most models, one that is off by one core
    // shows in the evenness: sockets have even numbers of cores.
    for (const CoreRow& row : read_rows()) {
        const auto tdp = find_cpu_tdp(row.name);
        ASSERT_TRUE(tdp) << row.name;
        const double watts_per_core = tdp->tdp_w / row.cores;
        EXPECT_GT(watts_per_core, 2.5) << row.name;
        EXPECT_LT(watts_per_core, 25) << row.name;
        EXPECT_EQ(row.cores % 2, 0U) << row.name;
        EXPECT_LE(row.cores, 128U) << row.name;
    }
}

TEST(CpuCoreCounts, EachRowSaysWhetherItWasChecked) {
    std::size_t checked = 0;
    for (const CoreRow& row : read_rows()) {
        EXPECT_THAT(row.checked_by, ::testing::AnyOf("boavizta", "kernel name", "")) << row.name;
        checked += row.checked_by.empty() ? 0U : 1U;
    }
    EXPECT_EQ(checked, 82U) << "data/cpu_tdp/SOURCE.md states the number";
}

}  // namespace
}  // namespace finewatt
