#include "finewatt/sensor/cpu_model_source.h"

#include "finewatt/base/check.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <memory>
#include <utility>

namespace finewatt {
namespace {

/// Ticks per second of /proc/stat (USER_HZ).
double ticks_per_second() {
    return static_cast<double>(::sysconf(_SC_CLK_TCK));
}

struct StatReading {
    std::optional<std::uint64_t> busy_ticks;
    int errno_value = 0;  ///< of a failed read
};

StatReading read_stat(int fd) {
    // The first line has at most ten numbers of 20 digits.
    std::array<char, 256> buffer{};
    const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), 0);
    if (n < 0) {
        return {std::nullopt, errno};
    }
    return {parse_busy_ticks({buffer.data(), static_cast<std::size_t>(n)}), 0};
}

ChannelSpec make_channel(const CpuPower& power, std::string_view why_modelled) {
    ChannelSpec spec;
    spec.id = "cpu-model";
    spec.kind = ChannelKind::kCounter;
    spec.unit = "uJ";
    spec.unit_size = 1e-6;
    // A 64-bit count, so no range. The ceiling is twice the limit, as for live counters.
    spec.max_power_w = 2 * power.max_w_high;
    spec.domain = Domain::kPackage;
    spec.device = "cpu";
    spec.update_ms = 1000 / ticks_per_second();
    spec.source = "cpu-model";
    spec.provenance = power.provenance;
    spec.gain_error_low = 1 - power.max_w_low / power.max_w * kLoadModelLow;
    spec.gain_error_high = power.max_w_high / power.max_w * kLoadModelHigh - 1;
    spec.reason = fmt::format("{}; power modelled from load: {}", why_modelled, power.basis);
    return spec;
}

SourceProbe failed_probe(const Error& error) {
    SourceProbe probe;
    const std::string why = error.describe();
    const std::string fix = "mount /proc, or name its place with FINEWATT_SYSROOT";
    probe.reports.push_back({"cpu-model", SourceStatus::kBroken, {}, why, fix});
    probe.unmeasured.push_back({"cpu", "cpu", why, fix});
    return probe;
}

}  // namespace

std::optional<std::uint64_t> parse_busy_ticks(std::string_view stat) {
    const auto line_end = stat.find('\n');
    if (!stat.starts_with("cpu ") || line_end == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view line = stat.substr(4, line_end - 4);
    // user, nice, system, idle, iowait, irq, softirq; what follows is not busy or counted already.
    constexpr std::array<bool, 7> kIsBusy{true, true, true, false, false, true, true};
    std::uint64_t busy = 0;
    for (const bool is_busy : kIsBusy) {
        const auto start = line.find_first_not_of(' ');
        if (start == std::string_view::npos) {
            return std::nullopt;
        }
        line.remove_prefix(start);
        const auto end = std::min(line.find(' '), line.size());
        const auto ticks = parse_unsigned(line.substr(0, end));
        if (!ticks) {
            return std::nullopt;
        }
        busy += is_busy ? *ticks : 0;
        line.remove_prefix(end);
    }
    return busy;
}

CpuModelSource::CpuModelSource(const Clock& clock, ScopedFd stat, CpuPower power,
                               unsigned logical_cpus)
    : clock_(clock),
      stat_(std::move(stat)),
      power_(std::move(power)),
      logical_cpus_(logical_cpus) {}

SourceProbe CpuModelSource::probe(const DiscoveryOptions& options, std::string_view why_modelled) {
    const Result<CpuInfo> cpu = cpu_info_of(options);
    if (!cpu) {
        return failed_probe(cpu.error());
    }
    const auto path = options.root.path("/proc/stat");
    Result<ScopedFd> stat = options.open(path);
    if (!stat) {
        return failed_probe(stat.error());
    }
    const StatReading first = read_stat(stat->get());
    if (!first.busy_ticks) {
        return failed_probe(FINEWATT_ERROR(
            kCorrupt, "{}: expected a first line 'cpu' with 7 numbers or more, found none",
            path.string()));
    }
    std::unique_ptr<CpuModelSource> source(new CpuModelSource(
        options.clock, std::move(*stat), estimate_cpu_power(*cpu), cpu->logical_cpus));
    source->channels_.push_back(make_channel(source->power_, why_modelled));
    source->begin_ = options.clock.mono_now();
    source->begin_ticks_ = *first.busy_ticks;
    source->last_ticks_ = *first.busy_ticks;
    SourceProbe probe;
    probe.reports.push_back({"cpu-model",
                             SourceStatus::kUsable,
                             {"cpu-model"},
                             source->power_.basis,
                             "for measured energy make a counter readable, or use a wall meter"});
    probe.source = std::move(source);
    return probe;
}

void CpuModelSource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == 1, "poll needs one slot per channel");
    const StatReading stat = read_stat(stat_.get());
    const MonoTime time = clock_.mono_now();
    if (!stat.busy_ticks) {
        readings[0] = stat.errno_value != 0 ? failed_reading_from_errno(time, stat.errno_value)
                                            : failed_reading(time, PollOutcome::kRetry, "EINVAL");
        return;
    }
    // The kernel's sums may step back a little when a CPU goes offline; energy must not.
    last_ticks_ = std::max(last_ticks_, *stat.busy_ticks);
    const double elapsed_s = as_seconds(time - begin_);
    const double busy_s = static_cast<double>(last_ticks_ - begin_ticks_) / ticks_per_second();
    const double load_s = std::min(busy_s / logical_cpus_, elapsed_s);
    const double energy_j = power_.max_w * (kIdleShare * elapsed_s + (1 - kIdleShare) * load_s);
    readings[0] = {
        time, static_cast<std::uint64_t>(std::floor(energy_j * 1e6)), PollOutcome::kOk, {}};
}

}  // namespace finewatt
