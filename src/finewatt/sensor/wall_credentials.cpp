#include "finewatt/base/file.h"
#include "finewatt/sensor/wall_credentials_internal.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <sstream>

namespace finewatt {
namespace {

Result<std::string> read_private_file(const std::string& path) {
    FINEWATT_ASSIGN(const ScopedFd file, open_file(path, O_RDONLY));

    struct stat facts {};

    if (::fstat(file.get(), &facts) != 0) {
        return error_from_errno(errno, "look at " + path);
    }
    if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return FINEWATT_ERROR(kPermission,
                              "{}: others may read or change it (mode {:o}), and it holds "
                              "passwords; run: chmod 600 {}",
                              path, facts.st_mode & 0777U, path);
    }
    return read_file(path);
}

/// Look a host up in words such as "machine plug login ann password x".
Result<std::optional<HttpCredentials>> find_host(const std::string& text, const std::string& path,
                                                 const std::string& host) {
    std::istringstream words(text);
    std::string word;
    bool is_ours = false;
    bool is_default = false;
    std::optional<HttpCredentials> found;
    std::optional<HttpCredentials> fallback;
    while (words >> word) {
        std::string value;
        if (word == "default") {
            is_ours = false;
            is_default = true;
            continue;
        }
        if (!(words >> value) || (word != "machine" && word != "login" && word != "password")) {
            // The word itself may be a misplaced password.
            return FINEWATT_ERROR(kInvalidArgument,
                                  "{}: expected entries like 'machine HOST login USER password "
                                  "PASSWORD', found another word",
                                  path);
        }
        if (word == "machine") {
            is_ours = value == host && !found;
            is_default = false;
            continue;
        }
        std::optional<HttpCredentials>* const entry =
            is_ours ? &found : (is_default ? &fallback : nullptr);
        if (entry != nullptr) {
            if (!*entry) {
                entry->emplace();
            }
            (word == "login" ? (*entry)->user : (*entry)->password) = value;
        }
    }
    return found ? found : fallback;
}

}  // namespace

Result<std::optional<HttpCredentials>> wall_credentials(const EnvLookup& env,
                                                        const std::string& host) {
    const auto user = env("FINEWATT_WALL_USER");
    const auto password = env("FINEWATT_WALL_PASSWORD");
    if (user && password) {
        return std::optional(HttpCredentials{*user, *password});
    }
    if (user || password) {
        return FINEWATT_ERROR(kInvalidArgument,
                              "expected both FINEWATT_WALL_USER and FINEWATT_WALL_PASSWORD, found "
                              "only {}",
                              user ? "FINEWATT_WALL_USER" : "FINEWATT_WALL_PASSWORD");
    }
    const auto path = env("FINEWATT_WALL_CREDENTIALS");
    if (!path || path->empty()) {
        return std::optional<HttpCredentials>();
    }
    FINEWATT_ASSIGN(const std::string text, read_private_file(*path));
    return find_host(text, *path, host);
}

}  // namespace finewatt
