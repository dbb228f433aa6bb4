// The AMD SMI adapter: per card the energy accumulator and the socket power.
#include "finewatt/sensor/amdsmi_library_internal.h"
#include "finewatt/sensor/gpu_amd_internal.h"
#include "finewatt/sensor/gpu_vendor_calls_internal.h"

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

using amdsmi::Handle;
using SharedLibrary = std::shared_ptr<const amdsmi::Library>;

GpuAnswer outcome_of(unsigned status) {
    switch (status) {
        case amdsmi::kTimeout:
            return refused(PollOutcome::kRetry, "ETIMEDOUT");
        case amdsmi::kRetry:
        case amdsmi::kBusy:
            return refused(PollOutcome::kRetry, "EAGAIN");
        case amdsmi::kNotSupported:
        case amdsmi::kNotYetImplemented:
        case amdsmi::kNoPermission:
        case amdsmi::kNotFound:
        case amdsmi::kNotInitialised:
        case amdsmi::kDriverNotLoaded:
            return refused(PollOutcome::kGone, "GONE");
        default:
            return refused(PollOutcome::kRetry, "EIO");
    }
}

AmdEnergy ask_energy(const amdsmi::Library& library, Handle device) {
    std::uint64_t ticks = 0;
    float resolution_uj = 0;
    std::uint64_t timestamp_ns = 0;
    const unsigned status =
        library.call().energy_count(device, &ticks, &resolution_uj, &timestamp_ns);
    if (status != amdsmi::kSuccess) {
        return {outcome_of(status), static_cast<double>(resolution_uj), library.error_text(status)};
    }
    return {answered(ticks), static_cast<double>(resolution_uj), ""};
}

void read_energy(AmdGpu& gpu, const SharedLibrary& library, Handle device) {
    if (library->call().energy_count == nullptr) {
        add_refusal(gpu, "energy accumulator: the library lacks amdsmi_get_energy_count");
        gpu.first_energy = refused(PollOutcome::kGone, "GONE");
        return;
    }
    set_energy(gpu, [library, device] { return ask_energy(*library, device); });
}

GpuAnswer ask_power(const amdsmi::Library& library, Handle device) {
    amdsmi::StructBuffer buffer;
    const unsigned status = library.call().power_info(device, buffer.bytes.data());
    if (status != amdsmi::kSuccess) {
        return outcome_of(status);
    }
    const auto power_w = amdsmi::parse_power_info(buffer, library.major()).power_w;
    return power_w ? answered(*power_w) : refused(PollOutcome::kRetry, "RANGE");
}

void read_power(AmdGpu& gpu, const SharedLibrary& library, Handle device) {
    if (library->call().power_info == nullptr || !library->has_known_power_info()) {
        add_refusal(gpu, fmt::format("power: amdsmi_power_info_t of library {} is not known",
                                     library->major()));
        gpu.first_power = refused(PollOutcome::kGone, "GONE");
        return;
    }
    amdsmi::StructBuffer buffer;
    if (library->call().power_info(device, buffer.bytes.data()) == amdsmi::kSuccess) {
        gpu.limit_w = amdsmi::parse_power_info(buffer, library->major()).limit_w;
    }
    set_power(
        gpu, [library, device] { return ask_power(*library, device); }, "W");
}

/// market_name is the first member of amdsmi_asic_info_t in every version.
std::string name_of(const amdsmi::Library& library, Handle device) {
    amdsmi::StructBuffer buffer;
    if (library.call().asic_info == nullptr ||
        library.call().asic_info(device, buffer.bytes.data()) != amdsmi::kSuccess) {
        return "AMD GPU";
    }
    constexpr std::size_t kShortestName = 64;  // AMDSMI_MAX_STRING_LENGTH of library 24
    const char* text = reinterpret_cast<const char*>(buffer.bytes.data());
    const std::string name(text, std::find(text, text + kShortestName, '\0'));
    return name.empty() ? "AMD GPU" : name;
}

std::string uuid_of(const amdsmi::Library& library, Handle device) {
    std::array<char, 64> uuid{};  // AMDSMI_GPU_UUID_SIZE is 38
    auto length = static_cast<unsigned>(uuid.size()) - 1;
    const bool is_known =
        library.call().device_uuid != nullptr &&
        library.call().device_uuid(device, &length, uuid.data()) == amdsmi::kSuccess;
    return is_known ? uuid.data() : "";
}

std::vector<AmdGpu> list_gpus(const SharedLibrary& library) {
    std::vector<AmdGpu> gpus;
    const std::vector<Handle> sockets = list_handles([&](std::uint32_t* count, Handle* out) {
        return library->call().socket_handles(count, out);
    });
    for (const Handle socket : sockets) {
        const std::vector<Handle> devices = list_handles([&](std::uint32_t* count, Handle* out) {
            return library->call().processor_handles(socket, count, out);
        });
        for (const Handle device : devices) {
            AmdGpu gpu;
            std::uint64_t bdfid = 0;
            if (library->call().bdf_id(device, &bdfid) == amdsmi::kSuccess) {
                set_pci_id(gpu, bdfid);
            } else {
                gpu.pci_address = fmt::format("amdsmi-{}", gpus.size());
            }
            gpu.name = name_of(*library, device);
            gpu.uuid = uuid_of(*library, device);
            read_energy(gpu, library, device);
            read_power(gpu, library, device);
            gpus.push_back(std::move(gpu));
        }
    }
    return gpus;
}

}  // namespace

GpuVendorProbe probe_amdsmi(const DiscoveryOptions& options) {
    GpuVendorProbe probe;
    if (!has_amd_driver(options.root, probe)) {
        probe.reports.push_back({"amdsmi", SourceStatus::kAbsent, {}, *probe.failure, ""});
        return probe;
    }
    const LibraryCost cost(options.clock);
    const Result<SharedLibrary> library =
        open_library<amdsmi::Library>(options.env, "FINEWATT_AMDSMI_LIBRARY",
                                      {"libamd_smi.so", "libamd_smi.so.26", "libamd_smi.so.25",
                                       "libamd_smi.so.24", "/opt/rocm/lib/libamd_smi.so"});
    if (!library) {
        const bool is_denied = library.error().code() == ErrorCode::kPermission;
        probe.failure = library.error().describe();
        probe.failure_advice =
            is_denied
                ? "give this user access to /dev/kfd and /dev/dri (groups render and video)"
                : "install ROCm's amd-smi-lib, or name the library in FINEWATT_AMDSMI_LIBRARY";
        probe.reports.push_back({"amdsmi",
                                 status_of_failed_open(library.error()),
                                 {},
                                 *probe.failure,
                                 probe.failure_advice});
        return probe;
    }
    std::vector<AmdGpu> gpus = list_gpus(*library);
    AmdLibrary about{"amdsmi", "", integrated_amd_gpus(options.root)};
    about.note = fmt::format(
        "library {}, {} devices, {}{}", (*library)->major(), gpus.size(), cost.text(),
        ignored_mask_note(options.env, {"ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"}));
    add_amd_gpus(probe, about, options.clock, std::move(gpus));
    return probe;
}

}  // namespace finewatt
