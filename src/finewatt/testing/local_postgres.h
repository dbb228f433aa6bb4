// LocalPostgres: a PostgreSQL server of its own inside a test program, in a temporary folder and
// reached over a socket in it. Nothing outside can reach it, and it ends with the program, also
// when that crashes.
//
// Not for unit tests that ctest runs one by one: each would start a server. Register their program
// with finewatt_test(… WHOLE).
#pragma once

#include "finewatt/base/result.h"
#include "finewatt/testing/temp_tree.h"

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace finewatt::testing {

/// Owns one running server. It trusts everybody but the role "guarded", whose password is "open
/// sesame". Not thread-safe.
class LocalPostgres {
  public:
    /// The server of this program, started on first use and stopped at its end. Error: unsupported
    /// where PostgreSQL's server is not installed (package postgresql), which tests skip on.
    static Result<LocalPostgres*> shared();

    /// Start a server that nobody else uses. Errors: see shared().
    static Result<std::unique_ptr<LocalPostgres>> start();

    LocalPostgres(const LocalPostgres&) = delete;
    LocalPostgres& operator=(const LocalPostgres&) = delete;
    ~LocalPostgres();

    /// Make a new empty database and return its URL, for its owner.
    std::string make_database();

    /// Return the URL of a database that make_database() gave, for another role.
    static std::string url_for(const std::string& url, const std::string& user,
                               const std::string& password = "");

    /// Run SQL as the owner in the database of a URL, with psql. Returns what it prints.
    std::string run_sql(const std::string& url, const std::string& sql) const;

    /// End the server at once, as a power loss does.
    void stop();

    /// Run again with the same data.
    Status start_again();

  private:
    LocalPostgres() = default;

    Status initialise();
    Status wait_until_ready() const;
    pid_t start_program(const std::string& program,
                        const std::vector<std::string>& arguments) const;

    TempTree tree_;
    std::filesystem::path bin_;
    std::filesystem::path data_;
    uid_t uid_ = 0;
    gid_t gid_ = 0;
    pid_t pid_ = -1;
    int databases_ = 0;
};

}  // namespace finewatt::testing
