// Runs for the tests of this folder, and texts that try to break out of a format. Tests only.
#pragma once

#include "finewatt/record/run.h"

#include <array>
#include <string>
#include <string_view>

namespace finewatt::exchange {

inline ComponentEnergy sample_part(std::string component, std::string domain, std::string source,
                                   double energy_j) {
    ComponentEnergy part;
    part.component = std::move(component);
    part.device = "cpu0";
    part.domain = std::move(domain);
    part.source = std::move(source);
    part.energy = joules(energy_j);
    part.energy_low = joules(energy_j * 0.98);
    part.energy_high = joules(energy_j * 1.02);
    part.provenance = "measured";
    part.coverage = 1;
    return part;
}

/// A fine-tuning of 100 s: processor 7.2 kJ, memory 0.36 kJ, GPU 28.44 kJ: 36 kJ = 0.01 kWh; with a
/// PUE of 1.1 and 474.5 g/kWh 5.2195 g. Two phases, of 20 s and 80 s.
inline RunRecord sample_run() {
    RunRecord run;
    run.run_id = "01KASZ8B3M2C7D1E6F9G4H5J8K";
    run.name = "rte-demo";
    run.kind = "fine-tuning";
    run.status = "complete";
    run.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000);  // 2026-11-23T04:28:00Z
    run.duration_s = 100;
    run.energy.energy = joules(36'000);
    run.energy.energy_low = joules(35'280);
    run.energy.energy_high = joules(36'720);
    run.energy.provenance = "measured";
    run.energy.coverage = 1;
    run.energy.domains = {"package", "dram", "gpu"};
    run.energy.components = {sample_part("cpu", "package", "powercap:package-0", 7200),
                             sample_part("dram", "dram", "powercap:dram-0", 360),
                             sample_part("gpu", "gpu", "nvml:GPU-1f6c", 28'440)};
    ComponentEnergy core = sample_part("cpu", "core", "powercap:core-0", 5000);
    core.counted = false;
    core.reason = "core lies inside package, which is counted";
    run.energy.components.push_back(core);
    CarbonSummary carbon;
    carbon.co2_kg = 0.0052195;
    carbon.co2_kg_low = 0.00511511;
    carbon.co2_kg_high = 0.00532389;
    carbon.intensity = grams_per_kwh(474.5);
    carbon.zone = "RFCW";
    carbon.edition = "eGRID2021";
    carbon.basis = "co2";
    carbon.source = "US EPA eGRID2021";
    carbon.pue = 1.1;
    carbon.embodied_kg = 0.002;
    carbon.sci = 7.2195;
    carbon.sci_per = "run";
    run.carbon = carbon;
    for (const double begin_s : {0.0, 20.0}) {
        PhaseRecord phase;
        phase.name = begin_s == 0 ? "load" : "train";
        phase.t_begin_s = begin_s;
        phase.duration_s = begin_s == 0 ? 20 : 80;
        phase.energy = run.energy;
        const double share = phase.duration_s / 100;
        phase.energy.energy = *run.energy.energy * share;
        for (ComponentEnergy& part : phase.energy.components) {
            part.energy = *part.energy * share;
        }
        run.phases.push_back(phase);
    }
    run.work = WorkTotals{7470, 234, 3, 5.2e5, 6.1e5, 9.5e5, 2.5e14};
    run.scores = {{"accuracy", 0.6643}};
    run.settings = {{"task", std::string("rte")},
                    {"model", std::string("bert-base-uncased")},
                    {"epochs", 3.0},
                    {"precision", std::string("fp32")}};
    run.machine = {{"cpu_model", std::string("Intel(R) Xeon(R) Gold 6226R CPU @ 2.90GHz")},
                   {"cpu_vendor", std::string("GenuineIntel")},
                   {"cpu_sockets", std::int64_t{2}},
                   {"logical_cpus", std::int64_t{64}},
                   {"memory_bytes", std::int64_t{206'158'430'208}},  // 192 GiB
                   {"kernel", std::string("6.1.0-28-amd64")},
                   {"hostname", std::string("secret-host")},
                   {"gpu_0_name", std::string("NVIDIA A40")},
                   {"gpu_1_name", std::string("NVIDIA A40")}};
    run.software = {{"finewatt", std::string("0.1.0")}, {"libtorch", std::string("2.13.0")}};
    return run;
}

/// A command whose energy and place are unknown.
inline RunRecord unknown_run() {
    RunRecord run;
    run.run_id = "01KAT0A1B2C3D4E5F6G7H8J9K0";
    run.status = "complete";
    run.started_at = WallTime::from_unix_ns(1'795'408'080'000'000'000);
    run.duration_s = 2;
    run.energy.reason = "no source could be read";
    run.carbon_reason = "the place is not known";
    return run;
}

/// Texts that try to break out of CSV, YAML, JSON, Markdown, LaTeX, Prometheus, HTML, SQL and a
/// terminal.
inline constexpr std::array<std::string_view, 20> kHostileTexts{
    "a,b;c",
    "say \"hi\"",
    "two\nlines",
    "carriage\r\nreturn\ttab",
    "\x1b[31mred\x1b]0;title\a",
    "| cell | `code` | **bold** [x](http://example.org)",
    "\\end{tabular} \\input{/etc/passwd} & % $ # _ { } ~ ^",
    "{run_id=\"x\"} 1\n# TYPE forged counter",
    "key: value # comment",
    "- list\n---\nother: 1",
    "'; DROP TABLE runs; --",
    "<script>alert('x')</script>",
    "=cmd|'/C calc'!A0",
    "not UTF-8: \xff\xfe",
    "right\xe2\x80\xaeto left",
    "\xef\xbb\xbf byte order mark",
    " spaces ",
    "",
    "null",
    "back\\slash\\n",
};

/// The sample with one text in every place where a user or another program may put one.
inline RunRecord hostile_run(std::string_view text) {
    RunRecord run = sample_run();
    const std::string value(text);
    run.name = value;
    run.kind = value.empty() ? "command" : value;
    run.status = value;
    run.energy.provenance = value;
    run.energy.domains = {value, value};
    for (ComponentEnergy& part : run.energy.components) {
        part.device = value;
        part.provenance = value;
    }
    run.carbon->zone = value;
    run.carbon->edition = value;
    run.carbon->basis = value;
    run.carbon->source = value;
    for (PhaseRecord& phase : run.phases) {
        phase.name = value;
    }
    for (SettingMap* map : {&run.settings, &run.software}) {
        for (auto& entry : *map) {
            entry.second = value;
        }
    }
    for (const char* key : {"cpu_model", "cpu_vendor", "kernel", "gpu_0_name"}) {
        run.machine[key] = value;
    }
    run.tags = {value};
    return run;
}

}  // namespace finewatt::exchange
