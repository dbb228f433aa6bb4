#include "finewatt/sensor/msr_source.h"

#include "finewatt/base/check.h"
#include "finewatt/sensor/access_advice.h"
#include "finewatt/sensor/cpu_topology.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace finewatt {
namespace {

// Only the low 32 bits of a counter register count (Intel SDM volume 3B, MSR 0x611; AMD PPR).
constexpr std::uint64_t kCounterMask = 0xFFFF'FFFF;
constexpr std::uint64_t kCounterRange = 0x1'0000'0000;

// New values appear about every millisecond (Intel SDM volume 3B, "RAPL interfaces").
constexpr double kUpdateMs = 1;

// Units of known processors lie between 2^-8 and 2^-20 J (mostly 2^-14 and 2^-16); a unit register
// with another value, 0 above all, belongs to something that has no counters.
constexpr unsigned kSmallestUnitBits = 8;
constexpr unsigned kLargestUnitBits = 20;

struct CounterRegister {
    std::uint32_t address = 0;
    Domain domain{};
    std::string_view zone;  ///< as powercap would call it; empty for the package itself
};

// Intel SDM volume 4: MSR_PKG, DRAM, PP0 (cores), PP1 (integrated GPU) and PLATFORM_ENERGY_STATUS.
constexpr std::array<CounterRegister, 5> kIntelRegisters{{
    {0x611, Domain::kPackage, ""},
    {0x619, Domain::kDram, "dram"},
    {0x639, Domain::kCore, "core"},
    {0x641, Domain::kOther, "uncore"},
    {0x64D, Domain::kPsys, "psys"},
}};

// AMD PPR: PKG_ENERGY_STAT. CORE_ENERGY_STAT (0xC001029A) is one core's and lies inside.
constexpr std::array<CounterRegister, 1> kAmdRegisters{{{0xC001029B, Domain::kPackage, ""}}};

// Bits 12:8 are the energy status unit: 2^-ESU J.
constexpr std::uint32_t kIntelUnitRegister = 0x606;
constexpr std::uint32_t kAmdUnitRegister = 0xC0010299;

// Model numbers of family 6 as Linux names them (arch/x86/include/asm/intel-family.h). On these the
// DRAM counter has the fixed unit 2^-16 J: Haswell, Broadwell, Skylake and Ice Lake servers,
// Broadwell D, Ice Lake D, Knights Landing and Mill (arch/x86/events/rapl.c, quirk HSW).
constexpr std::array<unsigned, 8> kFixedDramModels{0x3F, 0x4F, 0x55, 0x6A, 0x56, 0x6C, 0x57, 0x85};
constexpr unsigned kFixedDramBits = 16;

// Sapphire Rapids and Emerald Rapids: psys counts whole joules (same file, quirk SPR).
constexpr std::array<unsigned, 2> kJoulePsysModels{0x8F, 0xCF};

// Silvermont and its relatives give the unit in another form, 2^ESU uJ (Intel SDM volume 4); Linux
// has no perf event for them either.
constexpr std::array<unsigned, 5> kOtherUnitModels{0x37, 0x4A, 0x4D, 0x5A, 0x5D};

constexpr unsigned kIntelFamily = 6;

template <std::size_t N>
bool is_model(const CpuInfo& cpu, const std::array<unsigned, N>& models) {
    return cpu.is_intel() && cpu.family == kIntelFamily &&
           std::find(models.begin(), models.end(), cpu.model_number) != models.end();
}

struct RegisterRead {
    std::optional<std::uint64_t> value;
    int errno_value = 0;
};

RegisterRead read_register(int fd, std::uint32_t address) {
    std::uint64_t value = 0;
    const ssize_t n = ::pread(fd, &value, sizeof value, static_cast<off_t>(address));
    if (n == sizeof value) {
        return {value, 0};
    }
    return {std::nullopt, n < 0 ? errno : EIO};
}

unsigned unit_bits(const CpuInfo& cpu, const CounterRegister& counter, unsigned common_bits) {
    if (counter.domain == Domain::kDram && is_model(cpu, kFixedDramModels)) {
        return kFixedDramBits;
    }
    if (counter.domain == Domain::kPsys && is_model(cpu, kJoulePsysModels)) {
        return 0;
    }
    return common_bits;
}

ChannelSpec make_channel(const CounterRegister& counter, const std::string& package,
                         unsigned bits) {
    const bool is_psys = counter.domain == Domain::kPsys;
    const std::string zone = is_psys                ? std::string(counter.zone)
                             : counter.zone.empty() ? package
                                                    : fmt::format("{}/{}", package, counter.zone);
    ChannelSpec spec;
    spec.id = "msr:" + zone;
    spec.kind = ChannelKind::kCounter;
    spec.unit = "ticks";
    spec.unit_size = std::ldexp(1.0, -static_cast<int>(bits));
    spec.range = kCounterRange;
    spec.domain = counter.domain;
    spec.max_power_w = default_ceiling_w(counter.domain);
    spec.device = is_psys ? "platform" : package_device(package);
    spec.update_ms = kUpdateMs;
    spec.source = "msr";
    spec.provenance = Provenance::kMeasured;
    spec.reason =
        fmt::format("energy counter in register {:#x}, unit 2^-{} J", counter.address, bits);
    return spec;
}

SourceProbe refused(SourceStatus status, const std::string& why, const std::string& fix) {
    SourceProbe probe;
    probe.reports.push_back({"msr", status, {}, why, fix});
    return probe;
}

/// The energy unit, or why there is none.
Result<unsigned> read_unit_bits(int fd, const CpuInfo& cpu) {
    const std::uint32_t address = cpu.is_intel() ? kIntelUnitRegister : kAmdUnitRegister;
    const RegisterRead unit = read_register(fd, address);
    if (!unit.value) {
        return error_from_errno(unit.errno_value, fmt::format("read register {:#x}", address));
    }
    const auto bits = static_cast<unsigned>((*unit.value >> 8) & 0x1F);
    if (bits < kSmallestUnitBits || bits > kLargestUnitBits) {
        return FINEWATT_ERROR(kUnsupported,
                              "register {:#x}: expected an energy unit of 2^-{} to 2^-{} J, found "
                              "2^-{}: this processor shows no energy counters",
                              address, kSmallestUnitBits, kLargestUnitBits, bits);
    }
    return bits;
}

}  // namespace

/// Opens packages one by one and collects their channels.
class MsrBuilder {
  public:
    MsrBuilder(const DiscoveryOptions& options, CpuInfo cpu)
        : options_(options),
          cpu_(std::move(cpu)),
          source_(new MsrSource(options.clock)) {}

    void add_package(const CpuPlace& place, bool by_die) {
        const std::string package =
            package_zone(place.package, by_die ? std::make_optional(place.die) : std::nullopt);
        Result<ScopedFd> file =
            options_.open(options_.root.path(fmt::format("/dev/cpu/{}/msr", place.cpu)));
        if (!file) {
            const bool is_denied = file.error().code() == ErrorCode::kPermission;
            add_failure(is_denied ? SourceStatus::kDenied : SourceStatus::kBroken, package,
                        file.error().describe());
            return;
        }
        const Result<unsigned> bits = read_unit_bits(file->get(), cpu_);
        if (!bits) {
            add_failure(SourceStatus::kBroken, package, bits.error().describe());
            return;
        }
        if (cpu_.is_intel()) {
            add_registers(file->get(), kIntelRegisters, package, *bits);
        } else {
            add_registers(file->get(), kAmdRegisters, package, *bits);
        }
        source_->files_.push_back(std::move(*file));
    }

    SourceProbe finish() {
        SourceProbe probe;
        if (!source_->channels_.empty()) {
            SourceReport usable{"msr", SourceStatus::kUsable, {}, "counter registers", ""};
            for (const ChannelSpec& channel : source_->channels_) {
                usable.channels.push_back(channel.id);
            }
            probe.reports.push_back(std::move(usable));
            probe.source = std::move(source_);
        }
        for (auto& [status, report] : failures_) {
            probe.reports.push_back(std::move(report));
        }
        return probe;
    }

  private:
    template <std::size_t N>
    void add_registers(int fd, const std::array<CounterRegister, N>& counters,
                       const std::string& package, unsigned common_bits) {
        bool has_any = false;
        for (const CounterRegister& counter : counters) {
            // There is one platform; its counter counts at the first package.
            if (counter.domain == Domain::kPsys && !source_->files_.empty()) {
                continue;
            }
            // A counter that a processor lacks cannot be read or reads 0.
            const RegisterRead first = read_register(fd, counter.address);
            if ((first.value.value_or(0) & kCounterMask) == 0) {
                continue;
            }
            has_any = true;
            source_->channels_.push_back(
                make_channel(counter, package, unit_bits(cpu_, counter, common_bits)));
            source_->registers_.push_back({source_->files_.size(), counter.address});
        }
        if (!has_any) {
            add_failure(SourceStatus::kBroken, package, "no counter register has a value");
        }
    }

    void add_failure(SourceStatus status, const std::string& package, const std::string& why) {
        SourceReport& report = failures_[status];
        report.source = "msr";
        report.status = status;
        report.channels.push_back("msr:" + package);
        if (report.why.empty()) {
            report.why = why;
            report.fix = status == SourceStatus::kDenied ? msr_advice(options_)
                                                         : "powercap shows the same counters";
        }
    }

    const DiscoveryOptions& options_;
    CpuInfo cpu_;
    std::unique_ptr<MsrSource> source_;
    std::map<SourceStatus, SourceReport> failures_;
};

SourceProbe MsrSource::probe(const DiscoveryOptions& options) {
    const Result<CpuInfo> cpu = cpu_info_of(options);
    if (!cpu || (!cpu->is_intel() && !cpu->is_amd())) {
        return refused(SourceStatus::kAbsent, "registers of Intel, AMD and Hygon processors only",
                       "");
    }
    if (is_model(*cpu, kOtherUnitModels)) {
        return refused(
            SourceStatus::kBroken,
            fmt::format("model {:#x} gives its energy unit in another form", cpu->model_number),
            "powercap knows the unit");
    }
    std::error_code ignored;
    const auto example = options.root.path("/dev/cpu/0/msr");
    const std::vector<CpuPlace> places = std::filesystem::exists(example, ignored)
                                             ? read_cpu_places(options.root)
                                             : std::vector<CpuPlace>{};
    if (places.empty()) {
        return refused(SourceStatus::kAbsent,
                       fmt::format("{}: expected the processor's registers and its topology, "
                                   "found none",
                                   example.string()),
                       cpu->is_virtual ? "" : msr_advice(options));
    }
    const bool by_die = cpu->is_intel() && has_several_dies(places);
    MsrBuilder builder(options, *cpu);
    for (const CpuPlace& place : first_cpus(places, by_die)) {
        builder.add_package(place, by_die);
    }
    return builder.finish();
}

void MsrSource::poll(std::span<Reading> readings) {
    FINEWATT_CHECK(readings.size() == registers_.size(), "poll needs one slot per channel");
    for (std::size_t i = 0; i < registers_.size(); ++i) {
        const RegisterRead read =
            read_register(files_[registers_[i].file].get(), registers_[i].address);
        const MonoTime time = clock_.mono_now();
        readings[i] = read.value ? Reading{time, *read.value & kCounterMask, PollOutcome::kOk, {}}
                                 : failed_reading_from_errno(time, read.errno_value);
    }
}

}  // namespace finewatt
