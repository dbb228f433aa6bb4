#include "finewatt/carbon/embodied.h"

#include "finewatt/base/ascii.h"
#include "finewatt/base/clock.h"
#include "finewatt/base/csv.h"
#include "finewatt/carbon/near_matches_internal.h"
#include "finewatt/carbon/number_text_internal.h"
#include "finewatt/carbon/run_carbon_internal.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

namespace finewatt::embedded {

std::string_view embodied_hardware();  // defined by finewatt_embed (cmake/FinewattEmbed.cmake)

}  // namespace finewatt::embedded

namespace finewatt {
namespace {

constexpr std::string_view kServer = "server";
constexpr std::string_view kAccelerator = "accelerator";
constexpr std::string_view kAssumed = "assumed";

constexpr double kSecondsPerYear = 365.25 * 86'400;  // Julian year
/// Years of service and their range; data/embodied/SOURCE.md says whose figures these are.
constexpr double kUsualYears = 4;
constexpr double kShortYears = 3;
constexpr double kLongYears = 6;
constexpr double kLongestYears = 100;
constexpr double kLargestKg = 1e6;  // a thousand tonnes for one device is a mistake in the unit
constexpr int kMostAccelerators = 1'000'000;

/// An amount with its range.
struct Range {
    double best = 0;
    double low = 0;
    double high = 0;
};

Status check_range(const Range& kg, std::string_view what) {
    const bool is_sound = std::isfinite(kg.best) && kg.low >= 0 && kg.low <= kg.best &&
                          kg.best <= kg.high && kg.high <= kLargestKg;
    if (!is_sound) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected 0 <= low <= kg <= high <= {} kg CO2e, found {} <= {} "
                              "<= {}",
                              what, kLargestKg, kg.low, kg.best, kg.high);
    }
    return {};
}

Status check_share(double share, std::string_view what) {
    if (!(share > 0 && share <= 1)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "{}: expected a share above 0 and up to 1, found {}", what, share);
    }
    return {};
}

/// The server or the accelerator that the options choose.
Result<HardwareFootprint> chosen(const std::optional<GivenFootprint>& given,
                                 const std::optional<std::string>& name,
                                 std::string_view default_name, std::string_view kind) {
    HardwareFootprint footprint;
    if (given) {
        footprint = {"own figure",
                     std::string(kind),
                     given->kg,
                     given->kg_low.value_or(given->kg),
                     given->kg_high.value_or(given->kg),
                     "modelled",
                     "given by the user"};
    } else {
        FINEWATT_ASSIGN(footprint, hardware_footprint(name.value_or(std::string(default_name))));
        if (footprint.kind != kind) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "hardware '{}': expected a kind of {}, found {}", footprint.name,
                                  kind, footprint.kind);
        }
    }
    FINEWATT_TRY(check_range({footprint.kg, footprint.kg_low, footprint.kg_high}, kind));
    return footprint;
}

Result<HardwareFootprint> chosen_server(const EmbodiedOptions& options, int accelerators) {
    if (options.server_parts && !options.server_given) {
        return server_from_parts(*options.server_parts);
    }
    return chosen(options.server_given, options.server, accelerators > 0 ? "server-gpu" : kServer,
                  kServer);
}

Result<Range> lifetime_years(const EmbodiedOptions& options) {
    if (!options.lifetime_years) {
        return Range{kUsualYears, kShortYears, kLongYears};
    }
    const double years = *options.lifetime_years;
    if (!(years > 0 && years <= kLongestYears)) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "lifetime of the hardware: expected years above 0 and up to {}, found "
            "{}",
            kLongestYears, years);
    }
    return Range{years, years, years};
}

std::string kg_text(const HardwareFootprint& footprint) {
    std::string text = fmt::format("{} {:.4g} kg", footprint.name, footprint.kg);
    if (footprint.kg_low < footprint.kg_high) {
        text += fmt::format(" ({:.4g} to {:.4g})", footprint.kg_low, footprint.kg_high);
    }
    return text + ": " + footprint.source;
}

/// How many different GPUs the record names.
int gpus_of(const RunRecord& run) {
    std::set<std::string> devices;
    for (const ComponentEnergy& part : run.energy.components) {
        if (part.component == "gpu") {
            devices.insert(part.device.empty() ? part.source : part.device);
        }
    }
    return static_cast<int>(devices.size());
}

}  // namespace

Result<std::vector<HardwareFootprint>> hardware_footprints() {
    constexpr std::array<std::string_view, 7> kColumns{"name",    "kind",       "kg",    "kg_low",
                                                       "kg_high", "provenance", "source"};
    FINEWATT_ASSIGN(const CsvTable table, parse_csv(embedded::embodied_hardware(), "hardware.csv"));
    std::array<std::size_t, kColumns.size()> at{};
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
        FINEWATT_ASSIGN(at[i], table.column(kColumns[i]));
    }
    std::vector<HardwareFootprint> rows;
    for (const std::vector<std::string>& row : table.rows) {
        const auto kg = number_in(row[at[2]]);
        const auto low = number_in(row[at[3]]);
        const auto high = number_in(row[at[4]]);
        if (!kg || !low || !high) {
            return FINEWATT_ERROR(kCorrupt, "hardware.csv: {}: expected numbers", row[at[0]]);
        }
        rows.push_back({row[at[0]], row[at[1]], *kg, *low, *high, row[at[5]], row[at[6]]});
    }
    return rows;
}

Result<HardwareFootprint> hardware_footprint(std::string_view name) {
    FINEWATT_ASSIGN(const std::vector<HardwareFootprint> rows, hardware_footprints());
    std::vector<Candidate> candidates;
    std::vector<std::string> names;
    for (const HardwareFootprint& row : rows) {
        if (ascii_lower(name) == row.name) {
            return row;
        }
        candidates.push_back({row.name, row.name});
        names.push_back(row.name);
    }
    std::vector<std::string> near = near_matches(name, candidates);
    const bool is_near = !near.empty();
    return FINEWATT_ERROR(
        kNotFound,
        "hardware '{}' is not in the table of embodied emissions; {}: {}; or give "
        "its kg CO2e",
        name, is_near ? "near matches" : "there are", fmt::join(is_near ? near : names, ", "));
}

Result<HardwareFootprint> server_from_parts(const ServerParts& parts) {
    // Cloud Carbon Footprint, ccfcoef/constants.py; memory: Dell's R740 (533 kg for 384 GB).
    constexpr double kBaseKg = 1000;
    constexpr double kKgPerFurtherCpu = 100;
    constexpr double kKgPerGb = 533.0 / 384.0;
    constexpr double kBaseGb = 16;
    constexpr double kKgPerSsd = 100;
    constexpr double kKgPerHardDisk = 50;
    constexpr int kMostParts = 10'000;
    constexpr double kMostGb = 1e6;
    const auto is_count = [](int n) { return n >= 0 && n <= kMostParts; };
    if (parts.cpus < 1 || !is_count(parts.cpus) || !is_count(parts.ssds) ||
        !is_count(parts.hard_disks) || !(parts.memory_gb >= 0 && parts.memory_gb <= kMostGb)) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "parts of a server: expected 1 to {} CPUs, 0 to {} GB and 0 to {} "
                              "disks, found {} CPUs, {} GB, {} SSDs and {} hard disks",
                              kMostParts, kMostGb, kMostParts, parts.cpus, parts.memory_gb,
                              parts.ssds, parts.hard_disks);
    }
    HardwareFootprint server;
    server.name = fmt::format("server of {} CPU, {} GB, {} SSD, {} hard disks", parts.cpus,
                              parts.memory_gb, parts.ssds, parts.hard_disks);
    server.kind = kServer;
    server.kg = kBaseKg + kKgPerFurtherCpu * (parts.cpus - 1) +
                kKgPerGb * std::max(0.0, parts.memory_gb - kBaseGb) + kKgPerSsd * parts.ssds +
                kKgPerHardDisk * parts.hard_disks;
    server.kg_low = server.kg / 2;
    server.kg_high = server.kg * 2;
    server.provenance = "modelled";
    server.source = "sum of its parts by Cloud Carbon Footprint's coefficients";
    return server;
}

Result<EmbodiedCarbon> embodied_of(std::chrono::nanoseconds used, const EmbodiedOptions& options) {
    const int accelerators = options.accelerators.value_or(0);
    if (used.count() < 0 || accelerators < 0 || accelerators > kMostAccelerators) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "embodied emissions: expected a time of 0 s or more and 0 to {} "
                              "accelerators, found {} s and {}",
                              kMostAccelerators, as_seconds(used), accelerators);
    }
    FINEWATT_TRY(check_share(options.server_share, "share of the server"));
    FINEWATT_TRY(check_share(options.use_share, "share of its life in which hardware is in use"));
    FINEWATT_ASSIGN(const Range years, lifetime_years(options));
    FINEWATT_ASSIGN(const HardwareFootprint server, chosen_server(options, accelerators));
    FINEWATT_ASSIGN(
        const HardwareFootprint card,
        chosen(options.accelerator_given, options.accelerator, kAccelerator, kAccelerator));
    const auto amortised = [&](double server_kg, double card_kg, double lifetime) {
        const double kg = options.server_share * server_kg + accelerators * card_kg;
        return kg * as_seconds(used) / (lifetime * kSecondsPerYear * options.use_share);
    };
    EmbodiedCarbon result;
    result.kg = amortised(server.kg, card.kg, years.best);
    result.kg_low = amortised(server.kg_low, card.kg_low, years.high);
    result.kg_high = amortised(server.kg_high, card.kg_high, years.low);
    const bool is_assumed = !options.lifetime_years || server.provenance == kAssumed ||
                            (accelerators > 0 && card.provenance == kAssumed);
    result.provenance = is_assumed ? kAssumed : "modelled";
    result.source = fmt::format("{:.4g} x {}", options.server_share, kg_text(server));
    if (accelerators > 0) {
        result.source += fmt::format("; {} x {}", accelerators, kg_text(card));
    }
    result.source += fmt::format("; over {:.4g} years", years.best);
    if (years.low < years.high) {
        result.source += fmt::format(" ({:.4g} to {:.4g})", years.low, years.high);
    }
    if (options.use_share < 1) {
        result.source += fmt::format(", in use {:.4g} of the time", options.use_share);
    }
    return result;
}

Status set_embodied(RunRecord& run, const EmbodiedOptions& options) {
    EmbodiedOptions with_count = options;
    with_count.accelerators = options.accelerators.value_or(gpus_of(run));
    constexpr double kLongestSeconds = 3e9;  // what nanoseconds in 64 bits hold, with room
    const bool is_known =
        run.duration_s && *run.duration_s >= 0 && *run.duration_s <= kLongestSeconds;
    const auto used = std::chrono::nanoseconds(is_known ? std::llround(*run.duration_s * 1e9) : 0);
    FINEWATT_ASSIGN(EmbodiedCarbon embodied, embodied_of(used, with_count));
    CarbonSummary carbon = carbon_of_run(run);
    carbon.embodied_kg = carbon.embodied_kg_low = carbon.embodied_kg_high = std::nullopt;
    carbon.embodied_provenance = carbon.embodied_reason = std::nullopt;
    carbon.embodied_source = std::move(embodied.source);
    if (is_known) {
        carbon.embodied_kg = embodied.kg;
        carbon.embodied_kg_low = embodied.kg_low;
        carbon.embodied_kg_high = embodied.kg_high;
        carbon.embodied_provenance = std::move(embodied.provenance);
    } else {
        carbon.embodied_reason = "the run's duration is unknown, so is its share of the lifetime";
    }
    store_carbon(run, std::move(carbon));
    return {};
}

}  // namespace finewatt
