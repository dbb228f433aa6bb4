#include "example_runs.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace finewatt::report_examples {
namespace {

constexpr std::string_view kCpuReason =
    "modelled from CPU load and the processor's rated power, because no energy counter can be "
    "read (powercap: absent; perf: absent)";
constexpr std::string_view kRamReason =
    "modelled from the size of memory, because no dram counter can be read";

/// The same pseudo-random numbers on every machine, in [-1, 1].
class Noise {
  public:
    double next() {
        state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
        return static_cast<double>(state_ >> 33) / static_cast<double>(1ULL << 30) - 1.0;
    }

  private:
    std::uint64_t state_ = 12345;
};

ComponentEnergy component(std::string name, std::string device, std::string domain,
                          std::string source, double energy_j, double error, std::string provenance,
                          double duration_s) {
    ComponentEnergy part;
    part.component = std::move(name);
    part.device = std::move(device);
    part.domain = std::move(domain);
    part.source = std::move(source);
    part.energy = joules(energy_j);
    part.energy_low = joules(energy_j * (1 - error));
    part.energy_high = joules(energy_j * (1 + error));
    part.power_mean = watts(energy_j / duration_s);
    part.power_max = watts(energy_j / duration_s * 1.18);
    part.provenance = std::move(provenance);
    part.coverage = 1;
    return part;
}

/// Sum over the counted parts; the range is added as if all errors went the same way.
EnergySummary total_of(std::vector<ComponentEnergy> parts, std::string provenance) {
    EnergySummary total;
    total.energy = joules(0);
    total.energy_low = joules(0);
    total.energy_high = joules(0);
    total.coverage = 1;
    for (const ComponentEnergy& part : parts) {
        if (part.counted) {
            *total.energy += *part.energy;
            *total.energy_low += *part.energy_low;
            *total.energy_high += *part.energy_high;
            total.domains.push_back(part.domain);
        }
    }
    total.provenance = std::move(provenance);
    total.components = std::move(parts);
    return total;
}

PhaseRecord modelled_phase(std::string name, double begin_s, double duration_s, double cpu_w) {
    PhaseRecord phase;
    phase.name = std::move(name);
    phase.t_begin_s = begin_s;
    phase.duration_s = duration_s;
    phase.energy = total_of({component("cpu", "cpu0", "package", "cpu-model:cpu0",
                                       cpu_w * duration_s, 0.5, "modelled", duration_s),
                             component("dram", "memory", "dram", "ram-model:memory",
                                       2.9 * duration_s, 0.6, "modelled", duration_s)},
                            "modelled");
    return phase;
}

PhaseRecord measured_phase(std::string name, double begin_s, double duration_s, double cpu_w,
                           double gpu_w) {
    PhaseRecord phase;
    phase.name = std::move(name);
    phase.t_begin_s = begin_s;
    phase.duration_s = duration_s;
    phase.energy = total_of({component("cpu", "cpu0", "package", "powercap:package-0",
                                       cpu_w * duration_s, 0.002, "measured", duration_s),
                             component("dram", "cpu0", "dram", "powercap:dram-0", 11.5 * duration_s,
                                       0.003, "measured", duration_s),
                             component("gpu", "GPU-1f6c", "gpu", "nvml:GPU-1f6c",
                                       gpu_w * duration_s, 0.05, "measured", duration_s)},
                            "measured");
    return phase;
}

/// A channel whose power follows the phases of the run, `step_s` apart.
PowerSeries series(std::string channel, std::string component_name, std::string provenance,
                   const RunRecord& run, double step_s, double noise_w) {
    PowerSeries out;
    out.channel = std::move(channel);
    out.component = std::move(component_name);
    out.provenance = std::move(provenance);
    Noise noise;
    const auto count = static_cast<std::size_t>(*run.duration_s / step_s);
    for (std::size_t i = 1; i <= count; ++i) {
        const double t = static_cast<double>(i) * step_s;
        double power = 8;
        for (const PhaseRecord& phase : run.phases) {
            for (const ComponentEnergy& part : phase.energy.components) {
                if (part.source == out.channel && t > phase.t_begin_s &&
                    t <= phase.t_begin_s + phase.duration_s) {
                    power = part.power_mean->as_watts();
                }
            }
        }
        out.t_s.push_back(t);
        // Rounded, so that the figure's data do not depend on the last bits.
        out.power_w.push_back(std::round((power + noise_w * noise.next()) * 1000) / 1000);
    }
    return out;
}

RunRecord started(std::string id, std::string kind) {
    RunRecord run;
    run.run_id = std::move(id);
    run.kind = std::move(kind);
    run.status = "complete";
    run.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000);
    return run;
}

}  // namespace

Example modelled_fine_tuning() {
    RunRecord run = started("01KASY3V0G4Y9QXJ2N7R5T8W1Z", "fine-tuning");
    run.name = "imdb-demo";
    run.duration_s = 124.6;
    run.phases = {
        modelled_phase("load", 0.2, 1.4, 18),          modelled_phase("tokenize", 1.6, 3.1, 24),
        modelled_phase("warm-up", 4.7, 2.6, 41),       modelled_phase("train", 7.3, 98.2, 44),
        modelled_phase("evaluate", 105.5, 17.9, 42.5), modelled_phase("save", 123.4, 0.9, 15)};
    run.energy = total_of(
        {component("cpu", "cpu0", "package", "cpu-model:cpu0", 5338.4, 0.5, "modelled", 124.6),
         component("dram", "memory", "dram", "ram-model:memory", 361.3, 0.6, "modelled", 124.6)},
        "modelled");
    run.energy.components[0].reason = kCpuReason;
    run.energy.components[1].reason = kRamReason;
    run.carbon_reason = "the place is not known; name it, e.g. --place zip:19041 or --place DE";
    run.work = WorkTotals{2000, 63, 1, 467'212, 467'212, 512'000, 1.731e14};
    run.derived = {2849.9, 12'199.5, 4757.8, 3.04e10};
    run.scores = {{"accuracy", 0.7812}};
    run.settings = {{"batch", "32"},        {"batching", "unpadded"}, {"epochs", "1"},
                    {"lr", "5e-05"},        {"max_length", "256"},    {"model", "random:tiny.json"},
                    {"precision", "fp32"},  {"seed", "42"},           {"task", "imdb"},
                    {"train_limit", "2000"}};
    run.machine = {{"cpu", "AMD EPYC 7B13"}, {"cores", "2"}, {"memory", "8 GiB"}, {"gpu", "none"}};
    run.software = {{"finewatt", "0.1.0"}, {"compiler", "g++ 12.2.0"}, {"libtorch", "2.13.0"}};
    run.meter = {{"samples", 1246}, {"lost_samples", 0}, {"cpu_s", 0.0812}};
    run.artifacts = {"runs/imdb-demo/model.safetensors", "runs/imdb-demo/record.json",
                     "runs/imdb-demo/report.html"};
    run.exit_status = 0;
    Example example{"modelled_fine_tuning", run, {}};
    example.power = {series("cpu-model:cpu0", "cpu", "modelled", run, 0.1, 2.5),
                     series("ram-model:memory", "dram", "modelled", run, 0.1, 0)};
    return example;
}

Example measured_server_run() {
    RunRecord run = started("01KASZ8B3M2C7D1E6F9G4H5J8K", "fine-tuning");
    run.name = "mnli-bert-base-seed-7";
    constexpr double kDuration = 32'880;
    run.duration_s = kDuration;
    run.phases = {measured_phase("load", 1, 21, 61, 42),
                  measured_phase("tokenize", 22, 190, 88, 42),
                  measured_phase("train", 212, 10'500, 96, 262),
                  measured_phase("evaluate", 10'712, 240, 92, 231),
                  measured_phase("train 2", 10'952, 10'520, 95, 264),
                  measured_phase("evaluate 2", 21'472, 240, 92, 233),
                  measured_phase("train 3", 21'712, 10'900, 96, 259),
                  measured_phase("evaluate 3", 32'612, 241, 92, 232),
                  measured_phase("save", 32'853, 26, 63, 45)};
    run.phases[6].energy.energy = std::nullopt;
    run.phases[6].energy.energy_low = std::nullopt;
    run.phases[6].energy.energy_high = std::nullopt;
    run.phases[6].energy.provenance.clear();
    run.phases[6].energy.reason = "nvml:GPU-1f6c: no good reading between 25,000 s and 26,400 s";
    run.phases[6].energy.components[2].energy = std::nullopt;
    run.phases[6].energy.components[2].energy_low = std::nullopt;
    run.phases[6].energy.components[2].energy_high = std::nullopt;
    ComponentEnergy core = component("cpu", "cpu0", "core", "powercap:core-0", 2'410'000, 0.002,
                                     "measured", kDuration);
    core.counted = false;
    core.reason = "core lies inside package, which is counted";
    run.energy = total_of({component("cpu", "cpu0", "package", "powercap:package-0", 3'138'400,
                                     0.002, "measured", kDuration),
                           component("dram", "cpu0", "dram", "powercap:dram-0", 378'120, 0.003,
                                     "measured", kDuration),
                           component("gpu", "GPU-1f6c", "gpu", "nvml:GPU-1f6c", 8'449'000, 0.06,
                                     "measured", kDuration),
                           core},
                          "measured");
    run.energy.components[2].coverage = 0.957;
    run.energy.components[2].notes = {"a gap of 1,400 s was bridged by the counter"};
    run.energy.coverage = 0.957;
    CalibrationUse wall;
    wall.id = "01KAQW0000000000000000WALL";
    wall.coefficient = 1.118;
    wall.coefficient_low = 1.092;
    wall.coefficient_high = 1.144;
    wall.energy_adjusted = *run.energy.energy * wall.coefficient;
    wall.energy_adjusted_low = *run.energy.energy_low * wall.coefficient_low;
    wall.energy_adjusted_high = *run.energy.energy_high * wall.coefficient_high;
    wall.kind = "gpu";
    wall.provenance = "derived";
    run.calibration = wall;
    BaselineUse rest;
    rest.id = "01KAQW0000000000000000REST";
    rest.power = watts(92);
    rest.power_low = watts(90);
    rest.power_high = watts(96);
    rest.energy_idle = joules(92 * kDuration);
    rest.energy_idle_low = joules(90 * kDuration);
    rest.energy_idle_high = joules(96 * kDuration);
    rest.energy_net = *run.energy.energy - *rest.energy_idle;
    rest.energy_net_low = *run.energy.energy_low - *rest.energy_idle_high;
    rest.energy_net_high = *run.energy.energy_high - *rest.energy_idle_low;
    rest.provenance = "derived";
    run.baseline = rest;
    Attribution own;
    own.method = "cgroup";
    own.cpu_share = 0.82;
    own.gpu_share = 1;
    own.energy = *rest.energy_net * 0.95;
    own.energy_low = *rest.energy_net_low * 0.95;
    own.energy_high = *rest.energy_net_high * 0.95;
    own.idle_energy = rest.energy_idle;
    own.provenance = "derived";
    run.attribution = own;
    CarbonSummary carbon;
    carbon.co2_kg = 1.5771;
    carbon.co2_kg_low = 1.51;
    carbon.co2_kg_high = 1.65;
    carbon.intensity = grams_per_kwh(474.5);
    carbon.zone = "RFCW";
    carbon.edition = "eGRID2021";
    carbon.basis = "co2e";
    carbon.source = "US EPA eGRID";
    run.carbon = carbon;
    run.work = WorkTotals{1'178'106, 36'816, 3, 4.61e7, 5.87e7, 1.508e8, 2.58e18};
    run.derived = {10'156, 203'840, 1444, 2.15e11};
    run.scores = {{"accuracy", 0.8441}, {"accuracy_mm", 0.8479}};
    run.settings = {{"batch", "32"}, {"batching", "dynamic"}, {"epochs", "3"}, {"task", "mnli"}};
    run.machine = {{"cpu", "Intel Xeon Gold 6226R"}, {"gpu", "NVIDIA RTX 8000"}};
    run.software = {{"finewatt", "0.1.0"}, {"driver", "550.90"}};
    run.meter = {{"samples", 328'800}, {"lost_samples", 14'000}, {"cpu_s", 24.1}};
    run.artifacts = {"/srv/runs/01KASZ8B3M2C7D1E6F9G4H5J8K/record.json"};
    run.exit_status = 0;
    Example example{"measured_server_run", run, {}};
    example.power = {series("powercap:package-0", "cpu", "measured", run, 2, 9),
                     series("powercap:dram-0", "dram", "measured", run, 2, 0.8),
                     series("nvml:GPU-1f6c", "gpu", "measured", run, 2, 24)};
    PowerSeries& gpu = example.power[2];
    for (std::size_t i = 0; i < gpu.t_s.size(); ++i) {
        if (gpu.t_s[i] > 25'000 && gpu.t_s[i] <= 26'400) {
            gpu.power_w[i] = std::nan("");
        }
    }
    return example;
}

Example short_command() {
    RunRecord run = started("01KAT05Q7N3P8R2S6T1V4W9X0Y", "command");
    run.duration_s = 2.02;
    run.energy = total_of(
        {component("cpu", "cpu0", "package", "cpu-model:cpu0", 16.4, 0.5, "modelled", 2.02)},
        "modelled");
    run.energy.components[0].reason = kCpuReason;
    run.carbon_reason = "the place is not known; name it, e.g. --place zip:19041 or --place DE";
    run.machine = {{"cpu", "AMD EPYC 7B13"}};
    run.software = {{"finewatt", "0.1.0"}};
    run.meter = {{"samples", 20}, {"lost_samples", 0}};
    run.exit_status = 0;
    Example example{"short_command", run, {}};
    example.power = {series("cpu-model:cpu0", "cpu", "modelled", run, 0.1, 0.6)};
    return example;
}

Example run_without_samples() {
    RunRecord run = started("01KAT0A1B2C3D4E5F6G7H8J9K0", "command");
    run.status = "failed";
    run.status_reason = "the command could not be started: no such file";
    run.exit_status = 127;
    run.energy.reason = "no source could be read; see finewatt doctor";
    ComponentEnergy gpu;
    gpu.component = "gpu";
    gpu.device = "GPU-1f6c";
    gpu.domain = "gpu";
    gpu.source = "nvml:GPU-1f6c";
    gpu.reason = "permission denied; add the user to the group render";
    run.energy.components = {gpu};
    return {"run_without_samples", run, {}};
}

Example hostile_run() {
    RunRecord run = started("01KAT0F<svg onload=alert(1)>", "fine-tuning");
    const std::string hostile = "\x1b[31m</title></text><script>alert('x')</script>`id` @y & \"z\"";
    run.name = hostile;
    run.status_reason = "line one\nline two\r\x1b]0;title\a";
    run.duration_s = 10;
    run.phases = {modelled_phase(hostile, 0.5, 4, 30),
                  modelled_phase("'; set output '/tmp/pwned' #", 4.5, 5, 40)};
    run.energy = total_of({component("cpu", hostile, "package", hostile, 350, 0.5, "modelled", 10)},
                          "modelled");
    run.energy.components[0].reason = hostile;
    run.settings = {{hostile, hostile}};
    run.scores = {{hostile, 0.5}};
    run.artifacts = {"\x1b[2J/tmp/<b>"};
    Example example{"hostile_run", run, {}};
    example.power = {series(hostile, hostile, "modelled", run, 0.5, 1)};
    return example;
}

std::vector<Example> all_examples() {
    return {modelled_fine_tuning(), measured_server_run(), short_command(), run_without_samples(),
            hostile_run()};
}

std::vector<Example> repeated_runs() {
    std::vector<Example> examples;
    for (int i = 0; i < 6; ++i) {
        Example example = modelled_fine_tuning();
        RunRecord& run = example.run;
        run.run_id = "01KASY3V" + std::to_string(10 + i) + "4Y9QXJ2N7R5T8W1Z";
        run.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000 + i * 600'000'000'000);
        run.settings["seed"] = std::to_string(40 + i);
        run.scores["accuracy"] = 0.78 + 0.002 * i;
        // The last one pads its batches: more tokens, more energy, no repeat of the others.
        const double factor = i == 5 ? 1.6 : 1 + 0.01 * i;
        run.settings["batching"] = i == 5 ? "fixed" : "unpadded";
        *run.work->tokens_padded *= i == 5 ? 1.7 : 1;
        for (std::optional<Joules>* energy :
             {&run.energy.energy, &run.energy.energy_low, &run.energy.energy_high}) {
            *energy = **energy * factor;
        }
        *run.derived.j_per_1k_examples *= factor;
        examples.push_back(std::move(example));
    }
    return examples;
}

Example day_long_run(int index) {
    Example example = measured_server_run();
    RunRecord& run = example.run;
    run.run_id = "01KAT3M8Q2W5E7R9T1Y3V5" + std::to_string(1000 + index);
    run.name = "day " + std::to_string(index);
    run.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000 + index * 1'000'000'000LL);
    run.duration_s = 86'400;
    run.phases = {measured_phase("load", 0, 400, 60, 40),
                  measured_phase("train", 400, 86'000, 95 + index % 7, 240)};
    example.power = {series("powercap:package-0", "cpu", "measured", run, 0.1, 9),
                     series("powercap:dram-0", "dram", "measured", run, 0.1, 1),
                     series("nvml:GPU-1f6c", "gpu", "measured", run, 0.1, 40)};
    return example;
}

std::vector<RunRecord> runs_of(const std::vector<Example>& examples) {
    std::vector<RunRecord> runs;
    for (const Example& example : examples) {
        runs.push_back(example.run);
    }
    std::stable_sort(runs.begin(), runs.end(), [](const RunRecord& a, const RunRecord& b) {
        return a.started_at < b.started_at;
    });
    return runs;
}

}  // namespace finewatt::report_examples
