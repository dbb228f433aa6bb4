// Several files that are written together: all of them or none.
#pragma once

#include "finewatt/base/result.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace finewatt::app {

/// Files of a command's result. Nothing touches the disk before write_all.
class OutputFiles {
  public:
    void add(std::filesystem::path path, std::string bytes) {
        files_.emplace_back(std::move(path), std::move(bytes));
    }

    bool is_empty() const { return files_.empty(); }

    /// Return the paths, in the order in which they were added.
    std::vector<std::string> paths() const;

    /// Write all bytes beside their places, and only then put the files there. A folder that is
    /// missing is made, if only its last part is; after an error it is gone again. Errors: not
    /// found, permission, io.
    Status write_all() const;

  private:
    std::vector<std::pair<std::filesystem::path, std::string>> files_;
};

}  // namespace finewatt::app
