// finewatt-train: one engine job, fine-tuning or inference. It reports its phases and work on the
// descriptor that FINEWATT_EVENT_FD names, and runs the same way without. It measures nothing.
#include "finewatt/base/log.h"
#include "finewatt/engine/runtime.h"
#include "finewatt/engine/stop_signal.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <limits>
#include <malloc.h>
#include <string>

#include "commands.h"

namespace finewatt {

int report_error(const Error& error) {
    log_error(error.describe());
    switch (error.code()) {
        case ErrorCode::kIo:
        case ErrorCode::kBusy:
        case ErrorCode::kCancelled:
            return kExitJobFailed;
        case ErrorCode::kInternal:
            log_error(
                fmt::format("this is a bug in finewatt ({}); please report it", error.location()));
            return kExitBug;
        default:
            return kExitBadInput;
    }
}

int report_usage_error(const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) {
        return report_error(error);
    }
    log_error(error.describe());
    return kExitUsage;
}

void print_preparation(const Preparation& preparation) {
    fmt::print("prepared   {:.2f} s to load, {:.2f} s for features ({})\n", preparation.load_s,
               preparation.tokenize_s, features_source(preparation));
}

Result<ComputeDevice> start_engine(EventWriter& events, const EngineJob& job,
                                   std::int64_t threads) {
    FINEWATT_ASSIGN(ComputeDevice device, choose_device(job.device));
    const int used = start_runtime(threads);
    events.engine({{"job", std::string(job.name)},
                   {"model", std::string(job.model)},
                   {"device", device.description},
                   {"threads", std::to_string(used)},
                   {"batching", std::string(job.batching)},
                   {"torch_version", torch_version()},
                   {"finewatt_version", FINEWATT_VERSION}});
    return device;
}

namespace {

/// Activations come and go by the megabyte, in every step. By default glibc gives such blocks back
/// to the kernel at once and faults them in again, which costs several percent of the time.
void keep_freed_memory() {
    ::mallopt(M_MMAP_MAX, 0);
    ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

std::string version_text() {
    return fmt::format("finewatt-train {}\ncompiler {}\nLibTorch {}\ndevices {}", FINEWATT_VERSION,
#if defined(__clang__)
                       __VERSION__,
#else
                       "g++ " __VERSION__,
#endif
                       torch_version(), built_devices());
}

int run(int argc, char** argv) {
    CLI::App app(
        "Train and run language models; finewatt starts this program and measures it.\n"
        "Exit status: 0 done, 2 wrong usage, 4 bad input, 5 the job failed, 70 a bug;\n"
        "130 or 143 after SIGINT or SIGTERM: the step was finished and the model saved.");
    // An option given twice counts as given last, as people know it from other tools.
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    app.name("finewatt-train");
    app.set_version_flag("--version", version_text());
    app.require_subcommand(1);
    bool is_verbose = false;
    app.add_flag("-v,--verbose", is_verbose, "Say more on standard error");
    std::optional<Command> command;
    add_finetune_command(app, command);
    add_infer_command(app, command);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return app.exit(e) == 0 ? 0 : kExitUsage;
    }
    if (is_verbose) {
        set_log_level(LogLevel::kInfo);
    }
    install_stop_signals();
    keep_freed_memory();
    const SystemClock clock;
    auto events = EventWriter::from_environment(clock);
    if (!events) {
        return report_usage_error(events.error());
    }
    return (*command)(*events, clock);
}

}  // namespace
}  // namespace finewatt

int main(int argc, char** argv) {
    try {
        return finewatt::run(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "finewatt-train: unexpected failure: %s; please report it\n",
                     e.what());
        return finewatt::kExitBug;
    }
}
