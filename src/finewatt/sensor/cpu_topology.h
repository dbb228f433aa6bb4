// Which package and die each CPU belongs to, from /sys/devices/system/cpu, and the names that the
// sources give to packages, so that sources of one package agree on the device.
//
// Main type: CpuPlace. Not for models and vendors: that is cpu_info.h. Source:
// Documentation/admin-guide/cputopology.rst of Linux.
#pragma once

#include "finewatt/base/sys_root.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace finewatt {

/// Where one CPU sits.
struct CpuPlace {
    unsigned cpu = 0;
    unsigned package = 0;
    unsigned die = 0;  ///< within the package; 0 where the kernel tells none

    bool operator==(const CpuPlace&) const = default;
};

/// Parse a list of CPUs as the kernel writes it, "0,18-20". Nothing when it is none or holds more
/// than 65,536 CPUs.
std::optional<std::vector<unsigned>> parse_cpu_list(std::string_view text);

/// Return the place of one CPU; nothing when its topology cannot be read.
std::optional<CpuPlace> read_cpu_place(const SysRoot& root, unsigned cpu);

/// Return places of online CPUs, by CPU number: at least one of every die, so that a machine with
/// hundreds of CPUs costs a few reads. Empty when they cannot be read.
std::vector<CpuPlace> read_cpu_places(const SysRoot& root);

/// Return the first CPU of each package, or of each die where `by_die`, ordered by package and die.
std::vector<CpuPlace> first_cpus(const std::vector<CpuPlace>& places, bool by_die);

/// Whether some package has more than one die.
bool has_several_dies(const std::vector<CpuPlace>& places);

/// Return the zone's name as powercap writes it: "package-0", or "package-0-die-1" with a die.
std::string package_zone(unsigned package, std::optional<unsigned> die);

/// Return the device of a zone: "package-1-die-0" gives "cpu1-die0", "package-1" gives "cpu1"; ""
/// for any other name.
std::string package_device(std::string_view zone);

}  // namespace finewatt
