// Every energy and emission that the paper "Energy and Carbon Considerations of Fine-Tuning BERT"
// is known to have printed side by side, recomputed.

#include "finewatt/base/csv.h"
#include "finewatt/base/file.h"
#include "finewatt/carbon/carbon.h"
#include "finewatt/testing/matchers.h"
#include "finewatt/testing/shared_data.h"

#include <map>
#include <string>

namespace finewatt {
namespace {

struct Pair {
    std::string energy_kwh;
    std::string emissions_kg;
};

/// The file's rows by what they describe, without the comment lines in front.
std::map<std::string, Pair> published_pairs(const std::string& file) {
    const CsvTable table =
        parse_csv(std::string_view(file).substr(file.find("\ntable,") + 1), "reference").value();
    const std::size_t quantity = table.column("quantity").value();
    const std::size_t value = table.column("value").value();
    const std::size_t unit = table.column("unit").value();
    std::map<std::string, Pair> pairs;
    for (const auto& row : table.rows) {
        std::string key;
        for (std::size_t i = 0; i < quantity; ++i) {
            key += row[i] + "|";
        }
        if (row[quantity] == "energy" && row[unit] == "kWh") {
            pairs[key].energy_kwh = row[value];
        } else if (row[quantity] == "emissions" && row[unit] == "kg CO2") {
            pairs[key].emissions_kg = row[value];
        }
    }
    return pairs;
}

TEST(PublishedPairs, EachEmissionIsReproducedToItsPrintedDigits) {
    FINEWATT_SHARED_OR_SKIP(path, "paper/reference_results.csv");
    ASSERT_OK_AND_ASSIGN(const std::string file, read_file(path));
    // The pairs are of the RTX 8000 machine in Pittsburgh.
    const Place pittsburgh = parse_place("zip:15213").value();
    std::size_t compared = 0;
    for (const auto& [key, pair] : published_pairs(file)) {
        if (pair.energy_kwh.empty() || pair.emissions_kg.empty()) {
            continue;
        }
        EnergySummary energy;
        energy.energy = kwh(std::stod(pair.energy_kwh));
        ASSERT_OK_AND_ASSIGN(
            const CarbonSummary carbon,
            carbon_of(energy, pittsburgh, {.edition = "eGRID2021", .basis = CarbonBasis::kCo2}));
        const std::size_t point = pair.emissions_kg.find('.');
        const std::size_t decimals =
            point == std::string::npos ? 0 : pair.emissions_kg.size() - point - 1;
        EXPECT_EQ(fmt::format("{:.{}f}", carbon.co2_kg.value(), decimals), pair.emissions_kg)
            << key << pair.energy_kwh << " kWh";
        ++compared;
    }
    EXPECT_EQ(compared, 9U);
}

}  // namespace
}  // namespace finewatt
