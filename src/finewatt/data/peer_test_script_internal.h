// How tests run a Python script of the repository with the packages of the virtual environment
// (FINEWATT_VENV, default build/venv). Tests only.
#pragma once

#include "finewatt/base/file.h"
#include "finewatt/testing/places.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace finewatt::peer {

/// Whether the environment's Python can import `module`.
inline bool has_module(const std::string& module) {
    return std::filesystem::exists(testing::venv_python()) &&
           std::system(fmt::format("'{}' -c 'import {}' 2>/dev/null",
                                   testing::venv_python().string(), module)
                           .c_str()) == 0;
}

#define FINEWATT_SKIP_WITHOUT_MODULE(module)                        \
    if (!::finewatt::peer::has_module(module)) {                    \
        GTEST_SKIP() << "no Python environment with " << (module)   \
                     << ": run scripts/setup or set FINEWATT_VENV"; \
    }

/// Run a script of tests/parity/peer; true when it ended well. Without network.
inline bool run(const std::string& script, const std::vector<std::filesystem::path>& arguments) {
    std::string command =
        fmt::format("HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1 '{}' '{}/tests/parity/peer/{}'",
                    testing::venv_python().string(), testing::source_dir(), script);
    for (const std::filesystem::path& argument : arguments) {
        command += fmt::format(" '{}'", argument.string());
    }
    return std::system(command.c_str()) == 0;
}

/// Return a JSON file's content; discarded (is_discarded()) when it is none.
inline nlohmann::json read_json(const std::filesystem::path& file) {
    const Result<std::string> text = read_file(file);
    return nlohmann::json::parse(text ? *text : std::string(), nullptr, false);
}

}  // namespace finewatt::peer
