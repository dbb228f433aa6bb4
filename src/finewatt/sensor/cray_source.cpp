#include "finewatt/sensor/cray_source.h"

#include "finewatt/base/check.h"
#include "finewatt/sensor/kernel_text_internal.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <utility>

namespace finewatt {
namespace {

// The controller's usual rate: raw_scan_hz says 10 (HPE Cray System Management documentation).
constexpr double kUpdateMs = 100;

// Ten missed renewals: the controller hangs.
constexpr std::chrono::nanoseconds kStaleAfter = std::chrono::seconds(1);

// Ten times what the node can draw is no power but an error value.
constexpr double kRefusedCeilings = 10;

struct CrayRead {
    std::optional<std::uint64_t> value;
    int errno_value = 0;
};

CrayRead read_value(int fd, std::string_view unit) {
    std::array<char, 128> buffer{};
    const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), 0);
    if (n < 0) {
        return {std::nullopt, errno};
    }
    return {parse_cray_value({buffer.data(), static_cast<std::size_t>(n)}, unit), 0};
}

/// What an energy file covers.
struct CrayFile {
    std::string name;
    Domain domain{};
    std::string device;
};

/// "accel3_energy" gives 3.
std::optional<std::uint64_t> accelerator_number(std::string_view name) {
    constexpr std::string_view kHead = "accel";
    constexpr std::string_view kTail = "_energy";
    if (!name.starts_with(kHead) || !name.ends_with(kTail) ||
        name.size() <= kHead.size() + kTail.size()) {
        return std::nullopt;
    }
    return parse_unsigned(name.substr(kHead.size(), name.size() - kHead.size() - kTail.size()));
}

std::vector<CrayFile> list_files(const DiscoveryOptions& options,
                                 const std::filesystem::path& folder) {
    const Result<CpuInfo> cpu = cpu_info_of(options);
    // One figure for all processors: with a single one it is that processor's.
    const std::string cpus = cpu && cpu->sockets == 1 ? "cpu0" : "cpu";
    std::vector<CrayFile> files;
    std::error_code ignored;
    const bool has_energy = std::filesystem::exists(folder / "energy", ignored);
    for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
        const std::string name = entry.path().filename().string();
        if (name == "energy" || (name == "power" && !has_energy)) {
            files.push_back({name, Domain::kNode, "node"});
        } else if (name == "cpu_energy") {
            files.push_back({name, Domain::kPackage, cpus});
        } else if (name == "memory_energy") {
            files.push_back({name, Domain::kDram, cpus});
        } else if (const auto number = accelerator_number(name)) {
            files.push_back({name, Domain::kGpu, fmt::format("accel{}", *number)});
        }
    }
    std::sort(files.begin(), files.end(), [](const CrayFile& a, const CrayFile& b) {
        return std::make_pair(a.domain, a.name) < std::make_pair(b.domain, b.name);
    });
    return files;
}

ChannelSpec make_channel(const CrayFile& file) {
    ChannelSpec spec;
    spec.id = "cray:" + file.name;
    const bool is_power = file.name == "power";
    spec.kind = is_power ? ChannelKind::kGauge : ChannelKind::kCounter;
    spec.unit = is_power ? "W" : "J";
    spec.unit_size = 1;
    spec.domain = file.domain;
    spec.max_power_w = default_ceiling_w(file.domain);
    spec.device = file.device;
    spec.update_ms = kUpdateMs;
    spec.source = "cray";
    spec.provenance = is_power ? Provenance::kDerived : Provenance::kMeasured;
    spec.reason = fmt::format("{} of the node's controller, file {}",
                              is_power ? "momentary power" : "energy counter", file.name);
    return spec;
}

}  // namespace

std::optional<std::uint64_t> parse_cray_value(std::string_view text, std::string_view unit) {
    text = trimmed(text);
    const auto first = text.find(' ');
    const auto value = parse_unsigned(text.substr(0, first));
    if (!value || first == std::string_view::npos) {
        return std::nullopt;
    }
    text.remove_prefix(first + 1);
    const auto second = text.find(' ');
    if (text.substr(0, second) != unit) {
        return std::nullopt;
    }
    if (second == std::string_view::npos) {
        return value;
    }
    text.remove_prefix(second + 1);
    const bool is_stamp = text.ends_with(" us") && parse_unsigned(text.substr(0, text.size() - 3));
    return is_stamp ? value : std::nullopt;
}

SourceProbe CraySource::probe(const DiscoveryOptions& options) {
    SourceProbe probe;
    const auto folder = options.root.path("/sys/cray/pm_counters");
    const std::vector<CrayFile> files = list_files(options, folder);
    if (files.empty()) {
        probe.reports.push_back({"cray",
                                 SourceStatus::kAbsent,
                                 {},
                                 fmt::format("{}: expected energy files, found none; this is no "
                                             "HPE Cray node",
                                             folder.string()),
                                 ""});
        return probe;
    }
    std::unique_ptr<CraySource> source(new CraySource(options.clock));
    if (Result<ScopedFd> freshness = options.open(folder / "freshness")) {
        source->freshness_ = std::move(*freshness);
        source->last_freshness_ = source->read_freshness();
        source->last_change_ = options.clock.mono_now();
    }
    SourceReport usable{"cray", SourceStatus::kUsable, {}, "counters of the node's controller", ""};
    if (const auto generation = read_kernel_text(folder / "generation")) {
        usable.why += "; changes of the power cap since its start: " + *generation;
    }
    SourceReport failed{"cray", SourceStatus::kBroken, {}, "", "ask the site's administrators"};
    for (const CrayFile& file : files) {
        Result<ScopedFd> opened = options.open(folder / file.name);
        ChannelSpec spec = make_channel(file);
        if (!opened) {
            const bool is_denied = opened.error().code() == ErrorCode::kPermission;
            failed.status = is_denied ? SourceStatus::kDenied : SourceStatus::kBroken;
            failed.channels.push_back(spec.id);
            failed.why = opened.error().describe();
            continue;
        }
        usable.channels.push_back(spec.id);
        source->channels_.push_back(std::move(spec));
        source->files_.push_back(std::move(*opened));
    }
    if (!source->channels_.empty()) {
        probe.reports.push_back(std::move(usable));
        probe.source = std::move(source);
    }
    if (!failed.channels.empty()) {
        probe.reports.push_back(std::move(failed));
    }
    return probe;
}

std::string CraySource::read_freshness() const {
    std::array<char, 128> buffer{};
    const ssize_t n =
        freshness_.is_open() ? ::pread(freshness_.get(), buffer.data(), buffer.size(), 0) : 0;
    return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
}

void CraySource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == files_.size(), "poll needs one slot per channel");
    const std::string freshness = read_freshness();
    const MonoTime now = clock_.mono_now();
    if (freshness.empty() || freshness != last_freshness_) {
        last_freshness_ = freshness;
        last_change_ = now;
    }
    const bool is_stale = now - last_change_ > kStaleAfter;
    for (std::size_t i = 0; i < files_.size(); ++i) {
        const CrayRead read = read_value(files_[i].get(), channels_[i].unit);
        const MonoTime time = clock_.mono_now();
        if (read.errno_value != 0) {
            readings[i] = failed_reading_from_errno(time, read.errno_value);
        } else if (!read.value) {
            readings[i] = failed_reading(time, PollOutcome::kRetry, "EINVAL");
        } else if (channels_[i].kind == ChannelKind::kGauge &&
                   static_cast<double>(*read.value) >
                       kRefusedCeilings * *channels_[i].max_power_w) {
            readings[i] = failed_reading(time, PollOutcome::kRetry, "RANGE");
        } else if (is_stale) {
            readings[i] = failed_reading(time, PollOutcome::kRetry, "ETIMEDOUT");
        } else {
            readings[i] = {time, *read.value, PollOutcome::kOk, {}};
        }
    }
}

}  // namespace finewatt
