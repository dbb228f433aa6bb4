#include "finewatt/study/machine_facts.h"

#include "finewatt/sensor/machine_info.h"
#include "finewatt/study/run_job.h"

#include <string_view>

namespace finewatt {
namespace {

bool is_numeric_fact(std::string_view key) {
    return key == "logical_cpus" || key == "physical_cores" || key == "cpu_sockets" ||
           key == "memory_bytes";
}

}  // namespace

SettingMap machine_facts(const DiscoveryOptions& options, const std::vector<GpuInfo>& gpus) {
    SettingMap facts;
    for (const auto& fact : machine_info(options, gpus)) {
        facts[fact.first] = is_numeric_fact(fact.first) ? setting_from_text(fact.second)
                                                        : SettingValue(fact.second);
    }
    return facts;
}

}  // namespace finewatt
