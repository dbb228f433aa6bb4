// finewatt phase: lets a shell script that runs under `finewatt measure` mark its phases.

#include "finewatt/base/clock.h"
#include "finewatt/base/file.h"
#include "finewatt/command.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>

namespace finewatt::app {
namespace {

struct PhaseOptions {
    std::string edge;
    std::string name;
};

Status write_phase_edge(const PhaseOptions& options) {
    const char* text = std::getenv("FINEWATT_EVENT_FD");
    if (text == nullptr) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "FINEWATT_EVENT_FD is not set: expected to run under `finewatt measure "
            "-- …`; start the script with it");
    }
    const int fd = std::atoi(text);
    if (::fcntl(fd, F_GETFD) < 0) {
        return error_from_errno(errno, fmt::format("event descriptor FINEWATT_EVENT_FD={}", text));
    }
    const nlohmann::ordered_json line{{"event", "phase"},
                                      {"t_mono_ns", SystemClock().mono_now().as_ns()},
                                      {"name", options.name},
                                      {"edge", options.edge}};
    return write_all(fd,
                     line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace

void register_phase(CLI::App& app, CommandContext& context) {
    auto* command =
        app.add_subcommand("phase", "Mark a phase from a script under `finewatt measure`");
    const auto options = std::make_shared<PhaseOptions>();  // shared with the callback below
    command->add_option("edge", options->edge, "begin or end")
        ->required()
        ->check(CLI::IsMember({"begin", "end"}));
    command->add_option("name", options->name, "Name of the phase")->required();
    command->footer(
        "Example, inside a script that `finewatt measure -- sh train.sh` runs:\n"
        "  finewatt phase begin download\n"
        "  …\n"
        "  finewatt phase end download");
    command->callback([options, &context] {
        const Status status = write_phase_edge(*options);
        if (!status) {
            fail(context, kBadInput, status.error());
        }
    });
}

}  // namespace finewatt::app
