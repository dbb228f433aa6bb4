// Fake sensors of the kernel for tests: topology, perf events, registers, hwmon chips, in the
// formats that Linux shows. Header-only; a test that uses it links finewatt::sensor.
//
// Sources of the formats: Documentation/ABI/testing/sysfs-bus-event_source-devices-events,
// Documentation/admin-guide/cputopology.rst, Documentation/hwmon/sysfs-interface.rst of Linux.
#pragma once

#include "finewatt/base/check.h"
#include "finewatt/testing/fake_machine.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace finewatt::testing {

/// The processors of a fake machine as /proc/cpuinfo names them.
struct FakeProcessor {
    std::string vendor = "GenuineIntel";
    unsigned family = 6;
    unsigned model_number = 0x3F;
    std::string model = "Intel(R) Xeon(R) CPU E5-2620 v3 @ 2.40GHz";
    unsigned cores = 6;
    std::string flags = "fpu msr";
};

/// Where one CPU sits.
struct FakeCpu {
    int package = 0;
    int die = 0;
};

/// Write topology, /proc/cpuinfo, /proc/stat and /proc/meminfo of these CPUs.
inline void write_cpus(const TempTree& tree, const FakeProcessor& processor,
                       const std::vector<FakeCpu>& cpus) {
    std::string info;
    for (std::size_t i = 0; i < cpus.size(); ++i) {
        info += fmt::format(
            "processor\t: {}\nvendor_id\t: {}\ncpu family\t: {}\nmodel\t\t: {}\nmodel name\t: {}\n"
            "physical id\t: {}\nsiblings\t: {}\ncpu cores\t: {}\nflags\t\t: {}\n\n",
            i, processor.vendor, processor.family, processor.model_number, processor.model,
            cpus[i].package, processor.cores, processor.cores, processor.flags);
        const std::string folder = fmt::format("/sys/devices/system/cpu/cpu{}/topology/", i);
        tree.write(folder + "physical_package_id", fmt::format("{}\n", cpus[i].package));
        tree.write(folder + "die_id", fmt::format("{}\n", cpus[i].die));
    }
    tree.write("/sys/devices/system/cpu/online", fmt::format("0-{}\n", cpus.size() - 1));
    tree.write("/proc/cpuinfo", info);
    tree.write("/proc/stat", stat_text(1000));
    tree.write("/proc/meminfo", "MemTotal:       32768000 kB\nMemFree:        1000 kB\n");
}

inline constexpr const char* kPerfScale = "2.3283064365386962890625e-10";

/// Write a PMU's folder: type, cpumask, and events with their code, unit and scale.
inline void write_pmu(const TempTree& tree, const std::string& name, unsigned type,
                      const std::string& cpumask,
                      const std::vector<std::pair<std::string, std::string>>& events) {
    const std::string folder = "/sys/bus/event_source/devices/" + name + "/";
    tree.write(folder + "type", fmt::format("{}\n", type));
    tree.write(folder + "cpumask", cpumask + "\n");
    for (const auto& [event, code] : events) {
        const std::string file = fmt::format("{}events/{}", folder, event);
        tree.write(file, code);
        tree.write(file + ".unit", "Joules");
        tree.write(file + ".scale", kPerfScale);
    }
}

/// Perf events whose counts are files of the fake tree.
class FakePerf {
  public:
    explicit FakePerf(const TempTree& tree) : tree_(tree) {}

    /// Set the count of an event on a CPU; an event that was never set does not exist.
    void set(unsigned type, std::uint64_t config, int cpu, std::uint64_t count) const {
        std::string bytes(sizeof count, '\0');
        std::copy_n(reinterpret_cast<const char*>(&count), sizeof count, bytes.begin());
        tree_.write(path_of(type, config, cpu), bytes);
    }

    PerfCalls calls() const {
        PerfCalls calls;
        calls.open = [this](const PerfEventRequest& request) -> Result<ScopedFd> {
            if (is_denied) {
                return error_from_errno(EACCES, "perf_event_open");
            }
            return open_for_reading(tree_.path() /
                                    path_of(request.type, request.config, request.cpu).substr(1));
        };
        calls.read = [](int fd, std::uint64_t& count) {
            const ssize_t n = ::pread(fd, &count, sizeof count, 0);
            if (n == sizeof count) {
                return 0;
            }
            return n < 0 ? errno : EIO;
        };
        return calls;
    }

    bool is_denied = false;

  private:
    static std::string path_of(unsigned type, std::uint64_t config, int cpu) {
        return fmt::format("/fake-perf/{}-{}-{}", type, config, cpu);
    }

    const TempTree& tree_;
};

/// Write the registers of one CPU as a sparse file, in order of their addresses. In a file the
/// eight bytes of a register overlap the next addresses, which those of the device do not: write no
/// two registers closer than two, and expect nothing of the upper bytes of the first.
inline void write_registers(const TempTree& tree, unsigned cpu,
                            const std::map<std::uint32_t, std::uint64_t>& registers) {
    const auto path = tree.write(fmt::format("/dev/cpu/{}/msr", cpu), "");
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    for (const auto& [address, value] : registers) {
        const ssize_t n = ::pwrite(fd, &value, sizeof value, static_cast<off_t>(address));
        FINEWATT_CHECK(n == sizeof value, "a test file must be writable");
    }
    ::close(fd);
}

/// Write a chip of /sys/class/hwmon. `device`, if not empty, is where its device link ends, such as
/// a PCI address.
inline void write_chip(const TempTree& tree, const std::string& folder, const std::string& name,
                       const std::map<std::string, std::string>& attributes,
                       const std::string& device = "") {
    const std::string base = "/sys/class/hwmon/" + folder + "/";
    tree.write(base + "name", name + "\n");
    for (const auto& [attribute, text] : attributes) {
        tree.write(base + attribute, text + "\n");
    }
    if (!device.empty()) {
        std::filesystem::create_symlink("../../../devices/" + device,
                                        tree.path() / (base.substr(1) + "device"));
    }
}

/// The channel with this id; a test failure when there is none.
inline ChannelSpec channel_named(const Source* source, const std::string& id) {
    if (source != nullptr) {
        for (const ChannelSpec& channel : source->channels()) {
            if (channel.id == id) {
                return channel;
            }
        }
    }
    ADD_FAILURE() << "no channel " << id;
    return {};
}

/// The reading of the channel with this id.
inline Reading reading_of(Source& source, const std::string& id) {
    const std::vector<Reading> readings = poll_all(source);
    for (std::size_t i = 0; i < readings.size(); ++i) {
        if (source.channels()[i].id == id) {
            return readings[i];
        }
    }
    ADD_FAILURE() << "no channel " << id;
    return {};
}

}  // namespace finewatt::testing
