#ifdef FINEWATT_HAS_POSTGRES
#include "finewatt/store/postgres_store.h"
#endif
#include "finewatt/store/sqlite_store.h"
#include "finewatt/store/store.h"

#include <utility>

namespace finewatt {
namespace {

Result<std::unique_ptr<Store>> open_postgres([[maybe_unused]] std::string_view url) {
#ifdef FINEWATT_HAS_POSTGRES
    return open_postgres_store(url);
#else
    return FINEWATT_ERROR(kUnsupported,
                          "store: this build has no PostgreSQL; name a file with sqlite:PATH, or "
                          "build with -DFINEWATT_WITH_POSTGRES=ON (package libpq-dev)");
#endif
}

/// A URL of another program, or one with a slip of the pen, may hold a password.
std::string_view without_secrets(std::string_view url) {
    const bool may_hold_one =
        url.find('@') != std::string_view::npos || url.find("password") != std::string_view::npos;
    return may_hold_one ? url.substr(0, url.find(':') + 1) : url;
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(std::string_view url) {
    constexpr std::string_view kSqlite = "sqlite:";
    if (url.starts_with(kSqlite) && url.size() > kSqlite.size()) {
        return open_sqlite_store(url.substr(kSqlite.size()));
    }
    if (url.starts_with("postgresql:") || url.starts_with("postgres:")) {
        return open_postgres(url);
    }
    return FINEWATT_ERROR(kInvalidArgument,
                          "store: expected sqlite:PATH or postgresql://USER@HOST:PORT/DATABASE, "
                          "found '{}'",
                          without_secrets(url));
}

Result<std::string> default_store_url(const EnvironmentLookup& environment) {
    const auto variable = [&environment](const char* name) {
        const char* value = environment(name);
        return std::string(value != nullptr ? value : "");
    };
    std::string url = variable("FINEWATT_STORE");
    if (!url.empty()) {
        return url;
    }
    // A relative XDG_DATA_HOME must be ignored (XDG Base Directory Specification 0.8).
    std::string data_home = variable("XDG_DATA_HOME");
    if (!data_home.starts_with('/')) {
        const std::string home = variable("HOME");
        if (home.empty()) {
            return FINEWATT_ERROR(kNotFound,
                                  "store: expected a place for the ledger, but FINEWATT_STORE, "
                                  "XDG_DATA_HOME and HOME are not set; use --store sqlite:PATH");
        }
        data_home = home + "/.local/share";
    }
    return "sqlite:" + data_home + "/finewatt/finewatt.db";
}

}  // namespace finewatt
