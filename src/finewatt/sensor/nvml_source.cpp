#include "finewatt/sensor/nvml_source.h"

#include "finewatt/base/check.h"
#include "finewatt/sensor/nvml_library_internal.h"

#include <array>
#include <cmath>
#include <filesystem>
#include <utility>

namespace finewatt {
namespace {

// Counter and power are renewed every 20 to 104 ms on every board of the benchmark of "Part-time
// Power Measurements" (arXiv 2312.02741, table of all boards, 2024-08-13); the slow end. The
// averaging window differs by board and driver (10 to 1000 ms), so it stays unknown here.
constexpr double kUpdateMs = 104;

// Ceiling of a GPU whose limit cannot be read; our choice, docs/measuring.md.
constexpr double kDefaultCeilingW = 2000;

enum class Query { kEnergyCounter, kPowerField, kPowerUsage };

/// What one NVML call gave: a code and, with kSuccess, the raw value (mJ or mW).
struct Answer {
    int code = nvml::kNotSupported;
    std::uint64_t raw = 0;
};

Answer value_of_field(const nvml::FieldValue& field) {
    switch (field.value_type) {
        case nvml::kTypeDouble:
            // Also refuses NaN and what would not fit.
            if (!(field.value.as_double >= 0 && field.value.as_double < 1e15)) {
                return {};
            }
            return {nvml::kSuccess,
                    static_cast<std::uint64_t>(std::llround(field.value.as_double))};
        case nvml::kTypeUnsignedInt:
            return {nvml::kSuccess, field.value.as_unsigned};
        case nvml::kTypeUnsignedLong:
            return {nvml::kSuccess, field.value.as_unsigned_long};
        case nvml::kTypeUnsignedLongLong:
            return {nvml::kSuccess, field.value.as_unsigned_long_long};
        default:
            return {};
    }
}

Answer ask(const nvml::Library& library, nvml::Device device, Query query) {
    switch (query) {
        case Query::kEnergyCounter: {
            unsigned long long energy_mj = 0;
            if (library.total_energy_mj == nullptr) {
                return {};
            }
            const int code = library.total_energy_mj(device, &energy_mj);
            return {code, energy_mj};
        }
        case Query::kPowerField: {
            nvml::FieldValue field{};
            field.field_id = nvml::kFieldPowerInstant;
            field.scope_id = nvml::kScopeGpu;
            if (library.field_values == nullptr) {
                return {};
            }
            const int code = library.field_values(device, 1, &field);
            if (code != nvml::kSuccess || field.result != nvml::kSuccess) {
                return {code != nvml::kSuccess ? code : field.result, 0};
            }
            return value_of_field(field);
        }
        case Query::kPowerUsage: {
            unsigned power_mw = 0;
            if (library.power_usage_mw == nullptr) {
                return {};
            }
            const int code = library.power_usage_mw(device, &power_mw);
            return {code, power_mw};
        }
    }
    return {};
}

Reading reading_of(const Answer& answer, MonoTime time) {
    switch (answer.code) {
        case nvml::kSuccess:
            return {time, answer.raw, PollOutcome::kOk, {}};
        case nvml::kTimeout:
            return failed_reading(time, PollOutcome::kRetry, "ETIMEDOUT");
        case nvml::kNoPermission:
            return failed_reading(time, PollOutcome::kRetry, "EACCES");
        case nvml::kGpuIsLost:
        case nvml::kResetRequired:
        case nvml::kDriverNotLoaded:
        case nvml::kNotSupported:
            return failed_reading(time, PollOutcome::kGone, "GONE");
        default:
            return failed_reading(time, PollOutcome::kRetry, "EIO");
    }
}

/// Whether the call gave a value, or failed in a way that passes (time-out, unknown). Field 186 is
/// an invalid argument for old drivers, so every other code means no.
bool may_work(const Answer& answer) {
    return answer.code == nvml::kSuccess || answer.code == nvml::kTimeout ||
           answer.code == nvml::kUnknown;
}

struct Gpu {
    nvml::Device handle = nullptr;
    GpuInfo info;
};

/// List the GPUs. One that does not even give a handle is reported as unmeasured.
std::vector<Gpu> list_gpus(const nvml::Library& library, SourceProbe& probe) {
    std::vector<Gpu> gpus;
    unsigned count = 0;
    const int count_code = library.device_count(&count);
    if (count_code != nvml::kSuccess) {
        probe.unmeasured.push_back({"gpu", "nvidia",
                                    "the number of GPUs: " + library.error_text(count_code),
                                    "see nvidia-smi and the kernel log: dmesg"});
        return gpus;
    }
    std::array<char, 96> driver{};
    if (library.driver_version != nullptr) {
        library.driver_version(driver.data(), static_cast<unsigned>(driver.size()) - 1);
    }
    for (unsigned i = 0; i < count; ++i) {
        Gpu gpu;
        std::array<char, 97> name{};
        std::array<char, 97> uuid{};
        int code = library.device_by_index(i, &gpu.handle);
        if (code == nvml::kSuccess) {
            code = library.device_uuid(gpu.handle, uuid.data(),
                                       static_cast<unsigned>(uuid.size()) - 1);
        }
        if (code != nvml::kSuccess) {
            probe.unmeasured.push_back({"gpu", fmt::format("nvml-index-{}", i),
                                        fmt::format("GPU {}: {}", i, library.error_text(code)),
                                        "see nvidia-smi and the kernel log: dmesg"});
            continue;
        }
        if (library.device_name(gpu.handle, name.data(), static_cast<unsigned>(name.size()) - 1) !=
            nvml::kSuccess) {
            name[0] = '\0';
        }
        gpu.info = {name.data(), uuid.data(), driver.data(), true};
        gpus.push_back(std::move(gpu));
    }
    return gpus;
}

/// "MIG-<uuid>" (driver 470 and later) is replaced by the UUID of the GPU that holds the slice.
std::string with_mig_parents(const nvml::Library& library, const std::string& visible) {
    std::string out;
    std::string_view rest = visible;
    while (!rest.empty()) {
        const auto comma = rest.find(',');
        std::string entry(rest.substr(0, comma));
        nvml::Device slice = nullptr;
        nvml::Device parent = nullptr;
        std::array<char, 97> uuid{};
        const bool is_new_mig = entry.starts_with("MIG-") && !entry.starts_with("MIG-GPU-") &&
                                library.device_by_uuid != nullptr &&
                                library.parent_of_mig != nullptr;
        if (is_new_mig && library.device_by_uuid(entry.c_str(), &slice) == nvml::kSuccess &&
            library.parent_of_mig(slice, &parent) == nvml::kSuccess &&
            library.device_uuid(parent, uuid.data(), static_cast<unsigned>(uuid.size()) - 1) ==
                nvml::kSuccess) {
            entry = uuid.data();
        }
        out += (out.empty() ? "" : ",") + entry;
        rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
    return out;
}

ChannelSpec make_channel(const nvml::Library& library, const Gpu& gpu, Query query) {
    ChannelSpec spec;
    const bool is_counter = query == Query::kEnergyCounter;
    spec.id = fmt::format("nvml:{}:{}", gpu.info.uuid, is_counter ? "energy" : "power");
    spec.kind = is_counter ? ChannelKind::kCounter : ChannelKind::kGauge;
    spec.unit = is_counter ? "mJ" : "mW";
    spec.unit_size = 1e-3;
    unsigned limit_mw = 0;
    const bool has_limit = library.enforced_limit_mw != nullptr &&
                           library.enforced_limit_mw(gpu.handle, &limit_mw) == nvml::kSuccess &&
                           limit_mw > 0;
    spec.max_power_w = has_limit ? 2e-3 * limit_mw : kDefaultCeilingW;
    spec.domain = Domain::kGpu;
    spec.device = gpu.info.uuid;
    spec.update_ms = kUpdateMs;
    spec.source = "nvml";
    spec.provenance = is_counter ? Provenance::kMeasured : Provenance::kDerived;
    return spec;
}

std::string reason_of(const Gpu& gpu, Query query, bool has_counter, const std::string& why_none) {
    if (query == Query::kEnergyCounter) {
        return fmt::format("energy counter of {}, the best source for a GPU", gpu.info.name);
    }
    const char* kind = query == Query::kPowerField
                           ? "instant power (field 186)"
                           : "power as nvmlDeviceGetPowerUsage gives it (a mean over up to 1 s)";
    return has_counter ? fmt::format("{} of {}, kept beside its energy counter and not counted",
                                     kind, gpu.info.name)
                       : fmt::format("{} of {}, because its energy counter cannot be read: {}",
                                     kind, gpu.info.name, why_none);
}

SourceReport failed_open_report(const Error& error) {
    SourceReport report{"nvml", SourceStatus::kBroken, {}, error.describe(), ""};
    if (error.code() == ErrorCode::kPermission) {
        report.status = SourceStatus::kDenied;
        report.fix = "give this user access to /dev/nvidiactl (often: group video)";
    } else if (error.code() == ErrorCode::kNotFound) {
        report.why = "/dev/nvidiactl exists, but " + report.why;
        report.fix =
            "install the driver's library libnvidia-ml.so.1, or name it in FINEWATT_NVML_LIBRARY; "
            "in a container run with --gpus all";
    } else {
        report.fix =
            "see nvidia-smi; driver and library versions must agree (restart after an "
            "update of the driver)";
    }
    return report;
}

/// What the channels are, and what CUDA_VISIBLE_DEVICES did to them.
SourceReport usable_report(const std::vector<ChannelSpec>& channels, std::size_t gpu_count,
                           const std::optional<std::string>& visible, bool is_order_known) {
    SourceReport report{"nvml", SourceStatus::kUsable, {}, "", ""};
    for (const ChannelSpec& channel : channels) {
        report.channels.push_back(channel.id);
    }
    report.why = fmt::format("{} GPUs, {} channels", gpu_count, channels.size());
    if (!is_order_known) {
        report.why +=
            "; CUDA_VISIBLE_DEVICES holds indices, and CUDA's order of different GPUs is "
            "not known, so all are measured";
        report.fix = "export CUDA_DEVICE_ORDER=PCI_BUS_ID, or list UUIDs (nvidia-smi -L)";
    } else if (visible) {
        report.why += fmt::format("; CUDA_VISIBLE_DEVICES={}", *visible);
    }
    return report;
}

}  // namespace

/// The library and, per channel, what to ask of which GPU.
struct NvmlSource::State {
    State(nvml::Library opened, const Clock& time) : library(std::move(opened)), clock(time) {}

    struct Call {
        nvml::Device device = nullptr;
        Query query{};
        bool is_gone = false;
    };

    nvml::Library library;
    const Clock& clock;
    std::vector<Call> calls;

    /// Add the channels of one GPU; report it as unmeasured when there is none.
    void add_gpu(const Gpu& gpu, std::vector<ChannelSpec>& channels, SourceProbe& probe);
};

void NvmlSource::State::add_gpu(const Gpu& gpu, std::vector<ChannelSpec>& channels,
                                SourceProbe& probe) {
    const Answer counter = ask(library, gpu.handle, Query::kEnergyCounter);
    const Answer field = ask(library, gpu.handle, Query::kPowerField);
    const Query power_query = may_work(field) ? Query::kPowerField : Query::kPowerUsage;
    const Answer power = may_work(field) ? field : ask(library, gpu.handle, Query::kPowerUsage);
    const bool has_counter = may_work(counter);
    const std::string why_none = library.error_text(counter.code);
    const auto add = [&](Query query) {
        ChannelSpec spec = make_channel(library, gpu, query);
        spec.reason = reason_of(gpu, query, has_counter, why_none);
        channels.push_back(std::move(spec));
        calls.push_back({gpu.handle, query, false});
    };
    if (has_counter) {
        add(Query::kEnergyCounter);
    }
    if (may_work(power)) {
        add(power_query);
    }
    if (!has_counter && !may_work(power)) {
        probe.unmeasured.push_back(
            {"gpu", gpu.info.uuid,
             fmt::format("{}: energy counter: {}; power: {}", gpu.info.name, why_none,
                         library.error_text(power.code)),
             "update the NVIDIA driver, or put a wall meter on the machine; the total is unknown "
             "without this GPU"});
    }
}

NvmlSource::NvmlSource(std::unique_ptr<State> state) : state_(std::move(state)) {}

NvmlSource::~NvmlSource() = default;

SourceProbe NvmlSource::probe(const DiscoveryOptions& options) {
    SourceProbe probe;
    const std::filesystem::path node = options.root.path("/dev/nvidiactl");
    std::error_code missing;
    if (!std::filesystem::exists(node, missing)) {
        probe.reports.push_back({"nvml",
                                 SourceStatus::kAbsent,
                                 {},
                                 fmt::format("{}: not there, so no NVIDIA driver", node.string()),
                                 ""});
        return probe;
    }
    const std::string library_name =
        options.env("FINEWATT_NVML_LIBRARY").value_or("libnvidia-ml.so.1");
    Result<nvml::Library> library = nvml::Library::open(library_name);
    if (!library) {
        probe.reports.push_back(failed_open_report(library.error()));
        probe.unmeasured.push_back(
            {"gpu", "nvidia", library.error().describe(), probe.reports.back().fix});
        return probe;
    }
    std::vector<Gpu> gpus = list_gpus(*library, probe);
    for (const Gpu& gpu : gpus) {
        probe.gpus.push_back(gpu.info);
    }
    auto visible = options.env("CUDA_VISIBLE_DEVICES");
    if (visible) {
        visible = with_mig_parents(*library, *visible);
    }
    const auto selected =
        select_visible_gpus(probe.gpus, visible, options.env("CUDA_DEVICE_ORDER"));
    auto state = std::make_unique<State>(std::move(*library), options.clock);
    std::vector<ChannelSpec> channels;
    for (std::size_t i = 0; i < gpus.size(); ++i) {
        probe.gpus[i].is_selected = !selected || (*selected)[i];
        if (probe.gpus[i].is_selected) {
            state->add_gpu(gpus[i], channels, probe);
        }
    }
    SourceReport report = usable_report(channels, gpus.size(), visible, selected.has_value());
    if (channels.empty()) {
        report.status = probe.unmeasured.empty() ? SourceStatus::kAbsent : SourceStatus::kBroken;
    } else {
        probe.source.reset(new NvmlSource(std::move(state)));
        static_cast<NvmlSource&>(*probe.source).channels_ = std::move(channels);
    }
    probe.reports.push_back(std::move(report));
    return probe;
}

void NvmlSource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == channels_.size(), "poll needs one slot per channel");
    for (std::size_t i = 0; i < readings.size(); ++i) {
        State::Call& call = state_->calls[i];
        if (call.is_gone) {
            readings[i] = failed_reading(state_->clock.mono_now(), PollOutcome::kGone, "GONE");
            continue;
        }
        const Answer answer = ask(state_->library, call.device, call.query);
        readings[i] = reading_of(answer, state_->clock.mono_now());
        call.is_gone = readings[i].outcome == PollOutcome::kGone;
    }
}

}  // namespace finewatt
