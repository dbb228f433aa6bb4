// TempTree: a temporary folder that tests fill with files, such as a fake kernel tree; it is
// removed with the object.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace finewatt::testing {

/// Owns one temporary folder. Not thread-safe.
class TempTree {
  public:
    TempTree();
    TempTree(const TempTree&) = delete;
    TempTree& operator=(const TempTree&) = delete;
    ~TempTree();

    const std::filesystem::path& path() const { return path_; }

    /// Write a file below the folder, making the folders on its way. A leading '/' of `relative`
    /// is ignored, so kernel paths can be given as they are. Returns the file's path.
    std::filesystem::path write(const std::string& relative, std::string_view content) const;

  private:
    std::filesystem::path path_;
};

}  // namespace finewatt::testing
