#include "finewatt/sensor/cpu_topology.h"

#include "finewatt/sensor/kernel_text_internal.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace finewatt {
namespace {

// More CPUs than Linux can be built for (NR_CPUS of x86 is at most 8,192).
constexpr std::uint64_t kMaxCpus = 65'536;

/// The CPUs that share a die with `cpu`; empty where the kernel does not say (before Linux 5.2).
std::vector<unsigned> cpus_of_die(const SysRoot& root, unsigned cpu) {
    const Result<std::string> list = read_kernel_text(
        root.path(fmt::format("/sys/devices/system/cpu/cpu{}/topology/die_cpus_list", cpu)));
    return list ? parse_cpu_list(*list).value_or(std::vector<unsigned>{}) : std::vector<unsigned>{};
}

}  // namespace

std::optional<std::vector<unsigned>> parse_cpu_list(std::string_view text) {
    text = trimmed(text);
    std::vector<unsigned> cpus;
    while (!text.empty()) {
        const auto comma = text.find(',');
        const std::string_view part = text.substr(0, comma);
        const auto dash = part.find('-');
        const auto first = parse_unsigned(part.substr(0, dash));
        const auto last =
            dash == std::string_view::npos ? first : parse_unsigned(part.substr(dash + 1));
        if (!first || !last || *last < *first || *last >= kMaxCpus || cpus.size() >= kMaxCpus) {
            return std::nullopt;
        }
        for (std::uint64_t cpu = *first; cpu <= *last; ++cpu) {
            cpus.push_back(static_cast<unsigned>(cpu));
        }
        if (comma == std::string_view::npos) {
            break;
        }
        text.remove_prefix(comma + 1);
        if (text.empty()) {
            return std::nullopt;
        }
    }
    return cpus.empty() ? std::nullopt : std::make_optional(std::move(cpus));
}

std::optional<CpuPlace> read_cpu_place(const SysRoot& root, unsigned cpu) {
    const auto folder = root.path(fmt::format("/sys/devices/system/cpu/cpu{}/topology", cpu));
    const auto package = read_kernel_unsigned(folder / "physical_package_id");
    if (!package || *package >= kMaxCpus) {
        return std::nullopt;  // some virtual machines say -1
    }
    const auto die = read_kernel_unsigned(folder / "die_id").value_or(0);
    return CpuPlace{cpu, static_cast<unsigned>(*package),
                    die < kMaxCpus ? static_cast<unsigned>(die) : 0};
}

std::vector<CpuPlace> read_cpu_places(const SysRoot& root) {
    std::vector<CpuPlace> places;
    const Result<std::string> online =
        read_kernel_text(root.path("/sys/devices/system/cpu/online"));
    const auto cpus = online ? parse_cpu_list(*online) : std::nullopt;
    if (!cpus) {
        return places;
    }
    std::set<unsigned> known;  // CPUs of dies that were looked at
    for (const unsigned cpu : *cpus) {
        if (known.count(cpu) != 0) {
            continue;
        }
        if (const auto place = read_cpu_place(root, cpu)) {
            places.push_back(*place);
            const std::vector<unsigned> same_die = cpus_of_die(root, cpu);
            known.insert(same_die.begin(), same_die.end());
        }
    }
    return places;
}

std::vector<CpuPlace> first_cpus(const std::vector<CpuPlace>& places, bool by_die) {
    std::vector<CpuPlace> firsts = places;
    const auto key = [by_die](const CpuPlace& place) {
        return std::make_pair(place.package, by_die ? place.die : 0);
    };
    std::stable_sort(firsts.begin(), firsts.end(),
                     [&](const CpuPlace& a, const CpuPlace& b) { return key(a) < key(b); });
    firsts.erase(
        std::unique(firsts.begin(), firsts.end(),
                    [&](const CpuPlace& a, const CpuPlace& b) { return key(a) == key(b); }),
        firsts.end());
    return firsts;
}

bool has_several_dies(const std::vector<CpuPlace>& places) {
    return first_cpus(places, true).size() > first_cpus(places, false).size();
}

std::string package_zone(unsigned package, std::optional<unsigned> die) {
    return die ? fmt::format("package-{}-die-{}", package, *die)
               : fmt::format("package-{}", package);
}

std::string package_device(std::string_view zone) {
    constexpr std::string_view kPackage = "package-";
    constexpr std::string_view kDie = "-die-";
    if (!zone.starts_with(kPackage)) {
        return "";
    }
    const std::string_view rest = zone.substr(kPackage.size());
    const auto die = rest.find(kDie);
    return die == std::string_view::npos
               ? fmt::format("cpu{}", rest)
               : fmt::format("cpu{}-die{}", rest.substr(0, die), rest.substr(die + kDie.size()));
}

}  // namespace finewatt
