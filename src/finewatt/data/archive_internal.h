// Files in a tar archive, plain or compressed, through libarchive. Nothing is unpacked to disk.
#pragma once

#include "finewatt/base/result.h"

#include <filesystem>
#include <functional>
#include <string>

namespace finewatt {

/// Call `on_file(name, content)` for each regular file, in the archive's order. Errors: not found
/// and the like; corrupt for what is no whole tar. They do not name the archive.
Status for_each_archive_file(
    const std::filesystem::path& archive,
    const std::function<void(std::string name, std::string content)>& on_file);

}  // namespace finewatt
