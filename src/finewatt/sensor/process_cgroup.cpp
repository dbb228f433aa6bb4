#include "finewatt/sensor/process_cgroup.h"

#include "finewatt/sensor/kernel_text_internal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>
#include <utility>

namespace finewatt {
namespace {

/// Where the v2 hierarchy is mounted: alone, or beside v1 hierarchies (systemd's hybrid layout).
constexpr std::array<const char*, 2> kMounts{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};

std::optional<std::filesystem::path> find_mount(const SysRoot& root) {
    for (const char* mount : kMounts) {
        std::error_code missing;
        const auto path = root.path(mount);
        if (std::filesystem::exists(path / "cgroup.controllers", missing)) {
            return path;
        }
    }
    return std::nullopt;
}

/// Return the v2 line of /proc/self/cgroup: "0::/user.slice/…".
std::optional<std::string> own_path(std::string_view text) {
    constexpr std::string_view kVersion2 = "0::";
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (line.starts_with(kVersion2)) {
            return std::string(line.substr(kVersion2.size()));
        }
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return std::nullopt;
}

Result<std::filesystem::path> own_folder(const SysRoot& root) {
    const auto mount = find_mount(root);
    const Result<std::string> text = read_file(root.path("/proc/self/cgroup"));
    const auto path = text ? own_path(*text) : std::nullopt;
    if (!mount || !path) {
        return FINEWATT_ERROR(kUnsupported, "cgroup v2: expected it below {}, found none",
                              root.path(kMounts[0]).string());
    }
    const std::filesystem::path folder = mount->string() + *path;
    std::error_code missing;
    if (!std::filesystem::is_directory(folder, missing)) {
        return FINEWATT_ERROR(kUnsupported,
                              "cgroup v2: expected the own group at {}, found none there (another "
                              "cgroup namespace)",
                              folder.string());
    }
    return folder;
}

Result<ScopedFd> open_folder(const std::filesystem::path& folder) {
    return open_file(folder, O_RDONLY | O_DIRECTORY);
}

}  // namespace

Result<std::uint64_t> parse_cgroup_usage_us(std::string_view text, std::string_view name) {
    constexpr std::string_view kKey = "usage_usec ";
    const auto at = text.starts_with(kKey) ? 0 : text.find("\nusage_usec ");
    if (at != std::string_view::npos) {
        std::string_view value = text.substr(text.find(' ', at) + 1);
        if (const auto number = parse_unsigned(value.substr(0, value.find('\n')))) {
            return *number;
        }
    }
    return FINEWATT_ERROR(kCorrupt, "{}: expected a line 'usage_usec N', found none", name);
}

Result<RunCgroup> RunCgroup::create(const SysRoot& root, const std::string& name) {
    FINEWATT_ASSIGN(const std::filesystem::path own, own_folder(root));
    const std::filesystem::path folder = own / name;
    if (::mkdir(folder.c_str(), 0755) != 0) {
        return error_from_errno(errno, "cgroup v2: make the group " + folder.string());
    }
    Result<ScopedFd> fd = open_folder(folder);
    if (!fd) {
        ::rmdir(folder.c_str());
        return Error(std::move(fd).error());
    }
    return RunCgroup(folder, std::move(*fd), true);
}

Result<RunCgroup> RunCgroup::open_own(const SysRoot& root) {
    FINEWATT_ASSIGN(const std::filesystem::path folder, own_folder(root));
    FINEWATT_ASSIGN(const std::string members, read_file(folder / "cgroup.procs"));
    const auto only = parse_unsigned(members);
    if (!only || *only != static_cast<std::uint64_t>(::getpid())) {
        return FINEWATT_ERROR(kUnsupported,
                              "cgroup v2: expected this process alone in {}, found others",
                              folder.string());
    }
    FINEWATT_ASSIGN(ScopedFd fd, open_folder(folder));
    RunCgroup group(folder, std::move(fd), false);
    FINEWATT_TRY(group.cpu_s());  // the root group may have none
    return group;
}

RunCgroup::RunCgroup(RunCgroup&& other) noexcept
    : folder_(std::exchange(other.folder_, {})),
      folder_fd_(std::move(other.folder_fd_)),
      is_made_(std::exchange(other.is_made_, false)) {}

RunCgroup& RunCgroup::operator=(RunCgroup&& other) noexcept {
    if (this != &other) {
        remove();
        folder_ = std::exchange(other.folder_, {});
        folder_fd_ = std::move(other.folder_fd_);
        is_made_ = std::exchange(other.is_made_, false);
    }
    return *this;
}

RunCgroup::~RunCgroup() {
    remove();
}

void RunCgroup::remove() {
    if (is_made_) {
        ::rmdir(folder_.c_str());  // best effort: a process may be left in it
    }
}

Result<double> RunCgroup::cpu_s() const {
    const auto path = folder_ / "cpu.stat";
    FINEWATT_ASSIGN(const std::string text, read_file(path));
    FINEWATT_ASSIGN(const std::uint64_t usage_us, parse_cgroup_usage_us(text, path.string()));
    return static_cast<double>(usage_us) * 1e-6;
}

}  // namespace finewatt
