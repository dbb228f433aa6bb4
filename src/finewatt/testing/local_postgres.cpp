#include "finewatt/testing/local_postgres.h"

#include "finewatt/base/check.h"
#include "finewatt/base/file.h"
#include "finewatt/base/subprocess.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <thread>
#include <vector>

namespace finewatt::testing {
namespace {

constexpr std::chrono::seconds kStartTimeout{60};

/// The folder of the newest server that Debian's or Fedora's packages installed; empty where there
/// is none.
std::filesystem::path find_server() {
    std::vector<std::filesystem::path> found;
    std::error_code ignored;
    for (const auto& version :
         std::filesystem::directory_iterator("/usr/lib/postgresql", ignored)) {
        found.push_back(version.path() / "bin");
    }
    found.emplace_back("/usr/bin");
    std::sort(found.rbegin(), found.rend());
    for (const std::filesystem::path& bin : found) {
        if (std::filesystem::exists(bin / "initdb", ignored) &&
            std::filesystem::exists(bin / "postgres", ignored) &&
            std::filesystem::exists(bin / "psql", ignored)) {
            return bin;
        }
    }
    return {};
}

/// In a new child: become the server's user, die with the parent, and run the program.
[[noreturn]] void run_program(uid_t uid, gid_t gid, const std::filesystem::path& log,
                              const std::vector<std::string>& argv) {
    std::vector<char*> pointers;
    for (const std::string& argument : argv) {
        pointers.push_back(const_cast<char*>(argument.c_str()));
    }
    pointers.push_back(nullptr);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    const bool is_root = ::geteuid() == 0;
    if (is_root && (::setgroups(0, nullptr) != 0 || ::setgid(gid) != 0 || ::setuid(uid) != 0)) {
        ::_exit(97);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (::chdir("/") != 0) {
        ::_exit(98);
    }
    ::execv(pointers[0], pointers.data());
    ::_exit(99);
}

}  // namespace

Result<LocalPostgres*> LocalPostgres::shared() {
    static const Result<std::unique_ptr<LocalPostgres>> server = start();
    if (!server) {
        return Error(server.error());
    }
    return server->get();
}

Result<std::unique_ptr<LocalPostgres>> LocalPostgres::start() {
    std::unique_ptr<LocalPostgres> server(new LocalPostgres());
    server->bin_ = find_server();
    if (server->bin_.empty()) {
        return FINEWATT_ERROR(kUnsupported,
                              "no PostgreSQL server is installed (package postgresql)");
    }
    FINEWATT_TRY(server->initialise());
    FINEWATT_TRY(server->start_again());
    server->run_sql(
        url_for("postgresql://@/postgres?host=" + server->tree_.path().string(), "finewatt"),
        "CREATE ROLE guarded LOGIN PASSWORD 'open sesame'");
    return server;
}

LocalPostgres::~LocalPostgres() {
    stop();
}

Status LocalPostgres::initialise() {
    uid_ = ::geteuid();
    gid_ = ::getegid();
    if (uid_ == 0) {  // the server refuses to run as root
        const passwd* user = ::getpwnam("postgres");
        user = user != nullptr ? user : ::getpwnam("nobody");
        FINEWATT_CHECK(user != nullptr, "tests as root need a user postgres or nobody");
        uid_ = user->pw_uid;
        gid_ = user->pw_gid;
    }
    data_ = tree_.path() / "data";
    std::filesystem::create_directory(data_);
    // The socket lies beside the data; others may go through, but not look around.
    if (::chown(tree_.path().c_str(), uid_, gid_) != 0 ||
        ::chmod(tree_.path().c_str(), 0711) != 0 || ::chown(data_.c_str(), uid_, gid_) != 0 ||
        ::chmod(data_.c_str(), 0700) != 0) {
        return error_from_errno(errno, "prepare " + data_.string());
    }
    const pid_t child =
        start_program("initdb", {"--pgdata=" + data_.string(), "--username=finewatt",
                                 "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"});
    int status = -1;
    ::waitpid(child, &status, 0);
    if (status != 0) {
        return FINEWATT_ERROR(kInternal, "initdb ended with status {}: {}", status,
                              read_file(tree_.path() / "log").value_or(""));
    }
    std::ofstream rules(data_ / "pg_hba.conf", std::ios::trunc);
    rules << "local all guarded scram-sha-256\nlocal all all trust\n";
    return {};
}

pid_t LocalPostgres::start_program(const std::string& program,
                                   const std::vector<std::string>& arguments) const {
    std::vector<std::string> argv{(bin_ / program).string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const std::filesystem::path log = tree_.path() / "log";
    const pid_t child = ::fork();
    if (child == 0) {
        run_program(uid_, gid_, log, argv);
    }
    FINEWATT_CHECK(child > 0, "tests need to fork");
    return child;
}

Status LocalPostgres::start_again() {
    std::error_code ignored;
    std::filesystem::remove(data_ / "postmaster.pid", ignored);
    pid_ = start_program("postgres", {"-D", data_.string(), "-k", tree_.path().string(), "-c",
                                      "listen_addresses=", "-c", "fsync=off", "-c",
                                      "max_connections=40", "-c", "shared_buffers=16MB"});
    return wait_until_ready();
}

Status LocalPostgres::wait_until_ready() const {
    const auto end = std::chrono::steady_clock::now() + kStartTimeout;
    while (std::chrono::steady_clock::now() < end) {
        int status = 0;
        if (::waitpid(pid_, &status, WNOHANG) == pid_) {
            break;
        }
        const std::string state = read_file(data_ / "postmaster.pid").value_or("");
        if (state.find("ready") != std::string::npos) {
            return {};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return FINEWATT_ERROR(kInternal, "the test's PostgreSQL server did not start: {}",
                          read_file(tree_.path() / "log").value_or(""));
}

void LocalPostgres::stop() {
    if (pid_ > 0) {
        ::kill(pid_, SIGQUIT);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
}

std::string LocalPostgres::make_database() {
    const std::string name = "ledger" + std::to_string(++databases_);
    const std::string host = tree_.path().string();
    run_sql("postgresql://finewatt@/postgres?host=" + host, "CREATE DATABASE " + name);
    return "postgresql://finewatt@/" + name + "?host=" + host;
}

std::string LocalPostgres::url_for(const std::string& url, const std::string& user,
                                   const std::string& password) {
    const std::string scheme = "postgresql://";
    const std::string rest = url.substr(url.find('@'));
    return scheme + user + (password.empty() ? "" : ":" + password) + rest;
}

std::string LocalPostgres::run_sql(const std::string& url, const std::string& sql) const {
    SubprocessOptions options;
    options.argv = {(bin_ / "psql").string(), "-X", "-q", "-A", "-t", "-v",
                    "ON_ERROR_STOP=1",        "-d", url,  "-c", sql};
    const Result<SubprocessResult> result = run_subprocess(options);
    FINEWATT_CHECK(result.has_value() && result->succeeded(), "psql must succeed in a test");
    return result->stdout_text;
}

}  // namespace finewatt::testing
