#include "finewatt/export_output.h"

#include "finewatt/command.h"

#include <array>
#include <cerrno>
#include <utility>

namespace finewatt::app {

Result<ExportOutput> ExportOutput::open(const std::string& path) {
    ExportOutput output;
    if (!path.empty() && path != "-") {
        FINEWATT_ASSIGN(PendingFile file, PendingFile::create(path));
        output.file_.emplace(std::move(file));
        return output;
    }
    output.spool_.reset(std::tmpfile());
    if (!output.spool_) {
        return error_from_errno(errno, "make a temporary file for the export");
    }
    return output;
}

Status ExportOutput::write(std::string_view text) {
    if (file_) {
        return file_->write(text);
    }
    if (std::fwrite(text.data(), 1, text.size(), spool_.get()) != text.size()) {
        return error_from_errno(errno, "write a temporary file for the export");
    }
    return {};
}

Status ExportOutput::finish() {
    if (file_) {
        return file_->commit();
    }
    if (std::fflush(spool_.get()) != 0) {
        return error_from_errno(errno, "write a temporary file for the export");
    }
    std::rewind(spool_.get());
    std::array<char, 1 << 16> piece{};
    while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), spool_.get())) {
        print_text(stdout, {piece.data(), count});
    }
    if (std::ferror(spool_.get()) != 0) {
        return error_from_errno(errno, "read a temporary file for the export");
    }
    return {};
}

}  // namespace finewatt::app
