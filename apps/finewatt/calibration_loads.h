// The loads of `finewatt calibrate run`, by name.
#pragma once

#include "finewatt/study/load_generator.h"

#include <filesystem>
#include <string>
#include <vector>

namespace finewatt::app {

/// Where GPU loads keep their few files while they run, and whether there is a GPU.
struct LoadSite {
    std::string program_path;       ///< of this program, to find finewatt-train beside it
    std::filesystem::path scratch;  ///< an empty folder
    bool has_gpu = false;
};

/// The kinds, in the order in which they are driven.
const std::vector<std::string>& load_kinds();

/// Return a factory of loads. "gpu" trains a random model with finewatt-train; unsupported without
/// a GPU, not found without the engine.
LoadFactory make_loads(LoadSite site);

}  // namespace finewatt::app
