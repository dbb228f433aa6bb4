// What a record says of its machine, with numbers as numbers.
#pragma once

#include "finewatt/record/run.h"
#include "finewatt/sensor/probe.h"

#include <vector>

namespace finewatt {

/// Return machine_info() (sensor/machine_info.h) as the record's `machine`.
SettingMap machine_facts(const DiscoveryOptions& options, const std::vector<GpuInfo>& gpus);

}  // namespace finewatt
