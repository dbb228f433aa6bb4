// finewatt doctor: what can be measured on this machine, why not more, and what mends it.

#include "finewatt/command.h"
#include "finewatt/engine_program.h"
#include "finewatt/metered_job.h"
#include "finewatt/report/table.h"
#include "finewatt/report/text.h"
#include "finewatt/sensor/discovery.h"
#include "finewatt/store/store.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
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

void print_json(const std::vector<Finding>& sensors, const std::vector<Finding>& others) {
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
    for (const Finding& finding : others) {
        document[finding.what] = to_object(finding);
    }
    print_line(stdout, document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void print_text(const std::vector<Finding>& findings, std::size_t width) {
    for (const Finding& finding : findings) {
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
}

}  // namespace

void register_doctor(CLI::App& app, CommandContext& context) {
    auto* command = app.add_subcommand(
        "doctor",
        "What can be measured here: each source usable, denied, absent or broken, and why");
    const auto wall_meters = std::make_shared<std::vector<std::string>>();  // shared with callback
    add_wall_flag(*command, *wall_meters);
    command->footer("Example: finewatt doctor --json");
    command->callback([&context, wall_meters] {
        const std::vector<Finding> sensors = look_at_sensors(context, *wall_meters);
        const std::vector<Finding> others{look_at_gnuplot(), look_at_engine(context),
                                          look_at_store(context)};
        if (context.common.json) {
            print_json(sensors, others);
            return;
        }
        const auto width = static_cast<std::size_t>(std::max(terminal_columns(), 40));
        print_text(sensors, width);
        print_text(others, width);
    });
}

}  // namespace finewatt::app
