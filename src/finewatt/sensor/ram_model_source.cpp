#include "finewatt/sensor/ram_model_source.h"

#include "finewatt/base/check.h"
#include "finewatt/base/file.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>

namespace finewatt {
namespace {

constexpr double kPerGibW = 0.375;  // the linear model; sources in the header

// The DIMM model, bounded from below: 20 W from 17 to 64 GB (4 DIMMs), never less than 38 W above
// (8 DIMMs). Below 17 GB the linear model is the smaller one anyway.
constexpr double kFourDimmsGib = 64;
constexpr double kFourDimmsW = 20;
constexpr double kEightDimmsW = 38;

// The DIMM model, bounded from above: 10 W for the smallest machine, then one more DIMM of 5 W per
// 8 GB, and never more than 70 W (16 DIMMs) where the linear model is not above it already.
constexpr double kSmallestW = 10;
constexpr double kPerGibOfSmallDimmsW = 5.0 / 8;
constexpr double kSixteenDimmsW = 70;

ChannelSpec make_channel(double gib, const RamPower& power, std::string_view why_modelled) {
    ChannelSpec spec;
    spec.id = "ram-model";
    spec.kind = ChannelKind::kCounter;
    spec.unit = "uJ";
    spec.unit_size = 1e-6;
    spec.max_power_w = 2 * power.high_w;
    spec.domain = Domain::kDram;
    spec.device = "ram";
    spec.update_ms = 0;
    spec.source = "ram-model";
    spec.provenance = Provenance::kModelled;
    spec.gain_error_low = 1 - power.low_w / power.best_w;
    spec.gain_error_high = power.high_w / power.best_w - 1;
    spec.reason = fmt::format(
        "{}; power modelled from {:.1f} GiB of memory: {:.1f} to {:.1f} W, a range that holds both "
        "published models",
        why_modelled, gib, power.low_w, power.high_w);
    return spec;
}

}  // namespace

RamPower ram_power(double gib) {
    RamPower power;
    power.low_w = std::min(kPerGibW * gib, gib <= kFourDimmsGib ? kFourDimmsW : kEightDimmsW);
    power.high_w =
        std::max(kPerGibW * gib, std::min(kSmallestW + kPerGibOfSmallDimmsW * gib, kSixteenDimmsW));
    power.best_w = std::sqrt(power.low_w * power.high_w);
    return power;
}

std::optional<std::uint64_t> parse_mem_total_bytes(std::string_view meminfo) {
    constexpr std::string_view kKey = "MemTotal:";
    const auto at = meminfo.find(kKey);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view line = meminfo.substr(at + kKey.size());
    line = line.substr(0, line.find('\n'));
    const auto unit = line.find("kB");
    if (unit == std::string_view::npos) {
        return std::nullopt;
    }
    const auto kib = parse_unsigned(line.substr(0, unit));
    if (!kib || *kib == 0 || *kib > (std::uint64_t{1} << 50U)) {
        return std::nullopt;
    }
    return *kib * 1024;
}

RamModelSource::RamModelSource(const Clock& clock, double power_w)
    : clock_(clock),
      power_w_(power_w),
      begin_(clock.mono_now()) {}

SourceProbe RamModelSource::probe(const DiscoveryOptions& options, std::string_view why_modelled) {
    SourceProbe probe;
    const auto path = options.root.path("/proc/meminfo");
    const Result<std::string> text = read_file(path);
    const auto bytes = text ? parse_mem_total_bytes(*text) : std::nullopt;
    if (!bytes) {
        const std::string why =
            text ? path.string() + ": expected a line 'MemTotal: N kB', found none"
                 : text.error().describe();
        const std::string fix = "mount /proc, or name its place with FINEWATT_SYSROOT";
        probe.reports.push_back({"ram-model", SourceStatus::kBroken, {}, why, fix});
        probe.unmeasured.push_back({"dram", "ram", why, fix});
        return probe;
    }
    const double gib = static_cast<double>(*bytes) / (1024.0 * 1024.0 * 1024.0);
    const RamPower power = ram_power(gib);
    std::unique_ptr<RamModelSource> source(new RamModelSource(options.clock, power.best_w));
    source->channels_.push_back(make_channel(gib, power, why_modelled));
    probe.reports.push_back(
        {"ram-model",
         SourceStatus::kUsable,
         {"ram-model"},
         fmt::format("{:.1f} to {:.1f} W for {:.1f} GiB", power.low_w, power.high_w, gib),
         ""});
    probe.source = std::move(source);
    return probe;
}

void RamModelSource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == 1, "poll needs one slot per channel");
    const MonoTime time = clock_.mono_now();
    const double energy_uj = power_w_ * 1e6 * as_seconds(time - begin_);
    readings[0] = {time, static_cast<std::uint64_t>(std::floor(energy_uj)), PollOutcome::kOk, {}};
}

}  // namespace finewatt
