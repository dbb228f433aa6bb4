#include "finewatt/base/file.h"
#include "finewatt/data/gzip_internal.h"
#include "finewatt/data/text_file_internal.h"

namespace finewatt {

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
    return content;
}

}  // namespace finewatt
