#include "finewatt/store/postgres_connection_internal.h"
#include "finewatt/store/postgres_url_internal.h"

#include <array>
#include <bit>
#include <charconv>
#include <deque>

namespace finewatt {
namespace {

// Types and formats of parameters (libpq documentation, PQexecParams; pg_type.dat).
constexpr Oid kAnyType = 0;  // the server sees it from the statement
constexpr Oid kByteaType = 17;
constexpr int kTextFormat = 0;
constexpr int kBinaryFormat = 1;
constexpr int kOldestServer = 100000;  // 10.0

void drop_notice(void*, const char*) {}

/// Parameters in the form that libpq takes. Views stay views.
class Parameters {
  public:
    explicit Parameters(std::span<const SqlValue> values) {
        for (const SqlValue& value : values) {
            add(value);
        }
    }

    int count() const { return static_cast<int>(types_.size()); }

    const Oid* types() const { return types_.data(); }

    const char* const* values() const { return values_.data(); }

    const int* lengths() const { return lengths_.data(); }

    const int* formats() const { return formats_.data(); }

  private:
    void add(const SqlValue& value) {
        if (const auto* text = std::get_if<std::string_view>(&value)) {
            append(*text, kAnyType, kBinaryFormat);  // a text's binary form is its bytes
        } else if (const auto* blob = std::get_if<SqlBytes>(&value)) {
            append(blob->bytes, kByteaType, kBinaryFormat);
        } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
            append(numbers_.emplace_back(fmt::format("{}", *integer)), kAnyType, kTextFormat);
        } else if (const auto* number = std::get_if<double>(&value)) {
            append(numbers_.emplace_back(fmt::format("{}", *number)), kAnyType, kTextFormat);
        } else {
            append_pointer(nullptr, 0, kAnyType, kTextFormat);
        }
    }

    void append(std::string_view bytes, Oid type, int format) {
        append_pointer(bytes.empty() ? "" : bytes.data(), bytes.size(), type, format);
    }

    void append_pointer(const char* data, std::size_t size, Oid type, int format) {
        types_.push_back(type);
        values_.push_back(data);
        lengths_.push_back(static_cast<int>(size));
        formats_.push_back(format);
    }

    std::deque<std::string> numbers_;  ///< never moves
    std::vector<Oid> types_;
    std::vector<const char*> values_;
    std::vector<int> lengths_;
    std::vector<int> formats_;
};

/// A row of a result in binary form: numbers are big-endian.
class PostgresRow : public SqlRow {
  public:
    PostgresRow(const LibPq& api, const PGresult* result, int row)
        : api_(api),
          result_(result),
          row_(row) {}

    bool is_null(int column) const override { return api_.is_null(result_, row_, column) != 0; }

    std::string_view text(int column) const override {
        return {api_.value(result_, row_, column),
                static_cast<std::size_t>(api_.length(result_, row_, column))};
    }

    std::int64_t integer(int column) const override {
        const std::string_view bytes = text(column);
        const std::uint64_t bits = big_endian(bytes);
        return bytes.size() == sizeof(std::int32_t)
                   ? static_cast<std::int32_t>(static_cast<std::uint32_t>(bits))
                   : static_cast<std::int64_t>(bits);
    }

    double number(int column) const override {
        return std::bit_cast<double>(big_endian(text(column)));
    }

  private:
    static std::uint64_t big_endian(std::string_view bytes) {
        std::uint64_t bits = 0;
        for (const char byte : bytes) {
            bits = (bits << 8U) | static_cast<std::uint8_t>(byte);
        }
        return bits;
    }

    const LibPq& api_;
    const PGresult* result_;
    int row_;
};

/// The code that says what a failed statement means (PostgreSQL documentation, appendix A).
ErrorCode code_of(std::string_view state) {
    struct Meaning {
        std::string_view beginning;
        ErrorCode code;
    };

    constexpr std::array<Meaning, 15> kMeanings{{
        {"40", ErrorCode::kBusy},             // conflict with another transaction
        {"55P03", ErrorCode::kBusy},          // lock_timeout
        {"57014", ErrorCode::kBusy},          // cancelled, e.g. by a statement_timeout
        {"53300", ErrorCode::kBusy},          // too many connections
        {"53", ErrorCode::kIo},               // disk full, out of memory
        {"57P", ErrorCode::kIo},              // the server shuts down
        {"08", ErrorCode::kIo},               // connection
        {"58", ErrorCode::kIo},               // system error
        {"25006", ErrorCode::kPermission},    // read-only
        {"28", ErrorCode::kPermission},       // who are you
        {"42501", ErrorCode::kPermission},    // insufficient privilege
        {"22", ErrorCode::kInvalidArgument},  // a value that does not fit
        {"23", ErrorCode::kInvalidArgument},  // a constraint
        {"54", ErrorCode::kInvalidArgument},  // too large
        {"42", ErrorCode::kCorrupt},          // a table or column of ours is gone
    }};
    for (const Meaning& meaning : kMeanings) {
        if (state.starts_with(meaning.beginning)) {
            return meaning.code;
        }
    }
    return state.starts_with("XX") ? ErrorCode::kCorrupt : ErrorCode::kInternal;
}

std::string_view advice_for(ErrorCode code) {
    switch (code) {
        case ErrorCode::kBusy:
            return "another connection holds the ledger; try again when it is done";
        case ErrorCode::kPermission:
            return "ask the database's owner for rights on the schema finewatt, or name another "
                   "ledger with --store";
        case ErrorCode::kIo:
            return "nothing was stored; try again when the server is well";
        case ErrorCode::kInvalidArgument:
            return "the run does not fit";
        case ErrorCode::kCorrupt:
            return "the tables are not those of a finewatt ledger; restore them from a copy, or "
                   "name another ledger with --store";
        default:
            return "nothing was stored";
    }
}

}  // namespace

// ---- Connecting

Result<std::unique_ptr<PostgresConnection>> PostgresConnection::open(
    std::string_view url, const PostgresOptions& options) {
    FINEWATT_TRY(check_postgres_url(url));
    FINEWATT_ASSIGN(std::unique_ptr<LibPq> api, LibPq::open(options.library));
    std::unique_ptr<PostgresConnection> connection(new PostgresConnection(std::move(api), options));
    FINEWATT_TRY(connection->connect(std::string(url)));
    FINEWATT_TRY(connection->check_server());
    return connection;
}

Status PostgresConnection::connect(const std::string& url) {
    char* why = nullptr;
    PQconninfoOption* const parsed = api_->parse(url.c_str(), &why);
    api_->free_memory(why);  // may hold the password
    if (parsed == nullptr) {
        return FINEWATT_ERROR(
            kInvalidArgument,
            "store: expected postgresql://USER@HOST:PORT/DATABASE?NAME=VALUE with "
            "parameters that libpq knows, found others (the URL is not shown, "
            "since it may hold a password)");
    }
    for (const PQconninfoOption* option = parsed; option->keyword != nullptr; ++option) {
        if (std::string_view(option->keyword) == "password" && option->val != nullptr) {
            password_ = option->val;
        }
    }
    api_->free_parsed(parsed);

    const std::string connect_timeout_s = fmt::format("{}", options_.connect_timeout.count());
    // What stands after the URL ("dbname") overrides it; what stands before is a default.
    constexpr std::array<const char*, 7> kNames{"fallback_application_name",
                                                "connect_timeout",
                                                "keepalives_idle",
                                                "tcp_user_timeout",
                                                "dbname",
                                                "client_encoding",
                                                nullptr};
    const std::array<const char*, 7> values{
        "finewatt", connect_timeout_s.c_str(), "30", "60000", url.c_str(), "UTF8", nullptr};
    constexpr int kReadUrl = 1;
    connection_.reset(api_->connect(kNames.data(), values.data(), kReadUrl));
    if (connection_ == nullptr) {
        return FINEWATT_ERROR(kInternal, "store: libpq has no memory");
    }
    const auto text = [](const char* part) { return std::string(part == nullptr ? "" : part); };
    const std::string host = text(api_->host(connection_.get()));
    const std::string port = text(api_->port(connection_.get()));
    place_ = one_line(
        fmt::format("postgresql://{}:{}/{}", host, port, text(api_->database(connection_.get()))));
    if (!is_connected()) {
        return cannot_connect();
    }
    api_->set_notice_processor(connection_.get(), drop_notice, nullptr);
    return {};
}

Status PostgresConnection::check_server() const {
    const int version = api_->server_version(connection_.get());
    if (version < kOldestServer) {
        return FINEWATT_ERROR(kUnsupported,
                              "ledger {}: expected PostgreSQL 10 or later, found version number "
                              "{}; name another ledger with --store",
                              place_, version);
    }
    const char* encoding = api_->parameter_status(connection_.get(), "server_encoding");
    if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
        return FINEWATT_ERROR(kUnsupported,
                              "ledger {}: expected a database with the encoding UTF8, found {}; "
                              "make one with: createdb --encoding UTF8 --template template0 NAME",
                              place_, encoding == nullptr ? "none" : encoding);
    }
    return {};
}

bool PostgresConnection::is_connected() const {
    return !is_broken_ && api_->status(connection_.get()) == CONNECTION_OK;
}

Error PostgresConnection::cannot_connect() const {
    const bool needs_password = api_->needs_password(connection_.get()) != 0;
    return Error(
        needs_password ? ErrorCode::kPermission : ErrorCode::kIo,
        fmt::format("ledger {}: expected a server that answers, found: {}; check the URL, the "
                    "server and its pg_hba.conf{}",
                    place_, message_of(nullptr),
                    needs_password ? "; a password may stand in ~/.pgpass or PGPASSWORD" : ""));
}

// ---- Transactions

Status PostgresConnection::begin(SqlAccess access) {
    if (is_connected()) {
        Status begun = try_begin(access);
        if (begun || is_connected()) {
            return begun;
        }
    }
    // The server was away since the last call. Nothing has been asked of it yet.
    api_->reset(connection_.get());
    is_broken_ = false;
    return is_connected() ? try_begin(access) : Status(cannot_connect());
}

Status PostgresConnection::try_begin(SqlAccess access) {
    return run_script(fmt::format(
        "BEGIN ISOLATION LEVEL {}; SET LOCAL search_path = finewatt; SET LOCAL lock_timeout = {}",
        access == SqlAccess::kWrite ? "READ COMMITTED" : "REPEATABLE READ READ ONLY",
        options_.busy_timeout.count()));
}

Status PostgresConnection::commit() {
    return run_script("COMMIT");
}

void PostgresConnection::rollback() {
    if (is_connected() && api_->transaction_status(connection_.get()) != PQTRANS_IDLE) {
        const PgResult result(api_->exec(connection_.get(), "ROLLBACK"), Clear{api_.get()});
    }
}

Status PostgresConnection::run_script(const std::string& sql) {
    const PgResult result(api_->exec(connection_.get(), sql.c_str()), Clear{api_.get()});
    return check(result.get());
}

// ---- Statements

Result<PostgresConnection::PgResult> PostgresConnection::run(std::string_view sql,
                                                             std::span<const SqlValue> parameters) {
    const Parameters values(parameters);
    PgResult result(api_->exec_params(connection_.get(), std::string(sql).c_str(), values.count(),
                                      values.types(), values.values(), values.lengths(),
                                      values.formats(), kBinaryFormat),
                    Clear{api_.get()});
    FINEWATT_TRY(check(result.get()));
    return result;
}

Status PostgresConnection::query(std::string_view sql, std::span<const SqlValue> parameters,
                                 const OnSqlRow& on_row) {
    FINEWATT_ASSIGN(const PgResult result, run(sql, parameters));
    const int rows = api_->row_count(result.get());
    for (int i = 0; i < rows; ++i) {
        FINEWATT_TRY(on_row(PostgresRow(*api_, result.get(), i)));
    }
    return {};
}

Result<std::size_t> PostgresConnection::execute(std::string_view sql,
                                                std::span<const SqlValue> parameters) {
    FINEWATT_ASSIGN(const PgResult result, run(sql, parameters));
    const std::string_view digits = api_->changed_rows(result.get());
    std::size_t rows = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), rows);
    return rows;
}

// ---- Failures

Status PostgresConnection::check(const PGresult* result) {
    is_conflict_ = false;
    const ExecStatusType status = api_->result_status(result);
    is_broken_ = false;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        return {};
    }
    const char* field = api_->result_error_field(result, PG_DIAG_SQLSTATE);
    const std::string state = field == nullptr ? "" : field;
    // A failure without a state is libpq's own: the server is gone, which the connection's status
    // may show only after the next call.
    is_broken_ = state.empty();
    if (!is_connected()) {
        return lost();
    }
    is_conflict_ = state == "40001" || state == "40P01";
    const ErrorCode code = code_of(state);
    return Error(code, fmt::format("ledger {}: {} (SQLSTATE {}); {}", place_, message_of(result),
                                   state, advice_for(code)));
}

Error PostgresConnection::lost() const {
    return FINEWATT_ERROR(
        kIo,
        "ledger {}: the connection was lost ({}), and whether the last call was stored is not "
        "known; a run that ends stays in its journal: `finewatt runs recover` stores it once the "
        "server is back",
        place_, message_of(nullptr));
}

std::string PostgresConnection::message_of(const PGresult* result) const {
    const char* primary =
        result == nullptr ? nullptr : api_->result_error_field(result, PG_DIAG_MESSAGE_PRIMARY);
    std::string message =
        one_line(primary != nullptr ? primary : api_->error_message(connection_.get()));
    if (!password_.empty()) {
        for (std::size_t at = message.find(password_); at != std::string::npos;
             at = message.find(password_, at)) {
            message.replace(at, password_.size(), "***");
            at += 3;
        }
    }
    return message;
}

}  // namespace finewatt
