#include "finewatt/sensor/machine_info.h"

#include "finewatt/base/file.h"
#include "finewatt/sensor/cpu_info.h"
#include "finewatt/sensor/kernel_text_internal.h"
#include "finewatt/sensor/ram_model_source.h"

#include <filesystem>

namespace finewatt {
namespace {

void put_text(std::map<std::string, std::string>& info, const std::string& key,
              const std::string& value) {
    if (!value.empty()) {
        info[key] = value;
    }
}

void put_file(std::map<std::string, std::string>& info, const std::string& key,
              const std::filesystem::path& path) {
    const Result<std::string> text = read_kernel_text(path);
    if (text) {
        put_text(info, key, *text);
    }
}

}  // namespace

std::map<std::string, std::string> machine_info(const DiscoveryOptions& options,
                                                const std::vector<GpuInfo>& gpus) {
    std::map<std::string, std::string> info;
    if (const Result<CpuInfo> cpu = read_cpu_info(options.root)) {
        put_text(info, "cpu_model", cpu->model);
        put_text(info, "cpu_vendor", cpu->vendor);
        info["logical_cpus"] = std::to_string(cpu->logical_cpus);
        info["cpu_sockets"] = std::to_string(cpu->sockets);
        if (cpu->physical_cores > 0) {
            info["physical_cores"] = std::to_string(cpu->physical_cores);
        }
        std::error_code missing;
        const bool has_hypervisor =
            cpu->is_virtual ||
            std::filesystem::exists(options.root.path("/sys/hypervisor/type"), missing);
        info["hypervisor"] = has_hypervisor ? "yes" : "no";
    }
    if (const Result<std::string> meminfo = read_file(options.root.path("/proc/meminfo"))) {
        if (const auto bytes = parse_mem_total_bytes(*meminfo)) {
            info["memory_bytes"] = std::to_string(*bytes);
        }
    }
    put_file(info, "kernel", options.root.path("/proc/sys/kernel/osrelease"));
    put_file(info, "hostname", options.root.path("/proc/sys/kernel/hostname"));
    put_file(info, "boot_id", options.root.path("/proc/sys/kernel/random/boot_id"));
    for (std::size_t i = 0; i < gpus.size(); ++i) {
        const std::string prefix = fmt::format("gpu_{}_", i);
        put_text(info, prefix + "name", gpus[i].name);
        put_text(info, prefix + "uuid", gpus[i].uuid);
        put_text(info, prefix + "driver", gpus[i].driver);
    }
    return info;
}

}  // namespace finewatt
