#include "finewatt/engine_program.h"

#include "finewatt/base/subprocess.h"

#include <chrono>
#include <filesystem>

namespace finewatt::app {

Result<std::string> find_engine(const std::string& program_path) {
    const std::filesystem::path engine =
        std::filesystem::path(program_path).parent_path() / "finewatt-train";
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(engine, ignored)) {
        return FINEWATT_ERROR(
            kNotFound,
            "engine: expected the program {}, found none; this is a build without the engine: use "
            "`make build` for the full one, or `finewatt measure -- CMD` with another trainer",
            engine.string());
    }
    return engine.string();
}

std::string engine_version(const std::string& program_path) {
    const Result<std::string> engine = find_engine(program_path);
    if (!engine) {
        return "not installed";
    }
    SubprocessOptions options;
    options.argv = {*engine, "--version"};
    options.timeout = std::chrono::seconds(20);
    const Result<SubprocessResult> result = run_subprocess(options);
    if (!result) {
        return "broken: " + result.error().describe();
    }
    if (!result->succeeded()) {
        return "broken: " + result->describe();
    }
    std::string text = result->stdout_text;
    while (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

}  // namespace finewatt::app
