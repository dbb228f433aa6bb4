// What --model names: a folder, random weights, or a model of the hub, which is looked up in the
// cache. Both programs use it, before any model is loaded. Free of LibTorch.
#pragma once

#include "finewatt/base/result.h"

#include <string>

namespace finewatt {

/// Return the folder that `model` stands for. A path that exists and "random:…" stay as they are;
/// so does what cannot be a hub name, for the engine to refuse. A hub name such as
/// "bert-base-uncased" or "org/name@v2" becomes its snapshot folder in the Hugging Face cache;
/// nothing is downloaded. Errors: not found (says where it was looked for, and `finewatt fetch
/// NAME`), invalid argument for settings of the hub in the environment.
Result<std::string> resolve_model_name(const std::string& model);

}  // namespace finewatt
