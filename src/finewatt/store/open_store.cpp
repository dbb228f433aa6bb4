#include "finewatt/store/sqlite_store.h"
#include "finewatt/store/store.h"

#include <utility>

namespace finewatt {

Result<std::unique_ptr<Store>> open_store(std::string_view url) {
    constexpr std::string_view kSqlite = "sqlite:";
    if (url.starts_with(kSqlite) && url.size() > kSqlite.size()) {
        FINEWATT_ASSIGN(std::unique_ptr<Store> store,
                        SqliteStore::open(url.substr(kSqlite.size())));
        return store;
    }
    if (url.starts_with("postgresql:") || url.starts_with("postgres:")) {
        return FINEWATT_ERROR(kUnsupported,
                              "store '{}': this build has no PostgreSQL; name a file with "
                              "sqlite:PATH",
                              url.substr(0, url.find(':') + 1));
    }
    return FINEWATT_ERROR(kInvalidArgument, "store: expected sqlite:PATH, found '{}'", url);
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
