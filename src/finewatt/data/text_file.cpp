#include "finewatt/base/file.h"
#include "finewatt/base/utf8.h"
#include "finewatt/data/gzip_internal.h"
#include "finewatt/data/text_file_internal.h"

#include <simdjson.h>

#include <algorithm>

namespace finewatt {
namespace {

std::ptrdiff_t line_at(std::string_view text, std::size_t position) {
    const std::string_view before = text.substr(0, position);
    return 1 + std::count(before.begin(), before.end(), '\n');
}

}  // namespace

Status check_text(std::string_view text) {
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
        return FINEWATT_ERROR(
            kCorrupt,
            "line {}: expected text, found a NUL byte; a UTF-16 file is converted "
            "with: iconv -f UTF-16 -t UTF-8",
            line_at(text, nul));
    }
    if (simdjson::validate_utf8(text.data(), text.size())) {
        return {};
    }
    const std::size_t position = find_invalid_utf8(text).value_or(0);
    return FINEWATT_ERROR(kCorrupt,
                          "line {}: expected UTF-8 text, found byte 0x{:02X}; convert the file, "
                          "e.g. with: iconv -f LATIN1 -t UTF-8",
                          line_at(text, position), static_cast<unsigned char>(text[position]));
}

Result<std::string> read_text_file(const std::filesystem::path& file) {
    FINEWATT_ASSIGN(std::string content, read_file(file));
    if (file.extension() == ".gz") {
        FINEWATT_ASSIGN(content, decompress_gzip(content));
    }
    if (content.starts_with("\xEF\xBB\xBF")) {
        content.erase(0, 3);
    }
    if (content.empty()) {
        return FINEWATT_ERROR(kCorrupt, "expected rows of data, found an empty file");
    }
    FINEWATT_TRY(check_text(content));
    return content;
}

}  // namespace finewatt
