#include "finewatt/sensor/hwmon_source.h"

#include "finewatt/base/check.h"
#include "finewatt/sensor/access_advice.h"
#include "finewatt/sensor/hwmon_builder_internal.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <algorithm>
#include <utility>

namespace finewatt {
namespace {

// Files are in uW and mV x mA, readings in mW (docs/formats/trace.md has no smaller unit of power).
constexpr std::uint64_t kMicrowattsPerMilliwatt = 1000;

// A gauge may show more than the domain's ceiling for a moment, but not ten times as much; error
// values are far beyond (4,294,967,295 mW from acpi_power_meter).
constexpr double kRefusedCeilings = 10;

// Two factors of a rail below this do not overflow 64 bits; 1e9 mV is a megavolt.
constexpr std::uint64_t kMaxFactor = 1'000'000'000;

constexpr int kProbeReads = 3;

/// The number of "hwmon12", for ordering.
unsigned folder_number(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    const auto digits = name.find_first_of("0123456789");
    const auto number =
        digits == std::string::npos ? std::nullopt : parse_unsigned(name.substr(digits));
    return number && *number < UINT32_MAX ? static_cast<unsigned>(*number) : 0;
}

std::string absent_fix(const DiscoveryOptions& options, HwmonDriver driver) {
    const Result<CpuInfo> cpu = cpu_info_of(options);
    if (!cpu || cpu->is_virtual) {
        return "";
    }
    // Processors without a vendor_id line are Arm's; NVIDIA Grace is the one with ACPI meters.
    if (driver == HwmonDriver::kPowerMeter && cpu->vendor.empty()) {
        return "on NVIDIA Grace: sudo modprobe acpi_power_meter force_cap_on=y (kernel option "
               "SENSORS_ACPI_POWER)";
    }
    return "";
}

}  // namespace

std::filesystem::path HwmonChip::file(const std::string& attribute) const {
    std::error_code ignored;
    if (!std::filesystem::exists(path / attribute, ignored) &&
        std::filesystem::exists(path / "device" / attribute, ignored)) {
        return path / "device" / attribute;
    }
    return path / attribute;
}

std::optional<std::string> HwmonChip::text(const std::string& attribute) const {
    const Result<std::string> text = read_kernel_text(file(attribute));
    return text ? std::make_optional(*text) : std::nullopt;
}

bool HwmonChip::has(const std::string& attribute) const {
    std::error_code ignored;
    return std::filesystem::exists(file(attribute), ignored);
}

std::vector<unsigned> HwmonChip::numbers(std::string_view prefix, std::string_view suffix) const {
    std::vector<unsigned> found;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path, ignored)) {
        const std::string attribute = entry.path().filename().string();
        if (!attribute.starts_with(prefix) || !attribute.ends_with(suffix) ||
            attribute.size() <= prefix.size() + suffix.size()) {
            continue;
        }
        const auto number = parse_unsigned(std::string_view(attribute).substr(
            prefix.size(), attribute.size() - prefix.size() - suffix.size()));
        if (number && *number < UINT32_MAX) {
            found.push_back(static_cast<unsigned>(*number));
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

std::vector<HwmonChip> list_hwmon_chips(const DiscoveryOptions& options, std::string_view name) {
    std::vector<HwmonChip> chips;
    const auto& known = options.facts.hwmon_names;
    if (known && std::none_of(known->begin(), known->end(),
                              [&](const std::string& chip) { return chip.starts_with(name); })) {
        return chips;
    }
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(options.root.path("/sys/class/hwmon"), ignored)) {
        HwmonChip chip{entry.path(), "", ""};
        chip.name = chip.text("name").value_or("");
        if (!chip.name.starts_with(name)) {
            continue;
        }
        std::error_code no_link;
        const auto link = std::filesystem::read_symlink(entry.path() / "device", no_link);
        chip.address = no_link ? "" : link.filename().string();
        chips.push_back(std::move(chip));
    }
    std::sort(chips.begin(), chips.end(), [](const HwmonChip& a, const HwmonChip& b) {
        return std::make_pair(a.address, folder_number(a.path)) <
               std::make_pair(b.address, folder_number(b.path));
    });
    return chips;
}

std::vector<std::string> list_hwmon_names(const SysRoot& root) {
    std::vector<std::string> names;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(root.path("/sys/class/hwmon"), ignored)) {
        names.push_back(HwmonChip{entry.path(), "", ""}.text("name").value_or(""));
    }
    return names;
}

HwmonBuilder::HwmonBuilder(const DiscoveryOptions& options, HwmonDriver driver)
    : options_(options),
      source_(new HwmonSource(options.clock, std::string(hwmon_driver_name(driver)))) {}

void HwmonBuilder::add_energy(ChannelSpec spec, const std::filesystem::path& file) {
    spec.kind = ChannelKind::kCounter;
    spec.unit = "uJ";
    spec.unit_size = 1e-6;
    spec.provenance = Provenance::kMeasured;
    add(std::move(spec), {{file, {}}}, 1, UINT64_MAX);
}

void HwmonBuilder::add_power(ChannelSpec spec, const std::vector<HwmonRailFiles>& rails) {
    spec.kind = ChannelKind::kGauge;
    spec.unit = "mW";
    spec.unit_size = 1e-3;
    spec.provenance = Provenance::kDerived;
    const double max_mw = kRefusedCeilings * 1000 * spec.max_power_w.value_or(0);
    add(std::move(spec), rails, kMicrowattsPerMilliwatt, static_cast<std::uint64_t>(max_mw));
}

Status HwmonBuilder::open_rail(const std::filesystem::path& path, ScopedFd& slot) const {
    if (!path.empty()) {
        FINEWATT_ASSIGN(slot, options_.open(path));
    }
    return {};
}

void HwmonBuilder::add_unopened(const ChannelSpec& spec, const std::filesystem::path& path,
                                const Error& error) {
    if (error.code() == ErrorCode::kPermission) {
        add_failure(SourceStatus::kDenied, spec, error.describe(),
                    "sudo chmod a+r " + path.string() + " (until the next start), or run as root");
    } else {
        add_failure(SourceStatus::kBroken, spec, error.describe(), "see the kernel log: dmesg");
    }
}

void HwmonBuilder::add_failure(SourceStatus status, const ChannelSpec& spec, const std::string& why,
                               const std::string& fix) {
    SourceReport& report = failures_[status];
    report.channels.push_back(spec.id);
    report.why = why;
    report.fix = fix;
    if (spec.domain == Domain::kGpu) {
        unmeasured_.push_back({"gpu", spec.device, why, fix});
    }
}

void HwmonBuilder::add(ChannelSpec spec, const std::vector<HwmonRailFiles>& rails,
                       std::uint64_t divisor, std::uint64_t max_raw) {
    HwmonSource::Input input{{}, divisor, max_raw};
    for (const HwmonRailFiles& files : rails) {
        HwmonSource::Rail rail;
        Status opened = open_rail(files.first, rail.first);
        if (opened) {
            opened = open_rail(files.second, rail.second);
        }
        if (!opened) {
            add_unopened(spec, files.first, opened.error());
            return;
        }
        input.rails.push_back(std::move(rail));
    }
    // A sensor that never answers would make a total unknown, where another source might serve.
    Reading first;
    for (int i = 0; i < kProbeReads && first.outcome != PollOutcome::kOk; ++i) {
        first = source_->read_input(input);
    }
    if (first.outcome != PollOutcome::kOk) {
        add_failure(SourceStatus::kBroken, spec,
                    fmt::format("{}: expected a number in its usual range, found {}",
                                rails.front().first.string(), first.error),
                    "see the kernel log: dmesg");
        return;
    }
    source_->channels_.push_back(std::move(spec));
    source_->inputs_.push_back(std::move(input));
}

void HwmonBuilder::add_problem(const std::string& channel, const std::string& why,
                               const std::string& fix) {
    SourceReport& report = failures_[SourceStatus::kBroken];
    report.channels.push_back(channel);
    report.why = why;
    report.fix = fix;
}

SourceProbe HwmonBuilder::finish(const SourceReport& absent) {
    SourceProbe probe;
    const std::string name(source_->name());
    if (!source_->channels_.empty()) {
        SourceReport usable{name, SourceStatus::kUsable, {}, "hwmon sensors", ""};
        for (const ChannelSpec& channel : source_->channels_) {
            usable.channels.push_back(channel.id);
        }
        probe.reports.push_back(std::move(usable));
        probe.source = std::move(source_);
    }
    for (auto& [status, report] : failures_) {
        report.source = name;
        report.status = status;
        probe.reports.push_back(std::move(report));
    }
    if (probe.reports.empty()) {
        probe.reports.push_back(absent);
    }
    probe.unmeasured = std::move(unmeasured_);
    return probe;
}

ChannelSpec hwmon_channel(std::string_view source, std::string_view what, Domain domain,
                          std::string device, std::string reason) {
    ChannelSpec spec;
    spec.id = fmt::format("{}:{}", source, what);
    spec.source = source;
    spec.domain = domain;
    spec.device = std::move(device);
    spec.max_power_w = default_ceiling_w(domain);
    spec.reason = std::move(reason);
    return spec;
}

std::optional<double> average_interval_ms(const HwmonChip& chip) {
    const auto interval_ms = read_kernel_positive(chip.file("power1_average_interval"));
    constexpr double kLongestMs = 3'600'000;
    return interval_ms && *interval_ms <= kLongestMs ? interval_ms : std::nullopt;
}

SourceProbe HwmonSource::probe(const DiscoveryOptions& options, HwmonDriver driver) {
    const std::string name(hwmon_driver_name(driver));
    HwmonBuilder builder(options, driver);
    switch (driver) {
        case HwmonDriver::kAmdEnergy:
            add_amd_energy(builder);
            break;
        case HwmonDriver::kPowerMeter:
            add_power_meter(builder);
            break;
        case HwmonDriver::kFamPower:
            add_family_power(builder);
            break;
        case HwmonDriver::kZenpower:
            add_zenpower(builder);
            break;
        case HwmonDriver::kIna3221:
            add_ina3221(builder);
            break;
        case HwmonDriver::kAmdgpu:
            add_amdgpu(builder);
            break;
        case HwmonDriver::kXe:
        case HwmonDriver::kI915:
            add_intel_gpu(builder, name);
            break;
    }
    return builder.finish(
        {name,
         SourceStatus::kAbsent,
         {},
         fmt::format("{}: no chip named {}", options.root.path("/sys/class/hwmon").string(), name),
         absent_fix(options, driver)});
}

Reading HwmonSource::read_input(const Input& input) const {
    std::uint64_t sum = 0;
    int errno_value = 0;
    std::string_view error;
    const auto read_factor = [&](const ScopedFd& file, std::uint64_t limit) -> std::uint64_t {
        const NumberRead read = read_number(file.get());
        errno_value = errno_value != 0 ? errno_value : read.errno_value;
        if (!read.value) {
            error = "EINVAL";
        } else if (*read.value > limit) {
            error = "RANGE";
        }
        return error.empty() ? *read.value : 0;
    };
    for (const Rail& rail : input.rails) {
        if (rail.second.is_open()) {
            sum += read_factor(rail.first, kMaxFactor) * read_factor(rail.second, kMaxFactor);
        } else {
            // Rails are few, so that a sum of gauges below the limit cannot overflow.
            sum += read_factor(rail.first, input.rails.size() == 1 && input.divisor == 1
                                               ? UINT64_MAX
                                               : kMaxFactor * kMaxFactor);
        }
    }
    const MonoTime time = clock_.mono_now();
    if (errno_value != 0) {
        return failed_reading_from_errno(time, errno_value);
    }
    if (!error.empty()) {
        return failed_reading(time, PollOutcome::kRetry, error);
    }
    const std::uint64_t raw = input.divisor == 1 ? sum : (sum + input.divisor / 2) / input.divisor;
    if (raw > input.max_raw) {
        return failed_reading(time, PollOutcome::kRetry, "RANGE");
    }
    return {time, raw, PollOutcome::kOk, {}};
}

void HwmonSource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == inputs_.size(), "poll needs one slot per channel");
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        readings[i] = read_input(inputs_[i]);
    }
}

std::string_view hwmon_driver_name(HwmonDriver driver) {
    switch (driver) {
        case HwmonDriver::kAmdEnergy:
            return "amd_energy";
        case HwmonDriver::kPowerMeter:
            return "power_meter";
        case HwmonDriver::kFamPower:
            return "fam_power";
        case HwmonDriver::kZenpower:
            return "zenpower";
        case HwmonDriver::kIna3221:
            return "ina3221";
        case HwmonDriver::kAmdgpu:
            return "amdgpu";
        case HwmonDriver::kXe:
            return "xe";
        case HwmonDriver::kI915:
            return "i915";
    }
    return "hwmon";
}

}  // namespace finewatt
