// finewatt doctor: what can be measured on this machine, why not more, and what mends it.

#include "finewatt/base/dyn_lib.h"
#include "finewatt/command.h"
#include "finewatt/engine_program.h"
#include "finewatt/metered_job.h"
#include "finewatt/report/table.h"
#include "finewatt/report/text.h"
#include "finewatt/sensor/access_advice.h"
#include "finewatt/sensor/discovery.h"
#include "finewatt/store/store.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>

namespace finewatt::app {
namespace {

/// One line of the answer: a sensor source, a helper program, the engine or the store.
struct Finding {
    std::string what;
    std::string status;
    std::string why;
    std::string fix;
    std::vector<std::string> channels;
};

Finding look_at_store(const CommandContext& context) {
    Finding finding{"store", "usable", "", "", {}};
    std::string url = context.common.store_url;
    if (url.empty()) {
        const Result<std::string> found = default_store_url(::getenv);
        if (!found) {
            return {"store",
                    "broken",
                    found.error().describe(),
                    "name one with --store sqlite:PATH",
                    {}};
        }
        url = *found;
    }
    finding.why = url;
    const Result<std::unique_ptr<Store>> store = open_store(url);
    if (!store) {
        finding.status = "broken";
        finding.why = store.error().describe();
        finding.fix = "name another ledger with --store sqlite:PATH";
    }
    return finding;
}

Finding look_at_engine(const CommandContext& context) {
    const Result<std::string> engine = find_engine(context.program_path);
    if (!engine) {
        return {"engine", "absent", engine.error().describe(), "make build", {}};
    }
    const std::string version = engine_version(context.program_path);
    const bool is_broken = version.starts_with("broken");
    return {"engine",
            is_broken ? "broken" : "usable",
            version,
            is_broken ? "run " + *engine + " --version and read what it says" : "",
            {}};
}

Finding look_at_gnuplot() {
    const char* path = std::getenv("PATH");
    std::string folders = path != nullptr ? path : "";
    for (std::size_t begin = 0; begin <= folders.size();) {
        const std::size_t end = std::min(folders.find(':', begin), folders.size());
        const std::string program = folders.substr(begin, end - begin) + "/gnuplot";
        if (::access(program.c_str(), X_OK) == 0) {
            return {"gnuplot", "usable", program, "", {}};
        }
        begin = end + 1;
    }
    return {"gnuplot",
            "absent",
            "not on PATH; reports have tables but no figures",
            "apt-get install gnuplot-nox",
            {}};
}

/// A library that is opened at run time, under the names that its releases have.
struct HelperLibrary {
    std::string name;
    const char* variable;  ///< environment variable that names another file; null = none
    std::vector<std::string> sonames;
    std::string use;
    std::vector<std::string> hardware;  ///< kernel files of which one exists where it is of use
    std::string fix;
};

std::vector<HelperLibrary> helper_libraries() {
    return {
        {"libnvidia-ml",
         "FINEWATT_NVML_LIBRARY",
         {"libnvidia-ml.so.1"},
         "energy of NVIDIA GPUs",
         {"/dev/nvidiactl"},
         "it comes with the NVIDIA driver; in a container: --gpus all"},
        {"libamd_smi",
         "FINEWATT_AMDSMI_LIBRARY",
         {"libamd_smi.so", "libamd_smi.so.26", "libamd_smi.so.25", "libamd_smi.so.24"},
         "energy of AMD GPUs",
         {"/dev/kfd"},
         "install ROCm's package amd-smi-lib, or set LD_LIBRARY_PATH=/opt/rocm/lib"},
        {"librocm_smi64",
         "FINEWATT_ROCM_SMI_LIBRARY",
         {"librocm_smi64.so", "librocm_smi64.so.7", "librocm_smi64.so.6", "librocm_smi64.so.5",
          "librocm_smi64.so.1"},
         "energy of AMD GPUs with older ROCm",
         {"/dev/kfd"},
         "install ROCm's package rocm-smi-lib, or set LD_LIBRARY_PATH=/opt/rocm/lib"},
        {"libze_loader",
         "FINEWATT_LEVEL_ZERO_LIBRARY",
         {"libze_loader.so.1"},
         "energy of Intel GPUs",
         {"/sys/module/xe", "/sys/module/i915"},
         "install Intel's Level Zero loader (libze1 or level-zero)"},
        {"libcurl",
         nullptr,
         {"libcurl.so.4"},
         "meters that are asked through TLS",
         {"/proc"},
         "apt-get install libcurl4"},
    };
}

bool is_of_use(const HelperLibrary& library, const SysRoot& root) {
    return std::any_of(library.hardware.begin(), library.hardware.end(),
                       [&](const std::string& file) {
                           std::error_code ignored;
                           return std::filesystem::exists(root.path(file), ignored);
                       });
}

Finding look_at_library(const HelperLibrary& library, const SysRoot& root) {
    std::vector<std::string> names = library.sonames;
    const auto named =
        library.variable != nullptr ? read_environment(library.variable) : std::nullopt;
    if (named) {
        names.assign(1, *named);
    }
    for (const std::string& name : names) {
        if (DynLib::open(name)) {
            return {library.name, "usable", library.use + ": " + name, "", {}};
        }
    }
    const bool is_wanted = is_of_use(library, root);
    return {library.name,
            "absent",
            fmt::format("{}: no library {} can be opened{}", library.use, names.front(),
                        is_wanted ? "" : ", and this machine shows no hardware for it"),
            is_wanted ? library.fix : "",
            {}};
}

std::vector<Finding> look_at_libraries(const CommandContext& context) {
    std::vector<Finding> findings;
    for (const HelperLibrary& library : helper_libraries()) {
        findings.push_back(look_at_library(library, SysRoot(context.common.sysroot)));
    }
    return findings;
}

std::vector<Finding> look_at_sensors(const CommandContext& context,
                                     const std::vector<std::string>& wall_meters) {
    const SystemClock clock;
    DiscoveryOptions options{.clock = clock};
    options.wall_meters = wall_meters;
    if (!context.common.sysroot.empty()) {
        options.root = SysRoot(context.common.sysroot);
    }
    const Discovery discovery = discover(options);
    std::vector<Finding> findings;
    for (const SourceReport& report : discovery.reports) {
        findings.push_back({report.source, std::string(source_status_name(report.status)),
                            report.why, report.fix, report.channels});
    }
    for (const UnmeasuredComponent& missing : discovery.unmeasured) {
        findings.push_back({missing.component + " " + missing.device,
                            "unmeasured",
                            missing.reason,
                            missing.advice,
                            {}});
    }
    return findings;
}

void print_json(const std::vector<Finding>& sensors, const std::vector<Finding>& libraries,
                const std::vector<Finding>& others) {
    const auto to_object = [](const Finding& finding) {
        nlohmann::ordered_json object;
        object["name"] = finding.what;
        object["status"] = finding.status;
        object["why"] = finding.why;
        object["fix"] =
            finding.fix.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(finding.fix);
        object["channels"] = finding.channels;
        return object;
    };
    nlohmann::ordered_json document;
    document["sources"] = nlohmann::ordered_json::array();
    for (const Finding& finding : sensors) {
        document["sources"].push_back(to_object(finding));
    }
    document["libraries"] = nlohmann::ordered_json::array();
    for (const Finding& finding : libraries) {
        document["libraries"].push_back(to_object(finding));
    }
    for (const Finding& finding : others) {
        document[finding.what] = to_object(finding);
    }
    print_line(stdout, document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

/// Absent, and nothing mends it: other hardware than this machine's.
bool is_other_hardware(const Finding& finding) {
    return finding.status == "absent" && finding.fix.empty();
}

void print_findings(const std::vector<Finding>& findings, std::size_t width) {
    std::string elsewhere;
    for (const Finding& finding : findings) {
        if (is_other_hardware(finding)) {
            elsewhere += (elsewhere.empty() ? "" : ", ") + finding.what;
            continue;
        }
        print_line(stdout, fmt::format("{:<12} {}", safe_text(finding.what), finding.status));
        const auto print_wrapped = [&](const std::string& label, const std::string& text) {
            if (text.empty()) {
                return;
            }
            std::string head = fmt::format("    {:<9}", label);
            for (const std::string& line : wrap_text(safe_text(text), width - 13)) {
                print_line(stdout, head + line);
                head = std::string(13, ' ');
            }
        };
        std::string channels;
        for (const std::string& channel : finding.channels) {
            channels += (channels.empty() ? "" : ", ") + channel;
        }
        print_wrapped("channels", channels);
        print_wrapped(finding.status == "usable" ? "found" : "why", finding.why);
        print_wrapped("mend", finding.fix);
    }
    if (!elsewhere.empty()) {
        for (const std::string& line :
             wrap_text("not on this machine: " + safe_text(elsewhere), width)) {
            print_line(stdout, line);
        }
    }
}

struct DoctorFlags {
    bool write_udev_rule = false;
    std::string group = "finewatt";
    std::vector<std::string> wall_meters;
};

void write_udev_rule(CommandContext& context, const std::string& group) {
    const Result<std::string> rule = udev_rule_text(group);
    if (!rule) {
        fail(context, kWrongUsage, rule.error());
        return;
    }
    print_text(stdout, *rule);
}

void examine(const CommandContext& context, const std::vector<std::string>& wall_meters) {
    const std::vector<Finding> sensors = look_at_sensors(context, wall_meters);
    const std::vector<Finding> libraries = look_at_libraries(context);
    const std::vector<Finding> others{look_at_gnuplot(), look_at_engine(context),
                                      look_at_store(context)};
    if (context.common.json) {
        print_json(sensors, libraries, others);
        return;
    }
    const auto width = static_cast<std::size_t>(std::max(terminal_columns(), 40));
    std::vector<Finding> all = sensors;
    all.insert(all.end(), libraries.begin(), libraries.end());
    all.insert(all.end(), others.begin(), others.end());
    print_findings(all, width);
}

}  // namespace

void register_doctor(CLI::App& app, CommandContext& context) {
    auto* command = app.add_subcommand(
        "doctor",
        "What can be measured here: each source usable, denied, absent or broken, and why");
    command->footer(
        "Examples:\n"
        "  finewatt doctor --json\n"
        "  finewatt doctor --write-udev-rule | sudo tee /etc/udev/rules.d/70-finewatt.rules");
    auto flags = std::make_shared<DoctorFlags>();
    add_wall_flag(*command, flags->wall_meters);
    auto* rule = command->add_flag(
        "--write-udev-rule", flags->write_udev_rule,
        "Print a udev rule that lets a group read the energy counters, and how to install it");
    command->add_option("--group", flags->group, "The group of the udev rule")
        ->needs(rule)
        ->type_name("NAME")
        ->capture_default_str();
    // The callback shares the flags with the options, which CLI11 fills before it runs.
    command->callback([&context, flags] {
        if (flags->write_udev_rule) {
            write_udev_rule(context, flags->group);
            return;
        }
        examine(context, flags->wall_meters);
    });
}

}  // namespace finewatt::app
