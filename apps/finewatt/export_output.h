// Where an export goes: a file that takes its place when it is whole, or standard output, which
// sees nothing before all is there.
#pragma once

#include "finewatt/base/pending_file.h"
#include "finewatt/base/result.h"

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace finewatt::app {

/// An output that is written piece by piece. Without finish() nothing appears anywhere.
class ExportOutput {
  public:
    /// Begin a file, or for "" and "-" standard output. Errors: not found, permission, io.
    static Result<ExportOutput> open(const std::string& path);

    Status write(std::string_view text);

    /// Put the file in its place, or print it.
    Status finish();

  private:
    struct CloseFile {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };

    ExportOutput() = default;

    std::optional<PendingFile> file_;
    std::unique_ptr<std::FILE, CloseFile> spool_;  ///< what standard output will get
};

}  // namespace finewatt::app
