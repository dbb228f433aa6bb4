#include "finewatt/sensor/nvml_sensor_table.h"

#include "finewatt/base/check.h"
#include "finewatt/base/csv.h"
#include "finewatt/sensor/embedded_tables_internal.h"
#include "finewatt/sensor/gpu_name_internal.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <vector>

namespace finewatt {
namespace {

struct Row {
    std::string gpu;
    std::string architecture;
    long driver = 0;
    std::string field;
    std::optional<double> update_ms;
    std::optional<double> window_ms;
    std::optional<double> error_pct_low;
    std::optional<double> error_pct_high;
};

std::optional<double> number_of(const std::string& text) {
    double value = 0;
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped != end || text.empty()) {
        return std::nullopt;
    }
    return value;
}

std::vector<Row> load_rows() {
    const Result<CsvTable> table = parse_csv(embedded::nvidia_power_sensor(), "power_sensor.csv");
    FINEWATT_CHECK(table.has_value(), "the embedded table of NVIDIA's sensors is not CSV");
    std::vector<Row> rows;
    for (const std::vector<std::string>& text : table->rows) {
        rows.push_back({text[0], text[1], std::atol(text[2].c_str()), text[3], number_of(text[4]),
                        number_of(text[5]), number_of(text[6]), number_of(text[7])});
    }
    return rows;
}

std::string_view field_name(NvidiaPowerField field) {
    switch (field) {
        case NvidiaPowerField::kDraw:
            return "draw";
        case NvidiaPowerField::kAverage:
            return "average";
        case NvidiaPowerField::kInstant:
            return "instant";
    }
    return "";
}

/// The branch of a driver: 535 of "535.54.03"; nothing when the version is unknown.
std::optional<long> branch_of(std::string_view driver) {
    const auto branch = parse_unsigned(driver.substr(0, driver.find('.')));
    if (!branch || *branch > 100'000) {
        return std::nullopt;
    }
    return static_cast<long>(*branch);
}

/// The rows of the nearest driver branch. What `draw` means changed from one branch to the next.
std::vector<Row> of_nearest_driver(std::vector<Row> rows, long branch) {
    long nearest = -1;
    for (const Row& row : rows) {
        const long distance = std::labs(row.driver - branch);
        nearest = nearest < 0 ? distance : std::min(nearest, distance);
    }
    std::erase_if(rows, [&](const Row& row) { return std::labs(row.driver - branch) != nearest; });
    return rows;
}

struct Candidates {
    std::vector<Row> rows;
    std::string basis;
};

/// The rows that speak of this board, of its chip, or of its architecture, in that order.
Candidates candidates_of(const std::vector<Row>& all, std::string_view name,
                         std::string_view architecture, std::string_view field) {
    const GpuName wanted = parse_gpu_name(name);
    Candidates board;
    Candidates chip;
    Candidates family;
    for (const Row& row : all) {
        if (row.field != field) {
            continue;
        }
        const GpuMatch match = match_gpu_names(wanted, parse_gpu_name(row.gpu));
        if (match == GpuMatch::kBoard) {
            board.rows.push_back(row);
            board.basis = row.gpu;
        } else if (match == GpuMatch::kChip) {
            chip.rows.push_back(row);
            chip.basis = fmt::format("{}, another board with this chip", row.gpu);
        } else if (!architecture.empty() && row.architecture == architecture) {
            family.rows.push_back(row);
            family.basis = fmt::format("the worst of the known {} boards", architecture);
        }
    }
    if (!board.rows.empty()) {
        return board;
    }
    return !chip.rows.empty() ? chip : family;
}

void fill_gain_error(NvidiaSensor& sensor, const std::vector<Row>& all, std::string_view name) {
    const GpuName wanted = parse_gpu_name(name);
    for (const Row& row : all) {
        const bool is_board = match_gpu_names(wanted, parse_gpu_name(row.gpu)) == GpuMatch::kBoard;
        if (!is_board || !row.error_pct_low || !row.error_pct_high) {
            continue;
        }
        // reading = true x (1 + error), so true = reading / (1 + error).
        const double most = 1 / (1 + *row.error_pct_low / 100) - 1;
        const double least = 1 - 1 / (1 + *row.error_pct_high / 100);
        sensor.gain_error_high = std::max(sensor.gain_error_high.value_or(0), most);
        sensor.gain_error_low = std::max(sensor.gain_error_low.value_or(0), least);
    }
}

}  // namespace

NvidiaSensor find_nvidia_sensor(std::string_view name, std::string_view architecture,
                                std::string_view driver, NvidiaPowerField field) {
    const std::vector<Row> all = load_rows();
    NvidiaSensor sensor;
    Candidates found = candidates_of(all, name, architecture, field_name(field));
    if (found.rows.empty()) {
        sensor.basis = "window and update period unknown: no board like it in the sensor table";
    } else {
        const std::optional<long> branch = branch_of(driver);
        if (branch) {
            found.rows = of_nearest_driver(std::move(found.rows), *branch);
        }
        bool is_window_known = true;
        for (const Row& row : found.rows) {
            sensor.update_ms = std::max(sensor.update_ms.value_or(0), row.update_ms.value_or(0));
            is_window_known = is_window_known && row.window_ms.has_value();
            const double window_ms = row.window_ms.value_or(0);
            sensor.window_ms = std::min(sensor.window_ms.value_or(window_ms), window_ms);
        }
        if (!is_window_known) {
            sensor.window_ms.reset();
        }
        sensor.basis = fmt::format("sensor table: {}, driver {}", found.basis,
                                   branch ? std::to_string(found.rows.front().driver) : "any");
    }
    fill_gain_error(sensor, all, name);
    return sensor;
}

}  // namespace finewatt
