#include "finewatt/base/dyn_lib.h"
#include "finewatt/base/file.h"
#include "finewatt/data/archive_internal.h"

#include <archive.h>
#include <archive_entry.h>

#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace finewatt {
namespace {

/// The functions of libarchive that we call. Its headers give the types; nothing is linked, since
/// it would bring a dozen libraries into every start of the program.
struct ArchiveApi {
    explicit ArchiveApi(DynLib library) : library_(std::move(library)) {}

    bool load() {
        const auto find = [this](auto& function, const char* name) {
            function = library_.symbol<std::remove_reference_t<decltype(function)>>(name);
            return function != nullptr;
        };
        return find(create, "archive_read_new") && find(free, "archive_read_free") &&
               find(support_tar, "archive_read_support_format_tar") &&
               find(support_gzip, "archive_read_support_filter_gzip") &&
               find(open_memory, "archive_read_open_memory") &&
               find(next_header, "archive_read_next_header") &&
               find(read_data, "archive_read_data") && find(error_string, "archive_error_string") &&
               find(entry_path, "archive_entry_pathname") &&
               find(entry_type, "archive_entry_filetype");
    }

    decltype(&::archive_read_new) create = nullptr;
    decltype(&::archive_read_free) free = nullptr;
    decltype(&::archive_read_support_format_tar) support_tar = nullptr;
    decltype(&::archive_read_support_filter_gzip) support_gzip = nullptr;
    decltype(&::archive_read_open_memory) open_memory = nullptr;
    decltype(&::archive_read_next_header) next_header = nullptr;
    decltype(&::archive_read_data) read_data = nullptr;
    decltype(&::archive_error_string) error_string = nullptr;
    decltype(&::archive_entry_pathname) entry_path = nullptr;
    decltype(&::archive_entry_filetype) entry_type = nullptr;

  private:
    DynLib library_;
};

/// Reads one archive that lies in memory, member by member.
class TarReader {
  public:
    explicit TarReader(const ArchiveApi& api) : api_(api), reader_(api.create()) {}

    TarReader(const TarReader&) = delete;
    TarReader& operator=(const TarReader&) = delete;

    ~TarReader() { api_.free(reader_); }

    Status open(std::span<const std::byte> bytes) {
        api_.support_tar(reader_);
        api_.support_gzip(reader_);
        if (api_.open_memory(reader_, bytes.data(), bytes.size()) != ARCHIVE_OK) {
            return broken();
        }
        return {};
    }

    /// Go to the next regular file; return its name, or nothing at the end.
    Result<std::optional<std::string>> next() {
        while (true) {
            archive_entry* entry = nullptr;
            const int code = api_.next_header(reader_, &entry);
            if (code == ARCHIVE_EOF) {
                return std::optional<std::string>();
            }
            if (code != ARCHIVE_OK) {
                return broken();
            }
            const char* name = api_.entry_path(entry);
            if (name != nullptr && api_.entry_type(entry) == AE_IFREG) {
                return std::optional<std::string>(name);
            }
        }
    }

    Result<std::string> content() {
        std::string text;
        while (true) {
            const la_ssize_t count = api_.read_data(reader_, block_.data(), block_.size());
            if (count < 0) {
                return broken();
            }
            if (count == 0) {
                return text;
            }
            text.append(block_.data(), static_cast<std::size_t>(count));
        }
    }

  private:
    Error broken() const {
        const char* text = api_.error_string(reader_);
        return FINEWATT_ERROR(kCorrupt, "expected a whole tar archive, found: {}",
                              text == nullptr ? "broken data" : text);
    }

    const ArchiveApi& api_;
    archive* reader_;
    std::vector<char> block_ = std::vector<char>(1 << 16);
};

}  // namespace

Status for_each_archive_file(
    const std::filesystem::path& archive,
    const std::function<void(std::string name, std::string content)>& on_file) {
    Result<DynLib> library = DynLib::open("libarchive.so.13");
    if (!library) {
        return FINEWATT_ERROR(kUnsupported,
                              "reading a tar archive needs libarchive ({}); install it (apt-get "
                              "install libarchive13), or unpack the archive and name its folder",
                              library.error().message());
    }
    ArchiveApi api(std::move(*library));
    if (!api.load()) {
        return FINEWATT_ERROR(kUnsupported,
                              "reading a tar archive needs libarchive 3; the library found lacks "
                              "its functions; unpack the archive and name its folder");
    }
    FINEWATT_ASSIGN(const MappedFile mapped, MappedFile::open(archive));
    TarReader reader(api);
    FINEWATT_TRY(reader.open(mapped.bytes()));
    while (true) {
        FINEWATT_ASSIGN(std::optional<std::string> name, reader.next());
        if (!name) {
            return {};
        }
        FINEWATT_ASSIGN(std::string content, reader.content());
        on_file(*std::move(name), std::move(content));
    }
}

}  // namespace finewatt
