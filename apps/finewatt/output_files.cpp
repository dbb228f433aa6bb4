#include "finewatt/output_files.h"

#include "finewatt/base/pending_file.h"

#include <system_error>

#include <cerrno>

namespace finewatt::app {
namespace {

namespace fs = std::filesystem;

/// Folders that were made for files that are not there yet; removed again unless kept.
class NewFolders {
  public:
    NewFolders() = default;
    NewFolders(const NewFolders&) = delete;
    NewFolders& operator=(const NewFolders&) = delete;

    ~NewFolders() {
        for (const fs::path& folder : made_) {
            std::error_code ignored;
            fs::remove(folder, ignored);  // fails on a folder that somebody filled
        }
    }

    Status make(const fs::path& folder) {
        std::error_code error;
        if (folder.empty() || fs::is_directory(folder, error)) {
            return {};
        }
        if (fs::create_directory(folder, error)) {
            made_.push_back(folder);
        }
        return error ? Status(error_from_errno(error.value(), "make the folder " + folder.string()))
                     : Status();
    }

    void keep() { made_.clear(); }

  private:
    std::vector<fs::path> made_;
};

/// "report/" and "report" name the same folder.
fs::path folder_of(const fs::path& file) {
    const fs::path folder = file.parent_path();
    return folder.has_filename() ? folder : folder.parent_path();
}

}  // namespace

std::vector<std::string> OutputFiles::paths() const {
    std::vector<std::string> paths;
    for (const auto& file : files_) {
        paths.push_back(file.first.string());
    }
    return paths;
}

Status OutputFiles::write_all() const {
    NewFolders folders;
    std::vector<PendingFile> pending;
    for (const auto& file : files_) {
        std::error_code ignored;
        if (fs::is_directory(file.first, ignored)) {
            return FINEWATT_ERROR(kInvalidArgument,
                                  "{}: expected a file or nothing, found a folder; remove it or "
                                  "choose another --out",
                                  file.first.string());
        }
        FINEWATT_TRY(folders.make(folder_of(file.first)));
        FINEWATT_ASSIGN(PendingFile whole, PendingFile::create(file.first));
        FINEWATT_TRY(whole.write(file.second));
        pending.push_back(std::move(whole));
    }
    for (PendingFile& file : pending) {
        FINEWATT_TRY(file.commit());
        folders.keep();
    }
    return {};
}

}  // namespace finewatt::app
