// The ROCm SMI adapter: per card the energy accumulator and the power, where AMD SMI is missing.
#include "finewatt/sensor/gpu_amd_internal.h"
#include "finewatt/sensor/gpu_vendor_calls_internal.h"
#include "finewatt/sensor/rocm_smi_library_internal.h"

#include <array>
#include <utility>

namespace finewatt {
namespace {

using SharedLibrary = std::shared_ptr<const rocm_smi::Library>;

GpuAnswer outcome_of(unsigned status) {
    switch (status) {
        case rocm_smi::kBusy:
        case rocm_smi::kInterrupt:
        case rocm_smi::kNoData:
            return refused(PollOutcome::kRetry, "EAGAIN");
        case rocm_smi::kNotSupported:
        case rocm_smi::kNotYetImplemented:
        case rocm_smi::kPermission:
        case rocm_smi::kNotFound:
            return refused(PollOutcome::kGone, "GONE");
        default:
            return refused(PollOutcome::kRetry, "EIO");
    }
}

AmdEnergy ask_energy(const rocm_smi::Library& library, std::uint32_t device) {
    std::uint64_t ticks = 0;
    float resolution_uj = 0;
    std::uint64_t timestamp_ns = 0;
    const unsigned status =
        library.call().energy_count(device, &ticks, &resolution_uj, &timestamp_ns);
    if (status != rocm_smi::kSuccess) {
        return {outcome_of(status), static_cast<double>(resolution_uj), library.error_text(status)};
    }
    return {answered(ticks), static_cast<double>(resolution_uj), ""};
}

void read_energy(AmdGpu& gpu, const SharedLibrary& library, std::uint32_t device) {
    if (library->call().energy_count == nullptr) {
        add_refusal(gpu, "energy accumulator: the library lacks rsmi_dev_energy_count_get");
        gpu.first_energy = refused(PollOutcome::kGone, "GONE");
        return;
    }
    set_energy(gpu, [library, device] { return ask_energy(*library, device); });
}

/// Power in mW, from rsmi_dev_power_get where there is one, else from rsmi_dev_power_ave_get.
GpuAnswer ask_power(const rocm_smi::Library& library, std::uint32_t device) {
    std::uint64_t power_uw = 0;
    unsigned type = 0;
    unsigned status = rocm_smi::kNotSupported;
    if (library.call().power_uw != nullptr) {
        status = library.call().power_uw(device, &power_uw, &type);
    }
    if (status != rocm_smi::kSuccess && library.call().average_power_uw != nullptr) {
        status = library.call().average_power_uw(device, 0, &power_uw);
    }
    if (status != rocm_smi::kSuccess) {
        return outcome_of(status);
    }
    constexpr std::uint64_t kMostPowerUw = 10'000'000'000;  // kAbsurdGpuPowerW
    return power_uw <= kMostPowerUw ? answered((power_uw + 500) / 1000)
                                    : refused(PollOutcome::kRetry, "RANGE");
}

void read_power(AmdGpu& gpu, const SharedLibrary& library, std::uint32_t device) {
    std::uint64_t cap_uw = 0;
    if (library->call().power_cap_uw != nullptr &&
        library->call().power_cap_uw(device, 0, &cap_uw) == rocm_smi::kSuccess && cap_uw > 0 &&
        static_cast<double>(cap_uw) < kAbsurdGpuPowerW * 1e6) {
        gpu.limit_w = static_cast<double>(cap_uw) * 1e-6;
    }
    set_power(
        gpu, [library, device] { return ask_power(*library, device); }, "mW");
}

std::vector<AmdGpu> list_gpus(const SharedLibrary& library) {
    std::vector<AmdGpu> gpus;
    std::uint32_t count = 0;
    if (library->call().device_count(&count) != rocm_smi::kSuccess) {
        return gpus;
    }
    for (std::uint32_t device = 0; device < count; ++device) {
        AmdGpu gpu;
        std::uint64_t bdfid = 0;
        if (library->call().pci_id(device, &bdfid) == rocm_smi::kSuccess) {
            set_pci_id(gpu, bdfid);
        } else {
            gpu.pci_address = fmt::format("rocm-smi-{}", device);
        }
        std::array<char, 128> name{};
        const bool has_name =
            library->call().name != nullptr &&
            library->call().name(device, name.data(), name.size() - 1) == rocm_smi::kSuccess;
        gpu.name = has_name && name[0] != '\0' ? name.data() : "AMD GPU";
        std::uint64_t unique_id = 0;
        if (library->call().unique_id != nullptr &&
            library->call().unique_id(device, &unique_id) == rocm_smi::kSuccess) {
            gpu.uuid = fmt::format("GPU-{:016x}", unique_id);
        }
        read_energy(gpu, library, device);
        read_power(gpu, library, device);
        gpus.push_back(std::move(gpu));
    }
    return gpus;
}

}  // namespace

GpuVendorProbe probe_rocm_smi(const DiscoveryOptions& options) {
    GpuVendorProbe probe;
    if (!has_amd_driver(options.root, probe)) {
        return probe;
    }
    const LibraryCost cost(options.clock);
    const Result<SharedLibrary> library = open_library<rocm_smi::Library>(
        options.env, "FINEWATT_ROCM_SMI_LIBRARY",
        {"librocm_smi64.so", "librocm_smi64.so.7", "librocm_smi64.so.6", "librocm_smi64.so.5",
         "librocm_smi64.so.1", "/opt/rocm/lib/librocm_smi64.so"});
    if (!library) {
        const bool is_denied = library.error().code() == ErrorCode::kPermission;
        probe.failure = library.error().describe();
        probe.failure_advice =
            is_denied ? "give this user access to /dev/kfd and /dev/dri (groups render and video)"
                      : "install ROCm's amd-smi-lib or rocm-smi-lib";
        probe.reports.push_back({"rocm-smi",
                                 status_of_failed_open(library.error()),
                                 {},
                                 *probe.failure,
                                 probe.failure_advice});
        return probe;
    }
    std::vector<AmdGpu> gpus = list_gpus(*library);
    AmdLibrary about{"rocm-smi", "", integrated_amd_gpus(options.root)};
    about.note = fmt::format(
        "{} devices, {}{}", gpus.size(), cost.text(),
        ignored_mask_note(options.env, {"ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"}));
    add_amd_gpus(probe, about, options.clock, std::move(gpus));
    return probe;
}

}  // namespace finewatt
