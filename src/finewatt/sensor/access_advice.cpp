#include "finewatt/sensor/access_advice.h"

#include "finewatt/sensor/kernel_text_internal.h"

#include <system_error>

#include <algorithm>

namespace finewatt {
namespace {

// CAP_PERFMON came with Linux 5.8 (capabilities(7)); CAP_SYS_ADMIN before it.
constexpr std::pair<unsigned, unsigned> kFirstWithPerfmon{5, 8};

/// A path as one word of a shell command.
std::string shell_word(const std::string& path) {
    const bool is_plain = std::all_of(path.begin(), path.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("/._-+").find(c) != std::string_view::npos;
    });
    if (is_plain && !path.empty()) {
        return path;
    }
    std::string word = "'";
    for (const char c : path) {
        word += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return word + "'";
}

/// Capabilities belong to the file itself, so links are followed.
std::string program_word(const DiscoveryOptions& options) {
    std::error_code failed;
    const std::filesystem::path named =
        options.program.empty() ? std::filesystem::path("/proc/self/exe") : options.program;
    const std::filesystem::path real = std::filesystem::canonical(named, failed);
    return shell_word(failed ? named.string() : real.string());
}

bool is_container(const DiscoveryOptions& options) {
    std::error_code ignored;
    return std::filesystem::exists(options.root.path("/.dockerenv"), ignored) ||
           std::filesystem::exists(options.root.path("/run/.containerenv"), ignored) ||
           options.env("container").has_value();
}

/// Letters, digits, '_' and '-', not starting with a digit or '-' (groupadd(8)).
bool is_group_name(std::string_view group) {
    constexpr std::size_t kMaxLength = 32;
    const auto is_start = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
    return !group.empty() && group.size() <= kMaxLength && is_start(group.front()) &&
           std::all_of(group.begin(), group.end(),
                       [&](char c) { return is_start(c) || (c >= '0' && c <= '9') || c == '-'; });
}

}  // namespace

std::string perf_advice(const DiscoveryOptions& options) {
    const auto version = read_kernel_version(options.root);
    const std::string_view capability =
        version && *version < kFirstWithPerfmon ? "cap_sys_admin" : "cap_perfmon";
    std::string advice = fmt::format(
        "sudo setcap {}+ep {}; or for every program, until the next start: sudo sysctl "
        "kernel.perf_event_paranoid=0",
        capability, program_word(options));
    if (is_container(options)) {
        advice += "; in this container also start it with --cap-add PERFMON";
    }
    return advice;
}

std::string powercap_advice(const DiscoveryOptions& options) {
    std::string advice =
        "for one group and for good: finewatt doctor --write-udev-rule | sudo tee "
        "/etc/udev/rules.d/70-finewatt.rules, then the steps in its first lines; or for every "
        "user, until the next start: sudo chmod a+r /sys/class/powercap/*/energy_uj, which leaks "
        "some information (CVE-2020-8694)";
    const std::string container = container_advice(options);
    return container.empty() ? advice : advice + "; " + container;
}

std::string msr_advice(const DiscoveryOptions& options) {
    return fmt::format(
        "sudo modprobe msr, then run as root; or let a group read the files (sudo chgrp finewatt "
        "/dev/cpu/*/msr; sudo chmod g+r /dev/cpu/*/msr) and: sudo setcap cap_sys_rawio+ep {}. "
        "Perf and powercap show the same counters and need less",
        program_word(options));
}

std::string container_advice(const DiscoveryOptions& options) {
    if (!is_container(options)) {
        return "";
    }
    return "in a container mount the host's trees read-only elsewhere, for Docker -v "
           "/sys:/host/sys:ro -v /proc:/host/proc:ro, and give --sysroot /host (or "
           "FINEWATT_SYSROOT=/host)";
}

Result<std::string> udev_rule_text(std::string_view group) {
    if (!is_group_name(group)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "group: expected a name of at most 32 small letters, digits, '_' or "
                              "'-', starting with a letter or '_', found '{}'",
                              group);
    }
    return fmt::format(
        "# Lets the group \"{0}\" read the energy counters of the processors.\n"
        "# Energy readings can leak secrets of other programs (CVE-2020-8694), so name only "
        "people\n"
        "# whom you trust. To install, as root:\n"
        "#   1. groupadd --system {0}; usermod --append --groups {0} USER   (then log in again)\n"
        "#   2. finewatt doctor --write-udev-rule --group {0} > "
        "/etc/udev/rules.d/70-finewatt.rules\n"
        "#   3. udevadm control --reload\n"
        "#   4. udevadm trigger --action=add --subsystem-match=powercap --subsystem-match=hwmon\n"
        "# Without udev, this line in /etc/tmpfiles.d/finewatt.conf does the same for powercap:\n"
        "#   z /sys/class/powercap/intel-rapl*:*/energy_uj 0440 root {0} -\n"
        "ACTION==\"add\", SUBSYSTEM==\"powercap\", KERNEL==\"intel-rapl*:*\", "
        "RUN+=\"/bin/chgrp {0} /sys%p/energy_uj\", RUN+=\"/bin/chmod 0440 /sys%p/energy_uj\"\n"
        "ACTION==\"add\", SUBSYSTEM==\"hwmon\", ATTR{{name}}==\"amd_energy\", "
        "RUN+=\"/bin/sh -c 'chgrp {0} /sys%p/energy*_input; chmod 0440 /sys%p/energy*_input'\"\n",
        group);
}

}  // namespace finewatt
