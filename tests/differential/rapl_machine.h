// A two-socket Intel server whose energy registers show in perf, powercap and /dev/cpu/N/msr at
// once, each in the form that Linux gives it.
//
// Forms: perf counts (32-bit register since it was opened) << 18, arch/x86/events/rapl.c; powercap
// shows register x 61035 nJ / 1000, drivers/powercap/intel_rapl_common.c; the register has 32 bits.
#pragma once

#include "finewatt/testing/fake_sensors.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace finewatt::testing {

inline constexpr double kRegisterUnitJ = 1.0 / 16384;

class RaplMachine {
  public:
    /// The registers start near their end, so that a short run wraps them.
    explicit RaplMachine(std::uint64_t first_register = 0xFFFF'FFFF - 100'000) {
        write_cpus(machine.tree, {"GenuineIntel", 6, 0x9E, "Intel(R) Xeon(R) E-2288G", 8},
                   {{0, 0}, {1, 0}});
        write_pmu(machine.tree, "power", kType, "0,1",
                  {{"energy-pkg", "event=0x02"}, {"energy-ram", "event=0x03"}});
        for (const int socket : {0, 1}) {
            first_[{socket, "package"}] = first_register;
            first_[{socket, "dram"}] = first_register / 2;
        }
        registers_ = first_;
        show();
    }

    RaplMachine(const RaplMachine&) = delete;
    RaplMachine& operator=(const RaplMachine&) = delete;

    DiscoveryOptions options(const Clock& clock) {
        DiscoveryOptions made{.root = SysRoot(machine.tree.path()), .clock = clock};
        made.env = [](const std::string&) { return std::nullopt; };
        made.perf = perf.calls();
        made.all_sources = true;
        return made;
    }

    /// Use `units` more of energy in one domain of one socket.
    void consume(int socket, const std::string& domain, std::uint64_t units) {
        registers_.at({socket, domain}) += units;
    }

    /// Energy used since the start, exactly.
    double consumed_j(int socket, const std::string& domain) const {
        const auto key = std::make_pair(socket, domain);
        return static_cast<double>(registers_.at(key) - first_.at(key)) * kRegisterUnitJ;
    }

    /// Write all registers into the files.
    void show() const {
        for (const int socket : {0, 1}) {
            const auto show_perf = [&](const std::string& domain, std::uint64_t config) {
                const auto key = std::make_pair(socket, domain);
                perf.set(kType, config, socket, (registers_.at(key) - first_.at(key)) << 18U);
            };
            show_perf("package", 2);
            show_perf("dram", 3);
            const std::uint64_t package = shown(socket, "package");
            const std::uint64_t dram = shown(socket, "dram");
            write_zone(machine.tree, {fmt::format("intel-rapl:{}", socket),
                                      fmt::format("package-{}", socket), powercap_text(package)});
            write_zone(machine.tree,
                       {fmt::format("intel-rapl:{}:0", socket), "dram", powercap_text(dram)});
            write_registers(machine.tree, static_cast<unsigned>(socket),
                            {{0x606, 0xA0E03}, {0x611, package}, {0x619, dram}});
        }
    }

    FakeMachine machine;
    FakePerf perf{machine.tree};

  private:
    using Key = std::pair<int, std::string>;

    static constexpr unsigned kType = 32;

    std::uint64_t shown(int socket, const std::string& domain) const {
        return registers_.at({socket, domain}) & 0xFFFF'FFFF;
    }

    static std::string powercap_text(std::uint64_t value) {
        constexpr std::uint64_t kUnitNj = 61'035;
        return fmt::format("{}\n", value * kUnitNj / 1000);
    }

    std::map<Key, std::uint64_t> first_;
    std::map<Key, std::uint64_t> registers_;
};

}  // namespace finewatt::testing
