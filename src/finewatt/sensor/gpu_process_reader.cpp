#include "finewatt/sensor/gpu_process_reader.h"

#include "finewatt/sensor/nvml_devices_internal.h"
#include "finewatt/sensor/nvml_library_internal.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

namespace finewatt {
namespace {

using SharedLibrary = std::shared_ptr<const nvml::Library>;

/// Samples of one GPU that are newer than a time, or the code of the failure. No sample at all is
/// no failure: nothing ran.
struct SampleAnswer {
    int code = nvml::kFunctionNotFound;
    std::vector<nvml::ProcessSample> samples;
};

SampleAnswer ask(const nvml::Library& library, nvml::Device device, unsigned long long since_us) {
    SampleAnswer answer;
    if (library.call().process_utilization == nullptr) {
        return answer;
    }
    unsigned count = 0;
    answer.code = library.call().process_utilization(device, nullptr, &count, since_us);
    constexpr unsigned kMostSamples = 100'000;
    if (answer.code == nvml::kInsufficientSize && count > 0) {
        answer.samples.resize(std::min(count, kMostSamples));
        count = static_cast<unsigned>(answer.samples.size());
        answer.code =
            library.call().process_utilization(device, answer.samples.data(), &count, since_us);
        answer.samples.resize(std::min<std::size_t>(count, answer.samples.size()));
    }
    if (answer.code != nvml::kSuccess) {
        answer.samples.clear();
    }
    if (answer.code == nvml::kNotFound || answer.code == nvml::kInsufficientSize) {
        answer.code = nvml::kSuccess;  // no sample since then
    }
    return answer;
}

class NvmlProcessReader : public GpuProcessReader {
  public:
    struct Device {
        nvml::Device handle = nullptr;
        std::string uuid;
        unsigned long long newest_us = 0;
    };

    NvmlProcessReader(SharedLibrary library, std::vector<Device> devices)
        : library_(std::move(library)),
          devices_(std::move(devices)) {}

    Result<std::vector<GpuProcessUse>> read() override {
        std::vector<GpuProcessUse> uses;
        for (Device& device : devices_) {
            const SampleAnswer answer = ask(*library_, device.handle, device.newest_us);
            if (answer.code == nvml::kNotSupported) {
                return FINEWATT_ERROR(kUnsupported, "GPU {}: use per process: {}", device.uuid,
                                      library_->error_text(answer.code));
            }
            if (answer.code != nvml::kSuccess) {
                return FINEWATT_ERROR(kIo, "GPU {}: use per process: {}", device.uuid,
                                      library_->error_text(answer.code));
            }
            add_uses(device, answer.samples, uses);
        }
        return uses;
    }

  private:
    /// Mean over a process's samples; the driver leaves out those older than asked for, and so do
    /// we.
    static void add_uses(Device& device, const std::vector<nvml::ProcessSample>& samples,
                         std::vector<GpuProcessUse>& uses) {
        struct Sum {
            double busy_pct = 0;
            unsigned samples = 0;
        };

        std::map<unsigned, Sum> sums;
        const unsigned long long since_us = device.newest_us;
        for (const nvml::ProcessSample& sample : samples) {
            constexpr unsigned kWholePct = 100;
            if (sample.timestamp_us <= since_us || sample.pid == 0 || sample.sm > kWholePct) {
                continue;
            }
            device.newest_us = std::max(device.newest_us, sample.timestamp_us);
            sums[sample.pid].busy_pct += sample.sm;
            ++sums[sample.pid].samples;
        }
        for (const auto& [pid, sum] : sums) {
            uses.push_back({device.uuid, pid, sum.busy_pct / (100.0 * sum.samples)});
        }
    }

    SharedLibrary library_;
    std::vector<Device> devices_;
};

}  // namespace

Result<std::unique_ptr<GpuProcessReader>> open_gpu_process_reader(const DiscoveryOptions& options) {
    const std::filesystem::path node = options.root.path("/dev/nvidiactl");
    std::error_code missing;
    if (!std::filesystem::exists(node, missing)) {
        return FINEWATT_ERROR(kNotFound, "{}: not there, so no NVIDIA driver", node.string());
    }
    FINEWATT_ASSIGN(SharedLibrary library, nvml::Library::open(nvml::library_name(options.env)));
    const nvml::GpuList list = nvml::list_gpus(*library, options.env);
    const auto now_us =
        static_cast<unsigned long long>(options.clock.wall_now().as_unix_ns() / 1000);
    std::vector<NvmlProcessReader::Device> devices;
    for (const nvml::Gpu& gpu : list.gpus) {
        if (!gpu.is_selected) {
            continue;
        }
        const SampleAnswer answer = ask(*library, gpu.handle, now_us);
        if (answer.code != nvml::kSuccess) {
            return FINEWATT_ERROR(kUnsupported,
                                  "{} ({}): the driver does not tell use per process: {}; only the "
                                  "whole GPU is known",
                                  gpu.name, gpu.uuid, library->error_text(answer.code));
        }
        devices.push_back({gpu.handle, gpu.uuid, now_us});
    }
    if (devices.empty()) {
        return FINEWATT_ERROR(kNotFound, "no visible NVIDIA GPU{}{}",
                              list.failure ? ": " + *list.failure : "",
                              list.visible_note.empty() ? "" : " (" + list.visible_note + ")");
    }
    return std::unique_ptr<GpuProcessReader>(
        std::make_unique<NvmlProcessReader>(std::move(library), std::move(devices)));
}

}  // namespace finewatt
