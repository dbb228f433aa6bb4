// --spec files: settings of finetune as a TOML document, in and out (to_toml in engine_options.h).
#pragma once

#include "finewatt/base/result.h"

#include <string>

#include "engine_options.h"

namespace finewatt {

/// Take the settings of a TOML file that the command line does not give. Errors: not found; corrupt
/// for a text that is no TOML, a key that is no setting, or a value of another kind, naming the
/// line.
Status apply_spec(const CLI::App& app, const std::string& file, EngineOptions& options);

}  // namespace finewatt
