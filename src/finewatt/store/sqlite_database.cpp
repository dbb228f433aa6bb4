#include "finewatt/store/sqlite_database_internal.h"

#include <sqlite3.h>

#include <limits>
#include <utility>

namespace finewatt::sqlite {

void CloseDatabase::operator()(sqlite3* database) const {
    sqlite3_close_v2(database);
}

void FinalizeStatement::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

// ---- Statement

int Statement::bind_one(int parameter, const SqlValue& value) {
    sqlite3_stmt* const statement = statement_.get();
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
        return sqlite3_bind_int64(statement, parameter, *integer);
    }
    if (const auto* number = std::get_if<double>(&value)) {
        return sqlite3_bind_double(statement, parameter, *number);
    }
    // A null pointer would bind NULL; an empty text is not NULL.
    if (const auto* text = std::get_if<std::string_view>(&value)) {
        return sqlite3_bind_text64(statement, parameter, text->empty() ? "" : text->data(),
                                   text->size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    if (const auto* blob = std::get_if<SqlBytes>(&value)) {
        return sqlite3_bind_blob64(statement, parameter,
                                   blob->bytes.empty() ? "" : blob->bytes.data(),
                                   blob->bytes.size(), SQLITE_STATIC);
    }
    return sqlite3_bind_null(statement, parameter);
}

Status Statement::bind(std::span<const SqlValue> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        // SQLite counts parameters by their first place in the text, so they are found by name.
        const std::string name = fmt::format("${}", i + 1);
        const int parameter = sqlite3_bind_parameter_index(statement_.get(), name.c_str());
        const int code = bind_one(parameter, values[i]);
        if (code != SQLITE_OK) {
            return database_->error(code);
        }
    }
    return {};
}

Result<bool> Statement::step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code == SQLITE_DONE) {
        return false;
    }
    return database_->error(code);
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::string_view Statement::text(int column) const {
    // As a blob, so that texts and blobs with zero bytes are read whole.
    const void* data = sqlite3_column_blob(statement_.get(), column);
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return data == nullptr
               ? std::string_view()
               : std::string_view(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

double Statement::number(int column) const {
    return sqlite3_column_double(statement_.get(), column);
}

// ---- Database

Result<std::unique_ptr<Database>> Database::open(const std::filesystem::path& path,
                                                 std::chrono::milliseconds busy_timeout) {
    std::unique_ptr<Database> database(new Database(path, busy_timeout));
    sqlite3* handle = nullptr;
    const int code =
        sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    database->handle_.reset(handle);  // also set when opening fails
    if (code != SQLITE_OK) {
        return database->error(code);
    }
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, static_cast<int>(busy_timeout.count()));
    return database;
}

Status Database::execute(const char* sql) {
    const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) {
        return error(code);
    }
    return {};
}

Result<Statement> Database::prepare(std::string_view sql) const {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                        &statement, nullptr);
    if (code != SQLITE_OK) {
        return error(code);
    }
    return Statement(*this, statement);
}

Result<std::int64_t> Database::query_integer(std::string_view sql) const {
    FINEWATT_ASSIGN(Statement statement, prepare(sql));
    FINEWATT_ASSIGN(const bool has_row, statement.step());
    if (!has_row) {
        return FINEWATT_ERROR(kInternal, "ledger {}: '{}' gave no row", path_.string(), sql);
    }
    return statement.integer(0);
}

int Database::changes() const {
    return sqlite3_changes(handle_.get());
}

Error Database::error(int code) const {
    const std::string file = path_.string();
    // Without a handle (out of memory) only the code says what happened.
    const char* detail = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code);
    switch (code & 0xFF) {  // the primary code of an extended one
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return FINEWATT_ERROR(kBusy,
                                  "ledger {}: expected to get the write lock within {} ms, but "
                                  "another process holds it; try again when it is done",
                                  file, busy_timeout_.count());
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            return FINEWATT_ERROR(kPermission,
                                  "ledger {}: expected a file and folder that may be written, "
                                  "found: {}; change their rights or name another with --store "
                                  "sqlite:PATH",
                                  file, detail);
        case SQLITE_CANTOPEN:
            return FINEWATT_ERROR(kPermission,
                                  "ledger {}: expected a file that can be opened or made here, "
                                  "found: {}; check the rights of the file and its folder, or name "
                                  "another with --store sqlite:PATH",
                                  file, detail);
        case SQLITE_NOTADB:
        case SQLITE_CORRUPT:
            return FINEWATT_ERROR(kCorrupt,
                                  "ledger {}: expected a SQLite database, found: {}; name another "
                                  "with --store sqlite:PATH, or restore this one from a copy",
                                  file, detail);
        case SQLITE_FULL:
            return FINEWATT_ERROR(kIo,
                                  "ledger {}: the disk is full, nothing was stored; free space or "
                                  "name another place with --store sqlite:PATH",
                                  file);
        case SQLITE_CONSTRAINT:
        case SQLITE_TOOBIG:
            return FINEWATT_ERROR(kInvalidArgument, "ledger {}: the run does not fit: {}", file,
                                  detail);
        case SQLITE_IOERR:
            return FINEWATT_ERROR(kIo, "ledger {}: {} (code {}); check the disk", file, detail,
                                  code);
        default:
            return FINEWATT_ERROR(kInternal, "ledger {}: {} (SQLite code {})", file, detail, code);
    }
}

// ---- Transaction

Result<Transaction> Transaction::begin_write(Database& database) {
    FINEWATT_TRY(database.execute("BEGIN IMMEDIATE"));
    return Transaction(database);
}

Transaction::~Transaction() {
    if (database_ != nullptr) {
        // Fails only where SQLite has rolled back already (disk full, broken disk).
        static_cast<void>(database_->execute("ROLLBACK"));
    }
}

Status Transaction::commit() {
    FINEWATT_TRY(database_->execute("COMMIT"));
    database_ = nullptr;
    return {};
}

}  // namespace finewatt::sqlite
