// The reader of IPMI power, with its transport given; open_ipmi_meter() opens the real one.
#pragma once

#include "finewatt/sensor/ipmi_power_internal.h"
#include "finewatt/sensor/wall_reader_internal.h"

#include <memory>

namespace finewatt {

/// Make a reader that asks over `transport`.
std::unique_ptr<WallReader> make_ipmi_reader(const WallMeterSpec& spec,
                                             std::unique_ptr<IpmiTransport> transport);

/// Make a reader that runs `program dcmi power reading` for each reading.
std::unique_ptr<WallReader> make_ipmitool_reader(const WallMeterSpec& spec, std::string program);

}  // namespace finewatt
