// FakeMachine: a fake kernel tree, clock and environment for tests of sensors, in the formats that
// Linux shows. Header-only; a test that uses it links finewatt::sensor.
#pragma once

#include "finewatt/sensor/probe.h"
#include "finewatt/testing/manual_clock.h"
#include "finewatt/testing/temp_tree.h"

#include <map>
#include <string>
#include <vector>

namespace finewatt::testing {

/// What a powercap zone shows; 61.035 uJ units, the range of common Intel processors.
struct FakeZone {
    std::string folder;
    std::string name;
    std::string energy_uj = "1000000\n";
    std::string max_energy_range_uj = "262143328850\n";
};

inline void write_zone(const TempTree& tree, const FakeZone& zone) {
    const std::string base = "/sys/class/powercap/" + zone.folder + "/";
    tree.write(base + "name", zone.name + "\n");
    tree.write(base + "energy_uj", zone.energy_uj);
    tree.write(base + "max_energy_range_uj", zone.max_energy_range_uj);
}

/// /proc/cpuinfo of `logical` processors on one socket.
inline std::string cpu_info_text(const std::string& model, unsigned logical, unsigned cores,
                                 const std::string& flags = "fpu vme de pse tsc msr") {
    std::string text;
    for (unsigned i = 0; i < logical; ++i) {
        text += fmt::format(
            "processor\t: {}\nvendor_id\t: GenuineIntel\nmodel name\t: {}\nphysical id\t: 0\n"
            "siblings\t: {}\ncpu cores\t: {}\nflags\t\t: {}\n\n",
            i, model, logical, cores, flags);
    }
    return text;
}

/// /proc/stat with `busy_ticks` in user time and the same in idle, iowait and steal.
inline std::string stat_text(std::uint64_t busy_ticks) {
    return fmt::format(
        "cpu  {0} 0 0 {0} {0} 0 0 {0} 0 0\ncpu0 {0} 0 0 {0} {0} 0 0 {0} 0 0\n"
        "intr 180030 0 0\nctxt 331685\n",
        busy_ticks);
}

/// A whole machine: a tree, a clock, an environment, and files that are denied. Root may read all
/// files, so a denied file is one that the injected opener refuses.
struct FakeMachine {
    TempTree tree;
    ManualClock clock;
    std::map<std::string, std::string> environment;
    std::vector<std::string> denied;  ///< parts of paths

    DiscoveryOptions options() {
        DiscoveryOptions made{.root = SysRoot(tree.path()), .clock = clock};
        made.env = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = environment.find(name);
            if (found == environment.end()) {
                return std::nullopt;
            }
            return found->second;
        };
        made.open = [this](const std::filesystem::path& path) -> Result<ScopedFd> {
            for (const std::string& part : denied) {
                if (path.string().find(part) != std::string::npos) {
                    return FINEWATT_ERROR(kPermission, "open {}: Permission denied", path.string());
                }
            }
            return open_for_reading(path);
        };
        return made;
    }

    void write_processors(const std::string& model, unsigned logical, unsigned cores,
                          const std::string& flags = "fpu vme de pse tsc msr") const {
        tree.write("/proc/cpuinfo", cpu_info_text(model, logical, cores, flags));
        tree.write("/proc/stat", stat_text(1000));
        tree.write("/proc/meminfo", "MemTotal:       32768000 kB\nMemFree:        1000 kB\n");
    }
};

/// The ids of a source's channels; none without a source.
inline std::vector<std::string> channel_ids(const Source* source) {
    std::vector<std::string> ids;
    if (source != nullptr) {
        for (const ChannelSpec& channel : source->channels()) {
            ids.push_back(channel.id);
        }
    }
    return ids;
}

inline std::vector<Reading> poll_all(Source& source) {
    std::vector<Reading> readings(source.channels().size());
    source.poll(readings);
    return readings;
}

}  // namespace finewatt::testing
