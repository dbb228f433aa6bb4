#include "finewatt/store/libpq_internal.h"

#include <type_traits>

namespace finewatt {

Result<std::unique_ptr<LibPq>> LibPq::open(const std::string& library) {
    Result<DynLib> opened = DynLib::open(library);
    if (!opened) {
        return FINEWATT_ERROR(kUnsupported,
                              "store: a PostgreSQL ledger needs the library {}, which is not "
                              "there ({}); install libpq5 (Debian, Ubuntu) or libpq (Fedora), or "
                              "name a file with --store sqlite:PATH",
                              library, opened.error().message());
    }
    std::unique_ptr<LibPq> api(new LibPq(*std::move(opened)));
    if (!api->load()) {
        return FINEWATT_ERROR(kUnsupported,
                              "store: expected PostgreSQL's client library of version 9.5 or "
                              "later in {}, found one that lacks a function; install libpq5",
                              library);
    }
    return api;
}

bool LibPq::load() {
    const auto find = [this](auto& function, const char* name) {
        function = library_.symbol<std::remove_reference_t<decltype(function)>>(name);
        return function != nullptr;
    };
    return find(connect, "PQconnectdbParams") && find(finish, "PQfinish") &&
           find(reset, "PQreset") && find(status, "PQstatus") &&
           find(error_message, "PQerrorMessage") &&
           find(needs_password, "PQconnectionNeedsPassword") &&
           find(server_version, "PQserverVersion") && find(parameter_status, "PQparameterStatus") &&
           find(set_notice_processor, "PQsetNoticeProcessor") &&
           find(transaction_status, "PQtransactionStatus") && find(host, "PQhost") &&
           find(port, "PQport") && find(database, "PQdb") && find(parse, "PQconninfoParse") &&
           find(free_parsed, "PQconninfoFree") && find(free_memory, "PQfreemem") &&
           find(exec, "PQexec") && find(exec_params, "PQexecParams") &&
           find(result_status, "PQresultStatus") &&
           find(result_error_field, "PQresultErrorField") && find(row_count, "PQntuples") &&
           find(value, "PQgetvalue") && find(length, "PQgetlength") &&
           find(is_null, "PQgetisnull") && find(changed_rows, "PQcmdTuples") &&
           find(clear, "PQclear");
}

}  // namespace finewatt
