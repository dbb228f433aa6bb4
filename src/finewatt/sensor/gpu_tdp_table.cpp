#include "finewatt/sensor/gpu_tdp_table.h"

#include "finewatt/base/check.h"
#include "finewatt/base/csv.h"
#include "finewatt/sensor/embedded_tables_internal.h"
#include "finewatt/sensor/gpu_name_internal.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <algorithm>

namespace finewatt {

std::optional<GpuTdp> find_gpu_tdp(std::string_view name) {
    const Result<CsvTable> table = parse_csv(embedded::gpu_tdp_watts(), "gpu_tdp_watts.csv");
    FINEWATT_CHECK(table.has_value(), "the embedded table of GPU power is not CSV");
    const GpuName wanted = parse_gpu_name(name);
    GpuTdp found;
    GpuMatch best = GpuMatch::kChip;
    for (const std::vector<std::string>& row : table->rows) {
        const GpuMatch match = match_gpu_names(wanted, parse_gpu_name(row[0]));
        const auto watts = parse_unsigned(row[1]);
        if (match < best || !watts) {
            continue;
        }
        const auto tdp_w = static_cast<double>(*watts);
        const bool is_first = found.name.empty() || match > best;
        best = match;
        found = is_first ? GpuTdp{row[0], tdp_w, tdp_w}
                         : GpuTdp{found.name + ", " + row[0], std::min(found.tdp_w_low, tdp_w),
                                  std::max(found.tdp_w_high, tdp_w)};
    }
    if (found.name.empty()) {
        return std::nullopt;
    }
    return found;
}

}  // namespace finewatt
