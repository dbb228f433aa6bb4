// The functions of libpq that we call, opened at run time.
#pragma once

#include "finewatt/base/dyn_lib.h"
#include "finewatt/base/result.h"

#include <libpq-fe.h>
#include <memory>
#include <string>

namespace finewatt {

/// libpq's own header gives the types; nothing is linked. Connections and results made with it
/// must not outlive it.
class LibPq {
  public:
    /// Error: unsupported, naming the package that is missing.
    static Result<std::unique_ptr<LibPq>> open(const std::string& library);

    decltype(&::PQconnectdbParams) connect = nullptr;
    decltype(&::PQfinish) finish = nullptr;
    decltype(&::PQreset) reset = nullptr;
    decltype(&::PQstatus) status = nullptr;
    decltype(&::PQerrorMessage) error_message = nullptr;
    decltype(&::PQconnectionNeedsPassword) needs_password = nullptr;
    decltype(&::PQserverVersion) server_version = nullptr;
    decltype(&::PQparameterStatus) parameter_status = nullptr;
    decltype(&::PQsetNoticeProcessor) set_notice_processor = nullptr;
    decltype(&::PQtransactionStatus) transaction_status = nullptr;
    decltype(&::PQhost) host = nullptr;
    decltype(&::PQport) port = nullptr;
    decltype(&::PQdb) database = nullptr;
    decltype(&::PQconninfoParse) parse = nullptr;
    decltype(&::PQconninfoFree) free_parsed = nullptr;
    decltype(&::PQfreemem) free_memory = nullptr;
    decltype(&::PQexec) exec = nullptr;
    decltype(&::PQexecParams) exec_params = nullptr;
    decltype(&::PQresultStatus) result_status = nullptr;
    decltype(&::PQresultErrorField) result_error_field = nullptr;
    decltype(&::PQntuples) row_count = nullptr;
    decltype(&::PQgetvalue) value = nullptr;
    decltype(&::PQgetlength) length = nullptr;
    decltype(&::PQgetisnull) is_null = nullptr;
    decltype(&::PQcmdTuples) changed_rows = nullptr;
    decltype(&::PQclear) clear = nullptr;

  private:
    explicit LibPq(DynLib library) : library_(std::move(library)) {}

    bool load();

    DynLib library_;
};

}  // namespace finewatt
